"""Pictures of how findings, coverage and latency have developed over the last runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.report.render.latency_bars import duration
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cohere_conformance.report.changes import RunFigures
    from cohere_conformance.report.shape import Report

WIDTH, HEIGHT = 300, 84
_TOP, _LEFT, _RIGHT = 14, 2, 2
_WIDEST = 24.0
"""Two runs are no reason for bars as wide as the picture."""
_GAP = 0.25
"""The share of a run's place that is left empty."""
_SEVERITIES = ("breaking", "additive", "notice")


class Block(NamedTuple):
    """A part of a bar; positions are in the picture's units, `says` is for who points at it."""

    severity: str
    x: float
    y: float
    width: float
    height: float
    says: str


class Dot(NamedTuple):
    """One run in a line."""

    x: float
    y: float
    says: str


class Chart(NamedTuple):
    """One picture.

    Attributes:
        title: what it shows.
        now: the value of the last run, in words.
        label: the picture in words.
        top: what its upper edge means.
        blocks: bars, if it has any.
        dots: of a line, if it is one.
        points: the line, as SVG writes it.
    """

    title: str
    now: str
    label: str
    top: str
    blocks: tuple[Block, ...] = ()
    dots: tuple[Dot, ...] = ()
    points: str = ""


class TrendRow(NamedTuple):
    """The figures of one run, in words."""

    started_at: str
    breaking: int
    additive: int
    notice: int
    causes: int
    coverage: str
    latency: str


class TrendPicture(NamedTuple):
    """The pictures, and the same figures as a table."""

    charts: tuple[Chart, ...]
    rows: tuple[TrendRow, ...]
    first: str
    last: str
    width: int = WIDTH
    height: int = HEIGHT


def trend_picture(report: Report) -> TrendPicture | None:
    """Return the pictures; `None` if there are fewer than two runs to compare."""
    figures = report.changes.trend if report.changes is not None else ()
    if len(figures) < 2:
        return None
    charts = [_findings(figures)]
    if any(one.declared for one in figures):
        charts.append(_line("Coverage", figures, _coverage, 100.0, _percent))
    if (slowest := max((one.latency or 0.0 for one in figures), default=0.0)) > 0:
        charts.append(_line("Latency", figures, lambda one: one.latency, slowest, duration))
    rows = tuple(
        TrendRow(
            one.started_at,
            one.breaking,
            one.additive,
            one.notice,
            one.causes,
            _percent(share) if (share := _coverage(one)) is not None else "",
            duration(one.latency) if one.latency is not None else "",
        )
        for one in reversed(figures)
    )
    return TrendPicture(tuple(charts), rows, figures[0].started_at[:10], figures[-1].started_at[:10])


def _findings(figures: Sequence[RunFigures]) -> Chart:
    totals = [one.breaking + one.additive + one.notice for one in figures]
    most, blocks = max(*totals, 1), []
    for number, one in enumerate(figures):
        left, width = _place(number, len(figures))
        base = float(HEIGHT)
        for severity in _SEVERITIES:
            amount: int = getattr(one, severity)
            height = amount / most * (HEIGHT - _TOP)
            base -= height
            if amount:
                says = f"{one.started_at[:10]}: {amount} {severity}"
                blocks.append(Block(severity, left, round(base, 1), width, round(height, 1), says))
    return Chart(
        "Findings",
        f"{totals[-1]}, {figures[-1].breaking} of them breaking",
        f"Findings of {quantity(len(figures), 'run')}: {totals[0]} in the first, {totals[-1]} in the last, "
        f"at most {max(totals)}",
        str(most),
        blocks=tuple(blocks),
    )


def _line(
    title: str,
    figures: Sequence[RunFigures],
    value: Callable[[RunFigures], float | None],
    most: float,
    words: Callable[[float], str],
) -> Chart:
    known = [(number, amount) for number, one in enumerate(figures) if (amount := value(one)) is not None]
    dots = []
    for number, amount in known:
        left, width = _place(number, len(figures))
        says = f"{figures[number].started_at[:10]}: {words(amount)}"
        y = round(HEIGHT - amount / most * (HEIGHT - _TOP), 1)
        dots.append(Dot(round(left + width / 2, 1), y, says))
    first, last = words(known[0][1]), words(known[-1][1])
    return Chart(
        title,
        last,
        f"{title} of {quantity(len(known), 'run')}: {first} in the first, {last} in the last",
        words(most),
        dots=tuple(dots),
        points=" ".join(f"{dot.x},{dot.y}" for dot in dots),
    )


def _place(number: int, runs: int) -> tuple[float, float]:
    """Return where the bar of a run begins, and its width."""
    slot = (WIDTH - _LEFT - _RIGHT) / runs
    width = min(slot * (1 - _GAP), _WIDEST)
    return round(_LEFT + slot * (number + 0.5) - width / 2, 1), round(width, 1)


def _coverage(one: RunFigures) -> float | None:
    return one.seen / one.declared * 100 if one.declared else None


def _percent(share: float) -> str:
    return f"{share:.3g} %"
