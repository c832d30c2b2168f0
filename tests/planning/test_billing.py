"""What a request can cost at most, and what the shipped observations say about the cases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.cases import Skip, shipped_suite
from cohere_conformance.contract.tiers import Tier, shipped_policies
from cohere_conformance.errors import ContractError
from cohere_conformance.planning import load_observations, most_billed, ranges, total
from cohere_conformance.planning.observed import ObservedCase

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("operation", "body", "bills"),
    [
        ("POST /v2/chat", {"messages": [{"role": "user", "content": "Hi!"}], "max_tokens": 5}, {"tokens": 6}),
        ("POST /v1/chat", {"message": "Say yes.", "model": "command-a"}, {"tokens": 63}),
        ("POST /v2/embed", {"texts": ["good", "é"]}, {"tokens": 4}),
        ("POST /v2/embed", {"texts": ["a long text", "b"], "max_tokens": 2}, {"tokens": 3}),
        ("POST /v2/embed", {"texts": ["a text"], "max_tokens": True}, {"tokens": 2}),
        ("POST /v2/embed", {"images": ["data:image/png;base64,AAAA"]}, {"images": 1}),
        ("POST /v2/rerank", {"query": "q", "documents": ["d"] * 101}, {"search_units": 2}),
        ("POST /v1/rerank", {"query": "q"}, {"search_units": 1}),
        ("POST /v1/classify", {"inputs": ["a", "b"]}, {"classifications": 2}),
        ("POST /v2/parse", {}, {"pages": 1}),
        ("POST /v1/tokenize", {"text": "free"}, {}),
    ],
)  # fmt: skip
def test_the_most_that_a_request_can_cost(
    operation: str, body: dict[str, Any], bills: dict[str, int]
) -> None:
    content = json.dumps(body).encode()
    assert most_billed(operation, content, 200) == bills
    assert most_billed(operation, content, 400) == {}, "what is refused is not charged"


def test_a_tool_costs_its_names_as_well() -> None:
    tool = {"type": "function", "function": {"name": "weather"}}
    small = most_billed("POST /v2/chat", json.dumps({"tools": [tool]}).encode(), 200)["tokens"]
    assert small > most_billed("POST /v2/chat", b"{}", 200)["tokens"] + len("weather") / 3


def test_bodies_that_are_no_json_and_audio() -> None:
    assert most_billed("POST /v2/chat", b"\xff", 200) == {"tokens": 60}
    assert most_billed("POST /v2/audio/transcriptions", bytes(33_000), 200) == {"audio_seconds": 2}
    assert total([{"tokens": 1}, {"pages": 2, "tokens": 3}]) == {"pages": 2, "tokens": 4}


def test_numbers_are_written_in_ranges() -> None:
    assert ranges([9, 3, 5, 4, 3]) == "3-5,9"
    assert ObservedCase({}, {}, "3-5,9").mask == 0b1000111000
    assert ObservedCase({}).mask == 0


def test_each_case_of_the_suites_has_been_observed() -> None:
    """`make observed` was run after the last change: what is missing would be planned by a guess."""
    observations, policies = load_observations(), shipped_policies()
    for case in shipped_suite(observations.profile).cases:
        if not isinstance(case.profiles.get(observations.profile, case.expect), Skip):
            seen = observations.cases.get(case.id)
            assert seen is not None, f"{case.id}: run make observed"
            assert case.operation in seen.calls
    for seen in observations.cases.values():
        for name in seen.shared:
            assert observations.requests[name].operation in seen.calls
    labels = {label for seen in observations.cases.values() for label in seen.calls}
    reachable = {label for label, one in policies.items() if one.tier in {Tier.FREE_READ, Tier.CHEAP_COMPUTE}}
    assert reachable <= labels <= policies.keys()


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "observed.json"
    path.write_text('{"cases": []}', encoding="utf-8")
    with pytest.raises(ContractError, match="make observed"):
        load_observations(path)
