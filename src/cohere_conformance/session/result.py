"""How a case ends, and what was sent until then."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cohere_conformance.model import Exchange, Expectation, Finding, Kind
from cohere_conformance.report import CaseOutcome

OURS = frozenset({Kind.REQUEST_INVALID, Kind.ROUTE_UNKNOWN})
"""Findings about what we sent."""


class CaseResult(msgspec.Struct, frozen=True):
    """How one case ended.

    Attributes:
        outcome: the word for it.
        reason: why, where the findings do not say it.
        findings: what is wrong with the target, explained findings left out.
        exchange: what was sent and came back, if anything was.
    """

    outcome: CaseOutcome
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    exchange: Exchange | None = None


class Sent(msgspec.Struct, frozen=True):
    """A case that was sent.

    Attributes:
        exchange: with the answer.
        expectation: what it has to be.
        values: what stood for the placeholders.
    """

    exchange: Exchange
    expectation: Expectation
    values: Mapping[str, str]
