"""The plan of a night in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cohere_conformance.report.coverage import CaseCoverage
    from cohere_conformance.report.night import NightPlan

_PARTS = frozenset({"input_tokens", "output_tokens", "text_tokens", "image_tokens"})
"""Units that are part of `tokens`."""
_NIGHTS = 3
"""Later nights that are named one by one."""


def night_line(plan: NightPlan) -> str:
    """Return in one line what the night sends, and when the rest comes."""
    ahead = sum(len(one.cases) for one in plan.later)
    line = (
        f"night of {plan.day}: {quantity(len(plan.cases), 'case')} planned, {plan.requests} requests, "
        f"{plan.elements} of {plan.declared} declared response elements"
    )
    return f"{line}; {quantity(ahead, 'case')} on later nights ({later(plan)})" if ahead else line


def night_lines(plan: NightPlan, cases: CaseCoverage | None) -> list[str]:
    """Return the line of a night, and one with what responses said was billed, if they said so."""
    billed = {} if cases is None else cases.billed
    shown = {unit: round(amount) for unit, amount in billed.items() if unit not in _PARTS}
    return [night_line(plan), *([f"billed, as responses say: {bills(shown)}"] if shown else [])]


def later(plan: NightPlan) -> str:
    """Return on which nights the other cases come, such as `night 2: 190, night 3: 40`."""
    first, rest = plan.later[:_NIGHTS], plan.later[_NIGHTS:]
    if len(rest) == 1:
        first, rest = plan.later, ()
    texts = [f"night {one.night}: {len(one.cases)}" for one in first]
    if rest:
        more = sum(len(one.cases) for one in rest)
        texts.append(f"nights {rest[0].night} to {rest[-1].night}: {more}")
    return ", ".join(texts)


def bills(units: Mapping[str, int]) -> str:
    """Return an amount in several units, such as `7 pages, 1,369 tokens`."""
    texts = [f"{number:,} {_noun(unit, number)}" for unit, number in units.items() if number]
    return ", ".join(texts) or "nothing"


def _noun(unit: str, number: int) -> str:
    words = unit.replace("_", " ")
    return words.removesuffix("s") if number == 1 else words
