"""What the responses of one operation have in common: whoever says what is billed says it each time."""

from __future__ import annotations

from typing import Any

import pytest
from builders import SSE, exchange

from cohere_conformance.contract import load_contract
from cohere_conformance.model import Exchange, Severity
from cohere_conformance.session.steady import REQUIREMENT, Steady

RERANK, CHAT, MODELS = "POST /v2/rerank", "POST /v2/chat", "GET /v1/models"
BILLED: dict[str, Any] = {"meta": {"billed_units": {"search_units": 1}}}
BARE: dict[str, Any] = {"meta": {"api_version": {"version": "2"}}}


def found(*exchanges: Exchange) -> list[int]:
    """Return which of several exchanges of one run have a finding."""
    steady = Steady(load_contract())
    return [number for number, one in enumerate(exchanges) if list(steady.findings(one))]


@pytest.mark.parametrize(
    ("bodies", "wrong"),
    [
        ([BILLED, BILLED], []),
        ([BARE, BARE], []),
        ([BILLED, BARE, BILLED, BARE], [1, 3]),
        ([BARE, BARE, BILLED, BILLED, BARE], [2, 4]),
        ([BILLED, {}], [1]),
        ([BILLED, {"meta": None}], [1]),
        ([BILLED, {"meta": {"billed_units": None}}], [1]),
        ([BILLED, [], "text", None, b"\xff"], []),
    ],
)
def test_who_says_it_once_says_it_always(bodies: list[Any], wrong: list[int]) -> None:
    """A response that lacks it is found, and the first one that has it where others lacked it before."""
    assert found(*(exchange(RERANK, body) for body in bodies)) == wrong


def test_operations_and_refusals_and_streams_are_not_mixed_up() -> None:
    """What is never billed, what is refused, and what comes piece by piece says nothing about the others."""
    others = [
        exchange(MODELS, {"models": []}),
        exchange(RERANK, {"message": "no"}, status=400),
        exchange(CHAT, b"data: {}\n\n", headers=SSE),
        exchange(CHAT, {"usage": {"billed_units": {}}}),
    ]
    assert found(exchange(RERANK, BILLED), *others) == []


def test_the_finding_is_breaking_and_names_the_requirement() -> None:
    """It has one identity, whichever response shows it."""
    steady = Steady(load_contract())
    findings = [one for body in (BARE, BILLED, BARE) for one in steady.findings(exchange(RERANK, body))]
    assert {(one.requirement, one.severity, one.location) for one in findings} == {
        (REQUIREMENT, Severity.BREAKING, "/meta/billed_units")
    }
    assert len({one.fingerprint for one in findings}) == 1
    assert len(findings) == 2
