"""The result of a case, and the exchange that it was judged by."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cohere_conformance.model import Exchange, Expectation, Finding, Kind
from cohere_conformance.report import CaseOutcome

OURS = frozenset({Kind.REQUEST_INVALID, Kind.ROUTE_UNKNOWN})
"""Kinds of findings about the request."""


class CaseResult(msgspec.Struct, frozen=True):
    """The result of one case.

    Attributes:
        outcome: passed, failed, skipped, inconclusive or error.
        reason: why, where the findings do not say it.
        findings: about the target; after `Runner.conclude` only those that fail the case.
        exchange: with request and response, if anything was sent.
    """

    outcome: CaseOutcome
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    exchange: Exchange | None = None


class Sent(msgspec.Struct, frozen=True):
    """A case that was sent.

    Attributes:
        exchange: with the response.
        expectation: of the response.
        values: of the placeholders.
    """

    exchange: Exchange
    expectation: Expectation
    values: Mapping[str, str]
