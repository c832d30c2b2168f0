"""What matters first: which finding says most about a cause, and which cause a client meets first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.verdict import RANK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.report.causes.seen import SeenFinding

_FIRST = (
    "POST /v2/chat",
    "POST /v2/embed",
    "POST /v2/rerank",
    "GET /v1/models",
    "POST /v1/chat",
    "POST /v1/embed",
    "POST /v1/rerank",
    "POST /v1/tokenize",
    "POST /v1/classify",
    "POST /v1/check-api-key",
    "POST /v1/detokenize",
    "GET /v1/models/{model}",
    "POST /v1/datasets",
    "POST /v1/embed-jobs",
    "POST /v2/batches",
    "POST /v1/generate",
    "POST /v1/summarize",
)
"""The operations in the order in which applications begin to use them."""
_PLACE = {label: place for place, label in enumerate(_FIRST)}
_LATER = {"GET": 0, "POST": 1, "PUT": 2, "PATCH": 2, "DELETE": 3}
_CLIENT = frozenset({Kind.REQUEST_INVALID, Kind.ROUTE_UNKNOWN})
_SAYS = {Kind.REQUIREMENT_VIOLATED: 1, Kind.EXPECTATION_FAILED: 2, Kind.STATUS_UNEXPECTED: 3}
"""Of findings about one mistake, those of the contract say more than those of single cases."""


def earliness(one: SeenFinding) -> tuple[int, ...]:
    """Return when an ordinary client meets a finding; the smallest value is the earliest.

    Successes of plain requests come before streams, and these before refusals.
    """
    row = one.row
    stream = row.location.startswith("<")
    refused = one.rank[0] or row.status >= 400
    operation = _PLACE.get(row.operation, len(_FIRST) + _LATER.get(row.operation.partition(" ")[0], 4))
    return (row.kind in _CLIENT, 2 if refused else 1 if stream else 0, operation)


def says_most(one: SeenFinding) -> tuple[object, ...]:
    """Return a key that orders findings of one cause: severe ones first, then what clients meet first."""
    row = one.row
    return (RANK[row.severity], _SAYS.get(row.kind, 0), earliness(one), -row.count, row.fingerprint)


def first_example(members: Sequence[SeenFinding]) -> SeenFinding:
    """Return the finding with the best example: of a request that should succeed, the smallest one.

    Members come first, and among these what needs no resource of the server.
    """
    worst = min(RANK[one.row.severity] for one in members)
    chosen = [one for one in members if RANK[one.row.severity] == worst] or members
    return min(chosen, key=lambda one: (one.rank[0], "{" in one.row.operation, one.rank, one.row.fingerprint))
