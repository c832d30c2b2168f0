"""The judge sees every change that the contract can see: a few operations here, all in the benchmark.

The operations are those that differ in what they declare; the rest repeats them with other names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import mutation
import pytest
from click.testing import CliRunner
from mutations import measure as measuring
from mutations.build import variants
from mutations.change import Expected
from mutations.measure import INVISIBLE, Tally, measure
from mutations.scenarios import IncompleteError, streams
from mutations.schemas import UnknownKeywordError
from mutations.values import edits

from cohere_conformance.contract import load_contract
from cohere_conformance.contract.compile import Events
from cohere_conformance.contract.grammar import Step
from cohere_conformance.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange, Finding

PLAIN, SMALL = "POST /v1/tokenize", "POST /v1/check-api-key"
EVERYWHERE = {
    Kind.STATUS_UNDECLARED,
    Kind.MEDIA_TYPE_UNDECLARED,
    Kind.BODY_MALFORMED,
    Kind.PROPERTY_UNDOCUMENTED,
    Kind.TYPE_CHANGED,
    Kind.NULL_UNEXPECTED,
    Kind.ERROR_ENVELOPE,
}
STREAMED = {
    Kind.STREAM_MALFORMED,
    Kind.STREAM_EVENT_UNKNOWN,
    Kind.STREAM_ORDER,
    Kind.STREAM_UNTERMINATED,
    Kind.STREAM_FOLD_MISMATCH,
}
OPERATIONS = {
    PLAIN: EVERYWHERE | {Kind.PROPERTY_MISSING},
    "POST /v1/classify": EVERYWHERE | {Kind.PROPERTY_MISSING, Kind.ENUM_UNKNOWN},  # a map
    "POST /v1/embed": EVERYWHERE | {Kind.UNION_UNMATCHED, Kind.FORMAT_INVALID, Kind.HEADER_INVALID},
    "GET /v1/datasets/usage": EVERYWHERE | {Kind.PATTERN_MISMATCH, Kind.FORMAT_INVALID},
    "GET /v2/batches": EVERYWHERE | {Kind.ENUM_UNKNOWN, Kind.FORMAT_INVALID},  # another error body
    "POST /v1/embed-jobs/{id}/cancel": EVERYWHERE,  # a status without content
    "POST /v1/datasets": EVERYWHERE,  # a query that must be there
    "POST /v1/generate": EVERYWHERE | STREAMED,  # newline-delimited JSON, two texts side by side
    "POST /v2/chat": EVERYWHERE | STREAMED | {Kind.UNION_UNMATCHED, Kind.BOUND_EXCEEDED},  # both framings
}


def reported(tally: Tally) -> set[str]:
    return {f"{trouble.what}: {trouble.change} at {trouble.location}" for trouble in tally.troubles}


@pytest.fixture
def contract() -> Contract:
    return load_contract()


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_visible_change_is_found_and_nothing_else(contract: Contract, label: str) -> None:
    tally = measure(contract, [label])

    assert reported(tally) == set()
    assert tally.total("killed") == tally.total("") > 500
    assert tally.total("clean", kind=INVISIBLE) > 50
    made = {kind for _, kind in tally.made}
    assert made >= {str(kind) for kind in OPERATIONS[label]}


def test_every_status_of_an_operation_is_changed(contract: Contract) -> None:
    tally = measure(contract, [SMALL])

    statuses = len(contract.operations[SMALL].responses)
    assert tally.originals[SMALL] >= 2 * statuses
    # Every error body lacks its message in several ways.
    assert tally.total("killed", kind=Kind.ERROR_ENVELOPE) >= 10 * (statuses - 1)


def test_what_is_counted_does_not_change_from_run_to_run(contract: Contract) -> None:
    assert measure(contract, [PLAIN]) == measure(contract, [PLAIN])


# --- the measure itself: a worse judge has a worse result


def _worse(monkeypatch: pytest.MonkeyPatch, spoil: Callable[[list[Finding]], list[Finding]]) -> None:
    judge = measuring.judge

    def worse(contract: Contract, exchange: Exchange) -> list[Finding]:
        return spoil(judge(contract, exchange))

    monkeypatch.setattr(measuring, "judge", worse)


def test_a_blind_judge_misses_everything(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    _worse(monkeypatch, lambda findings: [])
    tally = measure(contract, [SMALL])
    assert tally.total("missed") == tally.total("") == len(tally.troubles)


def test_a_kind_that_is_never_named_is_missed(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    _worse(monkeypatch, lambda findings: [one for one in findings if one.kind is not Kind.TYPE_CHANGED])
    tally = measure(contract, [SMALL])
    assert tally.total("killed", kind=Kind.TYPE_CHANGED) == 0
    assert tally.total("killed", kind=Kind.NULL_UNEXPECTED) == tally.total("", kind=Kind.NULL_UNEXPECTED) > 0


def test_a_finding_at_a_wrong_location_is_no_hit(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    _worse(
        monkeypatch,
        lambda findings: [msgspec.structs.replace(one, location=f"{one.location}/x") for one in findings],
    )
    tally = measure(contract, [SMALL])
    assert tally.total("misplaced") == tally.total("") > 0


def test_a_judge_with_false_positives_is_detected(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = measuring.judge(contract, _undeclared(contract))
    _worse(monkeypatch, lambda findings: [*findings, *made])
    tally = measure(contract, [SMALL])
    whats = {trouble.what for trouble in tally.troubles}
    assert {"unclean original", "false alarm", "escalated"} <= whats
    assert tally.total("clean", kind=INVISIBLE) == 0


def _undeclared(contract: Contract) -> Exchange:
    request = measuring.request_for(contract, SMALL)
    return measuring.Exchange(request, measuring.Response(599), measuring.Source("test"))


def test_a_keyword_without_a_known_change_is_rejected() -> None:
    with pytest.raises(UnknownKeywordError, match="dependentRequired"):
        list(edits({"dependentRequired": {"a": ["b"]}}, {}))


def test_a_grammar_without_a_scene_is_rejected(contract: Contract) -> None:
    declared = contract.operations["POST /v2/chat"].responses["200"].media["text/event-stream"].events
    assert declared is not None
    assert declared.grammar is not None
    states = declared.grammar.states | {"body": declared.grammar.states["body"] | {"pause": Step("body")}}
    grammar = msgspec.structs.replace(declared.grammar, states=states)
    with pytest.raises(IncompleteError, match="pause"):
        list(streams(Events(declared.tag, declared.branches, grammar, declared.terminator)))


# --- the builder and the edits


def test_an_instance_has_every_property_every_branch_and_every_bound() -> None:
    text = {
        "type": "object",
        "required": ["kind", "text"],
        "properties": {"text": {"minLength": 2, "type": "string"}},
    }
    schema = {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": {"enum": ["text", "none"], "x-tag": True}},
            "allOf": [
                {"if": {"properties": {"kind": {"enum": [kind]}}, "required": ["kind"]}, "then": branch}
                for kind, branch in (("text", text), ("none", {"type": "object"}))
            ],
        },
    }
    whole, empty, *_ = variants(schema)
    assert {item["kind"] for item in whole} == {"text", "none"}
    assert "yy" in {item.get("text") for item in whole}
    assert empty == []


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "integer"}, 7, {("type string", Kind.TYPE_CHANGED), ("null", Kind.NULL_UNEXPECTED)}),
        ({"enum": ["a"]}, "a", {("unknown value", Kind.ENUM_UNKNOWN), ("type array", Kind.ENUM_UNKNOWN)}),
        ({"enum": ["a"], "x-tag": True}, "a", {("unknown value", Kind.UNION_UNMATCHED)}),
        ({"minimum": 0}, 1, {("bound minimum", Kind.BOUND_EXCEEDED)}),
        ({"x-format": "int32", "maximum": 2}, 1, {("format int32", Kind.FORMAT_INVALID)}),
        ({"pattern": "^a$"}, "a", {("pattern", Kind.PATTERN_MISMATCH)}),
        ({"uniqueItems": True}, [1], {("bound uniqueItems", Kind.BOUND_EXCEEDED)}),
        ({"required": ["a"]}, {"a": 1}, {("drop required", Kind.PROPERTY_MISSING)}),
    ],
)
def test_an_edit_is_made_for_each_keyword(
    schema: dict[str, object], value: object, expected: set[tuple[str, Kind]]
) -> None:
    made = {(edit.name, edit.must[0].kind) for edit in edits(schema, value) if edit.must}
    assert made >= expected


def test_a_location_is_written_as_in_findings() -> None:
    schema = {"additionalProperties": {"items": {"properties": {"a/b": {"type": "null"}}}}}
    must = {edit.must for edit in edits(schema, {"k": [{"a/b": None}]}, prefix="<e>") if edit.must}
    assert {expected.location for (expected,) in must} == {"<e>/{}/*/a~1b"}
    assert Expected(Kind.TYPE_CHANGED, "<e>/{}/*/a~1b", "string") in {one for (one,) in must}


# --- the command


def test_the_command_prints_the_tables_and_writes_the_counts(tmp_path: Path) -> None:
    file = tmp_path / "counts.json"
    done = CliRunner().invoke(
        mutation.main, ["--operation", SMALL, "--limit", "0", "--as-json", str(file)], catch_exceptions=False
    )
    assert done.exit_code == 0
    rows = [line.split() for line in done.output.splitlines() if line.startswith(SMALL)]
    assert [row[-1] for row in rows] == ["100.00%"]
    counts = json.loads(file.read_text(encoding="utf-8"))
    assert counts["troubles"] == []
    assert {row["operation"] for row in counts["changes"]} == {SMALL}


def test_the_command_fails_and_shows_how_to_repeat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _worse(monkeypatch, lambda findings: [one for one in findings if one.kind is not Kind.STATUS_UNDECLARED])
    done = CliRunner().invoke(mutation.main, ["--operation", SMALL, "--limit", "0"], catch_exceptions=False)
    assert done.exit_code == 1
    assert "MISSED: status 418 at ''" in done.output
    assert "expected: status-undeclared at '' 418" in done.output


def test_an_operation_that_is_not_declared_is_refused() -> None:
    done = CliRunner().invoke(mutation.main, ["--operation", "GET /v9/nothing"])
    assert done.exit_code == 2
    assert "GET /v9/nothing" in done.output
