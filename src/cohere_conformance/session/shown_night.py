"""The plan of a night for `run --plan`: what would be sent, and the most that it can cost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cohere_conformance.contract.tiers import Tier, shipped_policies
from cohere_conformance.errors import UsageError
from cohere_conformance.report.render.night import bills, later
from cohere_conformance.report.verdict import quantity
from cohere_conformance.session.plan import NIGHT_REQUESTS

if TYPE_CHECKING:
    from rich.console import Console

    from cohere_conformance.report import NightPlan
    from cohere_conformance.session.campaign import Campaign

_ALLOWING = "--max-requests or --max-billed, or send it with --case ID"


def show_night(campaign: Campaign, console: Console) -> None:
    """Print the plan of the night of a run that has not begun.

    Args:
        campaign: the run.
        console: where to print.

    Raises:
        UsageError: the run has no such plan.
        ReportError: the history cannot be read.
    """
    night, plan = campaign.night(), campaign.plan
    if night is None:
        raise UsageError(
            "--plan shows what a night sends to somebody else's server: expected --url with --live and "
            "neither --case nor --no-plan, got a run of every selected case"
        )
    target = campaign.target
    console.print(f"{target.url}, profile {target.profile}", highlight=False, markup=False)
    console.print()
    policies, tiers = shipped_policies(), Counter[Tier]()
    width = max(map(len, night.calls), default=0)
    for label, calls in night.calls.items():
        tier = policies[label].tier
        tiers[tier] += calls
        console.print(f"  {label:<{width}}  {tier:<13}  {calls:>3}", highlight=False, markup=False)
    most, further = plan.max_requests or NIGHT_REQUESTS, night.requests - tiers.total()
    prepared = [f"{further} to prepare cases"] if further else []
    console.print()
    for line in (
        f"{quantity(len(night.cases), 'case')}, {night.requests} requests of at most {most}: "
        + ", ".join([*(f"{number} {tier}" for tier, number in sorted(tiers.items())), *prepared]),
        f"bills at most about {bills(night.bills)}",
        _shown(night),
        f"later: {later(night)}" if night.later else "later: nothing, these are all cases",
        *(
            [f"too large for a night: {', '.join(night.unplanned)}; allow more with {_ALLOWING}"]
            if night.unplanned
            else []
        ),
        ""
        if night.remembered
        else "with --history none the nights follow the calendar, and nothing is made up for",
        "nothing was sent",
    ):
        if line:
            console.print(line, highlight=False, markup=False)


def _shown(night: NightPlan) -> str:
    share = 100 * night.elements // max(night.declared, 1)
    return (
        f"shows {night.elements} of {night.declared} declared response elements ({share} %); "
        f"all cases together show {night.reachable}"
    )
