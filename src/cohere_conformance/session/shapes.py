"""Compares responses with observed shapes, in addition to the contract."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace

from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.client.address import is_vendors
from cohere_conformance.model import Kind
from cohere_conformance.observed.compare import ObservedShapes
from cohere_conformance.observed.evidence import exchanges
from cohere_conformance.observed.file import load_observed, shipped_observed
from cohere_conformance.observed.response import sample_of
from cohere_conformance.observed.skeleton import skeleton_of
from cohere_conformance.report import ComparedShapes

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from cohere_conformance.checks.judge import Judgement
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange, Finding
    from cohere_conformance.observed.evidence import Evidence

KEYWORDS = AUTO, SHIPPED, NONE = "auto", "shipped", "none"
"""What `--observed` may be besides a file: the shipped shapes for dated responses of the vendor's hosts,
which is the default; for every response; or no comparison."""


_MOST = 1024
"""Results of comparisons that are remembered."""


def observing(
    judgement: Callable[[ParsedExchange], Judgement], contract: Contract, observed: str, *, sends: bool
) -> Callable[[Exchange], Judgement]:
    """Return a function that judges an exchange, and compares its response with observed shapes.

    Args:
        judgement: judges an exchange.
        contract: that it judges by.
        observed: a file of observed shapes, `auto`, `shipped` or `none`.
        sends: whether the exchanges are our own, just now; recordings may be old or edited.

    Raises:
        UsageError: the file cannot be read, or is no file of observed shapes.
    """
    if observed == NONE:
        return lambda exchange: judgement(ParsedExchange(exchange))
    own = ObservedShapes({} if observed in KEYWORDS else load_observed(Path(observed)))
    known: dict[Hashable, _Compared] = {}

    def compared(parsed: ParsedExchange, *, ships: bool, vendors: bool) -> _Compared:
        sample = sample_of(contract, parsed)
        if sample is None:
            return _Compared()
        mine = tuple(own.findings(sample))
        if not ships:
            return _Compared(mine)
        # Not what the user's file knows better: a property that is gone, a value that is not new.
        shipped = shipped_shapes(hints=not vendors or (observed != SHIPPED and not sends))
        more = (one for one in shipped.findings(sample) if _matters(one, observed))
        return _Compared(mine, tuple(one for one in more if not own.knows(sample, one)))

    def judged(exchange: Exchange) -> Judgement:
        parsed = ParsedExchange(exchange, alike=True)
        found = judgement(parsed)
        ships, vendors = with_shipped(exchange, observed), _is_vendors(exchange.request.url)
        if not ships and observed in KEYWORDS:
            return found
        skeleton = skeleton_of(contract, parsed)
        key = skeleton, ships, vendors
        result = known.get(key) if skeleton is not None else None
        if result is None:
            result = compared(parsed, ships=ships, vendors=vendors)
            if len(known) >= _MOST:
                known.clear()
            known[key] = result
        if not any(result):
            return found
        findings = found.findings
        for several in result:
            reported = {one.location for one in findings} if several else set()
            findings = [*findings, *(one for one in several if one.location not in reported)]
        return replace(found, findings=findings)

    return judged


class _Compared(NamedTuple):
    """The result of a comparison: the findings by the user's file, and those by the shipped shapes."""

    own: tuple[Finding, ...] = ()
    shipped: tuple[Finding, ...] = ()


@lru_cache(maxsize=1024)
def _is_vendors(url: str) -> bool:
    return is_vendors(urlsplit(url).hostname or "")


def with_shipped(exchange: Exchange, observed: str) -> bool:
    """Return whether a response is compared with the shapes that ship.

    Args:
        exchange: with the response.
        observed: a file of observed shapes, `auto`, `shipped` or `none`.
    """
    if observed in {SHIPPED, NONE}:
        return observed == SHIPPED
    # Examples that somebody has written have no date and less in them than real responses.
    return bool(exchange.source.recorded_at) and _is_vendors(exchange.request.url)


def compared_with(observed: str, *, shipped: bool) -> tuple[ComparedShapes, ...]:
    """Return what responses were compared with, for the header of a report.

    Args:
        observed: a file of observed shapes, `auto`, `shipped` or `none`.
        shipped: whether a response was compared with the shapes that ship.
    """
    named = {} if observed in KEYWORDS else {observed: load_observed(Path(observed))}
    if observed == SHIPPED or (shipped and observed != NONE):
        named[SHIPPED] = shipped_observed()
    return tuple(_described(source, evidence) for source, evidence in named.items())


def compared_in_run(observed: str, url: str) -> tuple[ComparedShapes, ...]:
    """Return what the responses of a run are compared with, for the header of its report.

    Args:
        observed: a file of observed shapes, `auto`, `shipped` or `none`.
        url: of the target; empty for the embedded server.
    """
    return compared_with(observed, shipped=is_vendors(urlsplit(url).hostname or ""))


def _described(source: str, evidence: Evidence) -> ComparedShapes:
    days = [day for one in evidence.values() for day in (one.first, one.last) if day]
    return ComparedShapes(
        source=source,
        responses=exchanges(evidence),
        scenarios=len(evidence),
        first=min(days, default=""),
        last=max(days, default=""),
    )


def _matters(finding: Finding, observed: str) -> bool:
    """Return whether a finding by the shipped shapes is reported.

    What public recordings have not shown is nothing new: the cases provoke values that few people meet.
    """
    return finding.kind is Kind.SHAPE_VANISHED or observed == SHIPPED


@lru_cache(maxsize=2)
def shipped_shapes(*, hints: bool) -> ObservedShapes:
    """Return the shipped shapes; read once a process.

    Args:
        hints: whether every finding is only a notice.
    """
    # About another server than the vendor's, its traffic says little, and recordings may have been edited.
    return ObservedShapes(shipped_observed(), hints=hints)
