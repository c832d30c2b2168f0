"""Findings for creations whose response has an id that existed before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.frame import Frame
from cohere_conformance.checks.registry import Breach, violation
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.client.guard import Guard
    from cohere_conformance.model import Exchange, Finding

NEW = {"POST /v1/datasets": "datasets.id-unique", "POST /v2/batches": "batches.id-own"}
"""The requirement that what an operation creates has an id that nothing had before."""


def reused_ids(guard: Guard, exchange: Exchange) -> Iterator[Finding]:
    """Yield a finding for each id in a response that existed before the run.

    Args:
        guard: knows the ids from before the run.
        exchange: with the response.
    """
    for operation, location, observed in guard.reused(exchange):
        expected = "an id that nothing had before"
        frame = Frame(operation, exchange.response.status)
        if operation in NEW:
            clause = shipped_requirements().requirements[NEW[operation]]
            yield violation(clause, frame, Breach(location, expected, observed))
        else:
            yield frame.finding(
                Kind.EXPECTATION_FAILED, location=location, expected=expected, observed=observed
            )
