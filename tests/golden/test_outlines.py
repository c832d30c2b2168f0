"""Cassettes of the reference server demand status and shape of other servers, and no values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from running import called
from third_party import third_party

from cohere_conformance.contract import load_contract
from cohere_conformance.data import folder
from cohere_conformance.golden.compare import Demands, compare, shipped_rules
from cohere_conformance.model import Exchange, Expectation, Request, Response, Severity, Source

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = load_contract()
RULES = shipped_rules()
SHIPPED = str(folder("cassettes"))
RERANK = {
    "id": "a",
    "results": [{"index": 0, "relevance_score": 0.5}],
    "meta": {"api_version": {"version": "2"}},
}
EXPECTS_SCORES: dict[str, dict[str, object] | bool] = {"/results/0/relevance_score": {"type": "number"}}


def exchange(
    body: Any, status: int = 200, path: str = "/v2/rerank", media: str = "application/json"
) -> Exchange:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Exchange(
        Request("POST", f"https://api.cohere.com{path}", (), b"{}", has_key=True),
        Response(status=status, headers=(("content-type", media),), body=content),
        Source("test", "", None),
    )


def found(
    golden: Any,
    fresh: Any,
    *,
    expects: dict[str, dict[str, object] | bool] | None = None,
    statuses: tuple[int, ...] = (),
    **same: str,
) -> list[tuple[Severity, str, str]]:
    """Return severity, location and observed value of each difference."""
    then, now = (
        one if isinstance(one, Exchange) else exchange(one, **same)  # type: ignore[arg-type]
        for one in (golden, fresh)
    )
    demands = Demands(Expectation(status=statuses, body=expects or {}))
    differences = compare(
        CONTRACT, RULES, "a-case", then, now, golden_values={}, fresh_values={}, demands=demands
    )
    return [(one.severity, one.location, one.observed) for one in differences]


def changed(**further: Any) -> dict[str, Any]:
    return {**RERANK, **further}


@pytest.mark.parametrize(
    "fresh",
    [
        changed(id="another"),
        changed(results=[{"index": 3, "relevance_score": 0}]),
        changed(results=[{"index": 0, "relevance_score": 1}, {"index": 1, "relevance_score": 0.1}]),
        changed(meta={"api_version": {"version": "7"}, "warnings": ["a notice"]}),
    ],
)
def test_other_values_are_no_difference(fresh: Any) -> None:
    assert found(RERANK, fresh, expects=EXPECTS_SCORES) == []


@pytest.mark.parametrize(
    ("fresh", "location"),
    [
        (changed(results=[]), "/results/*"),
        (changed(results=[{"index": 0}]), "/results/*/relevance_score"),
        (changed(results=[{"index": 0, "relevance_score": None}]), "/results/*/relevance_score"),
        (changed(results=[{"index": 0, "relevance_score": "0.5"}]), "/results/*/relevance_score"),
        (changed(results={}), "/results"),
        ({"id": "a"}, "/results"),
        ([], ""),
    ],
)
def test_what_the_case_expects_is_demanded(fresh: Any, location: str) -> None:
    differences = found(RERANK, fresh, expects=EXPECTS_SCORES)
    assert (Severity.BREAKING, location) in {(severity, where) for severity, where, _ in differences}


def test_an_optional_property_that_no_case_expects_is_a_notice() -> None:
    without = {name: value for name, value in RERANK.items() if name != "meta"}
    assert found(RERANK, without) == [(Severity.NOTICE, "/meta", "no such property")]
    assert found(without, RERANK) == []


def test_another_status_is_a_difference_unless_the_case_accepts_it() -> None:
    refused, other = ({"message": text} for text in ("invalid request", "nope"))
    then, now = exchange(refused, 400), exchange(other, 422)
    assert found(then, now) == [(Severity.BREAKING, "", "422: nope")]
    assert found(then, now, statuses=(400, 422)) == []
    assert found(then, exchange(RERANK), statuses=(400, 422))[0][0] is Severity.BREAKING


def test_the_wording_and_the_properties_of_an_error_are_not_compared() -> None:
    then, now = exchange({"id": "1", "message": "invalid"}, 400), exchange({"message": "abgelehnt"}, 400)
    assert found(then, now) == []


def stream(*payloads: dict[str, Any]) -> bytes:
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in payloads)


def test_of_a_stream_the_kinds_of_events_are_compared() -> None:
    begin = {"type": "message-start", "id": "a", "delta": {"message": {"role": "assistant"}}}
    plan = {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I will"}}}
    end = {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}
    like = {"path": "/v2/chat", "media": "text/event-stream"}
    whole = stream(begin, plan, plan, end)
    expects: dict[str, dict[str, object] | bool] = {"<tool-plan-delta>/delta": True}
    assert found(whole, stream(begin, plan, end), **like) == []
    assert found(whole, stream(begin, end), expects=expects, **like) == [
        (Severity.BREAKING, "<tool-plan-delta>", "no event of this type")
    ]
    assert found(whole, stream(begin, end), **like)[0][0] is Severity.NOTICE
    untyped = stream(begin, {**plan, "delta": "I will"}, end)
    assert found(whole, untyped, **like) == [(Severity.BREAKING, "<tool-plan-delta>/delta", "string")]
    body = exchange({"id": "a"}, path="/v2/chat")
    assert found(exchange(whole, **like), body) == [(Severity.BREAKING, "", "a body that is no stream")]  # type: ignore[arg-type]


# -- the command


def verified(home: Path, url: str, *arguments: str) -> Any:
    return called(home, "verify", "--cassettes", SHIPPED, "--url", url, *arguments)


def only(case: str) -> tuple[str, ...]:
    """Return the options that select one case, and the cassettes of its group."""
    return "--only", case.partition(".")[0], "--case", case


def test_a_server_with_other_values_conforms(tmp_path: Path) -> None:
    with third_party() as url:
        done = verified(tmp_path, url, "--only", "chat,rerank,tokenize,embed")
        assert done.code == 0, done.output
        assert done.report["footer"]["totals"]["breaking"] == 0
        golden = done.report["header"]["golden"]
        assert golden["shape_only"] == golden["reference"] > 250
        assert "only status and shape are compared with those of the reference server" in done.output
        done = verified(tmp_path, url, *only("rerank.v2.plain"), "--compare", "values")
    assert done.code == 1, done.output
    assert done.kinds == {"golden-changed"}
    assert done.report["header"]["golden"]["shape_only"] == 0
    assert "only status and shape" not in done.output


def _without_scores(body: Any) -> Any:
    if isinstance(body, dict):
        for result in body.get("results", ()):
            result.pop("relevance_score", None)
    return body


def _longer(body: Any) -> Any:
    return {**body, "results": body["results"] * 2} if isinstance(body, dict) and "results" in body else body


@pytest.mark.parametrize(
    ("change", "kind"), [(_without_scores, "property-missing"), (_longer, "requirement-violated")]
)
def test_a_wrong_server_deviates(change: Any, kind: str, tmp_path: Path) -> None:
    with third_party(change=change) as url:
        done = verified(tmp_path, url, *only("rerank.v2.plain"))
    assert done.code == 1, done.output
    assert kind in done.kinds


@pytest.mark.parametrize(
    ("fault", "case"),
    [
        ("rerank.one-missing", "rerank.v2.plain"),
        ("chat.v2.stream.no-usage", "chat.v2.stream"),
        ("tokenize.strings-short", "tokenize.plain"),
        ("auth.any-key", "check-api-key.wrong"),
    ],
)
def test_faults_of_shape_and_status_show_without_values(fault: str, case: str, tmp_path: Path) -> None:
    arguments = ("--cassettes", SHIPPED, *only(case), "--fault", fault, "--compare", "shape")
    done = called(tmp_path, "verify", *arguments)
    assert done.report["findings"], done.output


def test_cassettes_of_the_users_own_server_are_compared_by_value(tmp_path: Path) -> None:
    one = only("tokenize.plain")
    with third_party() as url:
        done = called(tmp_path, "record", "--url", url, *one, "--cassettes", "mine")
        assert done.code == 0, done.output
        done = called(tmp_path, "verify", "--url", url, *one, "--cassettes", "mine")
        assert done.code == 0, done.output
        assert done.report["header"]["golden"]["shape_only"] == 0
    done = called(tmp_path, "verify", *one, "--cassettes", "mine", "--compare", "shape")
    assert done.code == 1, done.output
    assert done.kinds == {"golden-changed"}
