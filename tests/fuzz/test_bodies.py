"""JSON bodies derived from a contract: what is allowed stays allowed, and what is broken is one rule."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohere_conformance.cases import shipped_suite
from cohere_conformance.contract import load_contract
from cohere_conformance.data import folder
from cohere_conformance.errors import CaseError, ContractError
from cohere_conformance.fuzz import bodies
from cohere_conformance.fuzz.anchors import anchors
from cohere_conformance.fuzz.candidate import Expected, GenerationMode
from cohere_conformance.fuzz.domain import Domain, load_domain
from cohere_conformance.fuzz.mix import mixed
from cohere_conformance.fuzz.shrink import shrunk
from cohere_conformance.fuzz.values import allowed, broken, built
from cohere_conformance.fuzz.walk import ABSENT, Site, edited, rules, sites, without_surrogates

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.fuzz.candidate import Anchor, Candidate

CONTRACT = load_contract()
BODIED = [
    label
    for label, operation in CONTRACT.operations.items()
    if operation.request is not None and "application/json" in operation.request.media
]
RERANK = "POST /v2/rerank"


@lru_cache(maxsize=1)
def domain() -> Domain:
    return load_domain(folder("suites") / "fuzz" / "domain.yaml", CONTRACT.operations)


def start(label: str) -> tuple[Anchor, ...]:
    return anchors(shipped_suite(), CONTRACT.operations[label], "contract")


def negatives(label: str) -> list[Candidate]:
    operation = CONTRACT.operations[label]
    return [one for anchor in start(label) for one in bodies.negative(operation, anchor, domain())]


def positives(label: str) -> list[Candidate]:
    operation = CONTRACT.operations[label]
    return [one for anchor in start(label) for one in bodies.positive(operation, anchor, domain())]


def declared(label: str) -> Any:
    request = CONTRACT.operations[label].request
    assert request is not None
    return request.media["application/json"]


@pytest.mark.parametrize("label", BODIED)
def test_every_operation_has_something_to_start_from(label: str) -> None:
    assert start(label)
    for anchor in start(label):
        assert declared(label).compiled.is_valid(anchor.template.body)


@pytest.mark.parametrize("label", BODIED)
def test_what_is_allowed_keeps_every_rule(label: str) -> None:
    found = positives(label)
    assert len(found) >= 5
    for candidate in found:
        assert declared(label).compiled.is_valid(without_surrogates(candidate.template.body)), candidate.name
        assert candidate.expected is not Expected.REFUSED


@pytest.mark.parametrize("label", BODIED)
def test_a_negative_request_breaks_one_rule_at_the_reported_location(label: str) -> None:
    operation = CONTRACT.operations[label]
    found = negatives(label)
    assert len(found) >= 15
    for candidate in found:
        rule = candidate.rule
        assert rule is not None
        broke = bodies.broken_rules(operation, candidate.template.body)
        limits = domain().limits(label, rule.location, candidate.template.body)
        words = [limit for limit in limits if rule.keyword in limit.rule]
        if not broke:
            assert words, f"{candidate.name} breaks nothing"
            assert not domain().within(label, candidate.template.body)
        else:
            assert {location or "/" for location, _ in broke} == {rule.location}, candidate.name


def test_every_declared_rule_of_a_request_is_broken_by_something() -> None:
    broken_rules = {(one.rule.location, one.rule.keyword) for one in negatives(RERANK) if one.rule}
    assert {
        ("/", "additionalProperties"),
        ("/model", "required"),
        ("/query", "required"),
        ("/documents", "required"),
        ("/documents", "type"),
        ("/documents/*", "type"),
        ("/top_n", "minimum"),
        ("/priority", "minimum"),
        ("/priority", "maximum"),
    } <= broken_rules


def test_declared_limits_and_listed_values_have_to_be_served() -> None:
    served = {(one.location, one.says) for one in positives(RERANK) if one.expected is Expected.SERVED}
    assert ("/priority", "0, the least that is declared") in served
    assert ("/priority", "999, the most that is declared") in served
    listed = {
        (one.location, one.says) for one in positives("POST /v2/embed") if one.expected is Expected.SERVED
    }
    assert {("/truncate", "'NONE'"), ("/truncate", "'START'"), ("/truncate", "'END'")} & listed


def test_another_name_is_not_expected_to_be_served() -> None:
    named = [one for one in positives(RERANK) if one.location == "/model"]
    assert named
    assert {(one.mode, one.expected) for one in named} == {(GenerationMode.PROTOCOL, Expected.EITHER)}


def test_what_version_1_ignores_may_be_served() -> None:
    unknown = [one for one in negatives("POST /v1/rerank") if one.rule and "additional" in one.rule.keyword]
    assert unknown
    assert {one.expected for one in unknown} == {Expected.EITHER}
    refused = [one for one in negatives(RERANK) if one.rule and "additional" in one.rule.keyword]
    assert {one.expected for one in refused} == {Expected.REFUSED}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_several_changes_keep_every_rule(data: st.DataObject) -> None:
    label = data.draw(st.sampled_from(["POST /v2/chat", "POST /v1/rerank", "POST /v2/embed"]))
    candidate = data.draw(mixed(CONTRACT.operations[label], start(label), domain()))
    assert declared(label).compiled.is_valid(without_surrogates(candidate.template.body))
    assert domain().within(label, candidate.template.body)
    assert candidate.expected is Expected.EITHER


@pytest.mark.parametrize("label", ["POST /v2/chat", "POST /v2/rerank", "POST /v1/datasets"])
def test_a_smaller_request_breaks_the_same_rules(label: str) -> None:
    operation = CONTRACT.operations[label]
    found = [*negatives(label), *positives(label)] if label in BODIED else []
    for candidate in found[::17]:
        for less in shrunk(operation, candidate):
            assert bodies.broken_rules(operation, less.template.body) == bodies.broken_rules(
                operation, candidate.template.body
            )
            assert less.expected is not Expected.SERVED
            assert less.template != candidate.template


def test_smaller_requests_come_to_an_end() -> None:
    operation = CONTRACT.operations[RERANK]
    [anchor, *_] = start(RERANK)
    body = {"model": "m", "query": "q" * 100, "documents": ["d" * 50] * 40, "top_n": 0}
    candidate = next(bodies.negative(operation, anchor, domain()))
    template = msgspec.structs.replace(candidate.template, body=body)
    candidate = msgspec.structs.replace(candidate, template=template)
    steps = 0
    while (less := next(shrunk(operation, candidate), None)) is not None:
        candidate, steps = less, steps + 1
        assert steps < 200
    left = candidate.template.body
    assert isinstance(left, dict)
    assert left.keys() == {"model", "query", "documents", "top_n"}
    assert len(left["documents"]) == 1


# -- schemas of our own

TREE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["leaf", "branch"], "x-tag": True},
        "weight": {"if": {"type": "null"}, "else": {"type": "integer", "minimum": 0, "maximum": 9}},
    },
    "required": ["kind"],
    "allOf": [
        {
            "if": {"properties": {"kind": {"enum": ["branch"]}}, "required": ["kind"]},
            "then": {
                "properties": {"below": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "minItems": 1}},
                "required": ["below"],
            },
        }
    ],
    "$defs": {},
}
TREE["$defs"] = {"tree": {key: value for key, value in TREE.items() if key != "$defs"}}


def at(body: Any) -> dict[str, Site]:
    return {site.location: site for site in sites(TREE, body)}


def test_the_branch_is_the_one_that_the_body_means() -> None:
    assert at({"kind": "leaf"}).keys() == {"", "/kind", "/weight"}
    assert "/below" in at({"kind": "branch", "below": [{"kind": "leaf"}]})
    assert at({"kind": "branch", "below": [{"kind": "leaf"}]})["/below/*/kind"].value == "leaf"


def test_what_is_absent_has_rules_as_well() -> None:
    weight = at({"kind": "leaf"})["/weight"]
    assert weight.value is ABSENT
    assert weight.types == {"integer"}
    assert [one.value for one in allowed(TREE, weight) if one.sure] == [0, 9]
    assert {one.keyword for one in broken(TREE, weight)} == {"type", "minimum", "maximum"}


def test_a_small_value_is_built_for_each_branch() -> None:
    assert built(TREE, rules(TREE, TREE, ABSENT), {"kind": "leaf"}) == {"kind": "leaf"}
    branch = built(TREE, rules(TREE, TREE, ABSENT), {"kind": "branch"})
    assert branch == {"kind": "branch", "below": [{"kind": "leaf"}]}


@pytest.mark.parametrize(
    ("path", "value", "outcome"),
    [
        (("a",), 1, {"a": 1, "b": [1, {"c": 2}]}),
        (("b", 1, "c"), ABSENT, {"a": 0, "b": [1, {}]}),
        (("b", 0), ABSENT, {"a": 0, "b": [{"c": 2}]}),
        (("new",), [], {"a": 0, "b": [1, {"c": 2}], "new": []}),
        ((), 5, 5),
    ],
)
def test_a_place_is_changed_in_a_copy(path: tuple[str | int, ...], value: Any, outcome: Any) -> None:
    body = {"a": 0, "b": [1, {"c": 2}]}
    assert edited(body, path, value) == outcome
    assert body == {"a": 0, "b": [1, {"c": 2}]}


# -- the file of what is known


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("kept: [{locations: [/a], reason: r, operations: [GET /nowhere]}]", CaseError, "GET /nowhere"),
        ("kept: [{locations: [/a], reason: r, why: x}]", ContractError, "why"),
        ("limits: 5", ContractError, "limits"),
    ],
)
def test_an_invalid_domain_file_is_reported(
    text: str, error: type[Exception], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "domain.yaml"
    path.write_text(text)
    with pytest.raises(error, match=words):
        load_domain(path, CONTRACT.operations)


def test_every_entry_is_about_a_place_that_requests_have() -> None:
    file = msgspec.yaml.decode((folder("suites") / "fuzz" / "domain.yaml").read_bytes())
    for entry in (*file["kept"], *file["fixed"], *file["limits"], *file["depends"]):
        if any(":" in location for location in entry["locations"]):
            continue
        labels = entry.get("operations") or BODIED
        seen = {
            site.location
            for label in labels
            for anchor in start(label)
            for site in sites(declared(label).schema, anchor.template.body)
        }
        assert seen & set(entry["locations"]), entry


# -- what only the server says


@pytest.mark.parametrize("label", ["POST /v2/batches", "POST /v1/finetuning/finetuned-models"])
def test_what_only_the_server_says_may_be_ignored_or_refused(label: str) -> None:
    derived = [one for one in (*positives(label), *negatives(label)) if one.location in {"/status", "/id"}]
    assert {one.mode for one in derived} == {GenerationMode.POSITIVE, GenerationMode.NEGATIVE}
    assert {one.expected for one in derived} == {Expected.EITHER}
    assert Expected.REFUSED in {one.expected for one in negatives(label)}, "other rules are enforced"
