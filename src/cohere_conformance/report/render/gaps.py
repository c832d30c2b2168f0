"""What a run did not look at, each reason in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.report.render import parts
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cohere_conformance.report.shape import Report

_NAMED = 2
"""Examples that are named of each reason."""


class Omission(NamedTuple):
    """One reason why something was not looked at.

    Attributes:
        text: what, how much of it, and the first examples.
        decides: whether the verdict may be another one because of it.
    """

    text: str
    decides: bool = False


def gaps(report: Report) -> list[Omission]:
    """Return what was not looked at; what the verdict depends on comes first."""
    return sorted(_gaps(report), key=lambda gap: not gap.decides)


def _gaps(report: Report) -> Iterator[Omission]:
    coverage, cases = report.coverage, report.coverage.cases
    yield from _named(
        "unreadable input",
        [f"{one.file}: {one.where}: {one.reason}" for one in coverage.unreadable],
        decides=True,
    )
    yield from _named("inconclusive response", parts.inconclusive_lines(report), decides=True)
    if cases is not None:
        number = len(parts.ends_with_reason(cases))
        yield from _named("case without a response", parts.end_lines(cases), decides=True, number=number)
    if (night := report.header.night) is not None and night.unplanned:
        yield from _named("case", night.unplanned, "too large for a night (run --no-plan)")
    yield from _named(
        "requirement",
        [f"{one.requirement} on {one.operation}" for one in coverage.untestable],
        "not testable",
    )
    yield from _named("operation", coverage.unseen, "never called" if report.header.target else "never seen")
    hosts = sorted(coverage.other_hosts.hosts.items(), key=lambda item: (-item[1], item[0]))
    yield from _named("other host", [f"{host} ({number})" for host, number in hosts])
    yield from _named("skipped file", [f"{one.file}: {one.reason}" for one in coverage.skipped])
    yield from _named("remark", [f"{one.file}: {one.where}: {one.text}" for one in coverage.remarks])


def _named(
    noun: str, items: Sequence[str], what: str = "", *, decides: bool = False, number: int | None = None
) -> Iterator[Omission]:
    """Yield a gap of so many things, with the first of their descriptions; nothing where there is none."""
    if not items:
        return
    more = len(items) - _NAMED
    named = "; ".join(items[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
    first, gap, rest = noun.partition(" without ")
    counted = quantity(len(items) if number is None else number, first) + gap + rest
    yield Omission(f"{counted}{' ' if what else ''}{what}: {named}", decides)
