"""What has always been there and is gone is a finding, and nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from remembering import RERANK, chat, compared, evidence, rerank, sample

from cohere_conformance.observed.compare import ObservedShapes

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange

DAYS = [f"2026-11-{day:02}" for day in range(1, 13)]
TODAY = "2026-11-29"
WITHOUT_ID = {name: value for name, value in RERANK.items() if name != "id"}
VANISHED_ID = ("shape-vanished", "additive", "/id")
TEXT = {"content": [{"type": "text", "text": "a"}]}
CALLS = {"tool_plan": "p", "tool_calls": []}


def shapes(contract: Contract, calls: list[Exchange], **further: Any) -> ObservedShapes:
    return ObservedShapes(evidence(contract, calls), **further)


def test_what_every_response_had_is_missed(amended: Contract) -> None:
    known = shapes(amended, [rerank(day) for day in DAYS])
    assert compared(known, amended, rerank(TODAY)) == []
    assert compared(known, amended, rerank(TODAY, WITHOUT_ID)) == [VANISHED_ID]
    gone = {**RERANK, "meta": {"api_version": {"version": "2"}}}
    assert compared(known, amended, rerank(TODAY, gone))[0][2] == "/meta/billed_units", "not what is in it"


def test_what_one_of_several_items_lacks_is_missed(amended: Contract) -> None:
    known = shapes(amended, [rerank(day) for day in DAYS])
    results = [{"index": 0, "relevance_score": 0.9}, {"index": 1}]
    found = compared(known, amended, rerank(TODAY, {**RERANK, "results": results}))
    assert found == [("shape-vanished", "additive", "/results/*/relevance_score")]
    assert compared(known, amended, rerank(TODAY, {**RERANK, "results": []})) == []


def test_what_some_items_had_beyond_their_declaration_is_not_missed(amended: Contract) -> None:
    both = [{"index": 0, "relevance_score": 0.9, "extra": 1}, {"index": 1, "relevance_score": 0.5}]
    known = shapes(amended, [rerank(day, {**RERANK, "results": both}) for day in DAYS])
    assert compared(known, amended, rerank(TODAY, {**RERANK, "results": both[1:]})) == []
    known = shapes(amended, [rerank(day, {**RERANK, "results": both[:1]}) for day in DAYS])
    assert compared(known, amended, rerank(TODAY, {**RERANK, "results": both})) == [
        ("shape-vanished", "additive", "/results/*/extra")
    ]


def test_one_day_is_no_evidence_however_much_is_sent(amended: Contract) -> None:
    """One bad run cannot teach what is always there: a threshold counts days as well."""
    assert compared(shapes(amended, [rerank(DAYS[0])] * 50), amended, rerank(TODAY, WITHOUT_ID)) == []
    assert (
        compared(shapes(amended, [rerank(day) for day in DAYS[:2]]), amended, rerank(TODAY, WITHOUT_ID)) == []
    )


def test_little_evidence_is_a_hint(amended: Contract) -> None:
    three = shapes(amended, [rerank(day) for day in DAYS[:3]])
    assert compared(three, amended, rerank(TODAY, WITHOUT_ID)) == [("shape-vanished", "notice", "/id")]
    others = shapes(amended, [rerank(day) for day in DAYS], hints=True)
    assert compared(others, amended, rerank(TODAY, WITHOUT_ID)) == [("shape-vanished", "notice", "/id")]
    known = shapes(amended, [rerank(day) for day in DAYS])
    assert compared(known, amended, rerank(None, WITHOUT_ID)) == [("shape-vanished", "notice", "/id")]


def test_an_older_response_is_not_compared_with_newer_ones(amended: Contract) -> None:
    known = shapes(amended, [rerank(day) for day in DAYS])
    assert compared(known, amended, rerank("2024-04-05", WITHOUT_ID)) == []


def test_what_was_once_absent_is_missed_after_a_long_row_only(amended: Contract) -> None:
    absent = [rerank("2026-10-01", WITHOUT_ID)]
    short = shapes(amended, [*absent, *(rerank(day) for day in DAYS[:9])])
    assert compared(short, amended, rerank(TODAY, WITHOUT_ID)) == []
    long = shapes(amended, [*absent, *(rerank(day) for day in DAYS[:10])])
    assert compared(long, amended, rerank(TODAY, WITHOUT_ID)) == [("shape-vanished", "notice", "/id")]


def test_what_depends_on_the_request_is_expected_of_such_requests_only(amended: Contract) -> None:
    measured = [chat(day, TEXT, logprobs=True, also={"logprobs": []}) for day in DAYS]
    known = shapes(amended, [*measured, *(chat(day, TEXT) for day in DAYS)])
    assert compared(known, amended, chat(TODAY, TEXT)) == []
    assert compared(known, amended, chat(TODAY, TEXT, logprobs=True)) == [
        ("shape-vanished", "notice", "/logprobs")
    ]


def test_what_depends_on_the_response_is_expected_of_such_responses_only(amended: Contract) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    texts = [chat(day, TEXT, tools=tools) for day in DAYS]
    calls = [chat(day, CALLS, reason="TOOL_CALL", tools=tools) for day in DAYS]
    known = shapes(amended, texts + calls)
    assert compared(known, amended, chat(TODAY, CALLS, reason="TOOL_CALL", tools=tools)) == []
    assert ("shape-vanished", "notice", "/message/content") in compared(
        known, amended, chat(TODAY, {}, tools=tools)
    )


def test_a_new_combination_of_known_parts_is_compared_and_an_unknown_part_is_not(amended: Contract) -> None:
    plain, spans = [rerank(day) for day in DAYS], [rerank(day, relevant_spans={}) for day in DAYS]
    gone = rerank(TODAY, WITHOUT_ID, relevant_spans={}, model="rerank-english-v3.0")
    assert compared(shapes(amended, plain + spans), amended, gone) == [], "another model may be different"
    english = [rerank(day, model="rerank-english-v3.0") for day in DAYS]
    every = shapes(amended, plain + spans + english)
    assert compared(every, amended, gone) == [("shape-vanished", "notice", "/id")], "a hint only"
    assert compared(shapes(amended, plain + english), amended, gone) == [], "spans are unknown"


def test_how_much_is_wanted_makes_no_scenario(amended: Contract) -> None:
    known = shapes(amended, [rerank(day) for day in DAYS])
    assert compared(known, amended, rerank(TODAY, WITHOUT_ID, top_n=3)) == [VANISHED_ID]


def test_a_value_that_nobody_has_seen_is_new(amended: Contract) -> None:
    known = shapes(amended, [chat(day, TEXT) for day in DAYS])
    assert compared(known, amended, chat(TODAY, TEXT, reason="MAX_TOKENS")) == [
        ("shape-new", "notice", "/finish_reason")
    ]


def test_a_type_that_nobody_has_seen_is_new(amended: Contract) -> None:
    known = shapes(amended, [chat(day, {**TEXT, "tool_plan": "p"}) for day in DAYS])
    assert compared(known, amended, chat(TODAY, {**TEXT, "tool_plan": None})) == [
        ("shape-new", "notice", "/message/tool_plan")
    ]


def test_a_declared_property_that_such_requests_never_got_is_new(amended: Contract) -> None:
    known = shapes(amended, [rerank(day) for day in DAYS])
    warned = {**RERANK, "meta": {**RERANK["meta"], "warnings": ["w"]}}  # type: ignore[dict-item]
    assert compared(known, amended, rerank(TODAY, warned)) == [("shape-new", "notice", "/meta/warnings")]
    few = shapes(amended, [rerank(day) for day in DAYS[:9]])
    assert compared(few, amended, rerank(TODAY, warned)) == []


def test_the_fingerprint_does_not_depend_on_the_evidence(amended: Contract) -> None:
    gone = sample(amended, rerank(TODAY, WITHOUT_ID))
    names = {
        finding.fingerprint
        for number in (3, 12)
        for finding in shapes(amended, [rerank(day) for day in DAYS[:number]]).findings(gone)
    }
    assert len(names) == 1


@pytest.mark.parametrize("location", ["/id", "/results/*/index"])
def test_what_is_reported_already_is_not_reported_again(amended: Contract, location: str) -> None:
    known = shapes(amended, [rerank(day) for day in DAYS])
    bare = sample(amended, rerank(TODAY, {"results": [{"relevance_score": 0.9}], "meta": RERANK["meta"]}))
    assert {one.location for one in known.findings(bare)} == {"/id", "/results/*/index"}
    assert location not in {one.location for one in known.findings(bare, {location})}
