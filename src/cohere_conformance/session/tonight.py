"""The plan of a night against somebody else's server: the cases that can be sent, the budget, the memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cohere_conformance.cases import PROFILES, Credential, Skip
from cohere_conformance.contract.elements import declared, declared_keywords
from cohere_conformance.contract.tiers import Effect, Tier, shipped_policies
from cohere_conformance.planning import (
    NightLimits,
    ObservedCase,
    PlannedCase,
    cycle,
    load_observations,
    most_billed,
    schedule,
)
from cohere_conformance.report import LaterNight, NightPlan
from cohere_conformance.session.claims import Claims
from cohere_conformance.session.permission import Permission
from cohere_conformance.session.plan import NIGHT_REQUESTS, Plan

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import date

    from cohere_conformance.cases import Case, Suite
    from cohere_conformance.contract import Contract

NIGHT_CALLS, NIGHT_TOKENS = 15, 1500
"""Calls of one operation and tokens of a night with `NIGHT_REQUESTS` requests."""
CONTRACT = PROFILES[0]
"""The profile of a server of everything that is declared, retired operations included."""
_SPARE = 6
"""One request of so many is kept for retries."""
_RESOURCE_REQUESTS = 8
"""Requests that create a resource, wait for it and remove it."""
_FIRST_REQUESTS = 2
"""Requests before the first case: is the key accepted, and which models are there?"""
_HARMLESS = frozenset({Effect.READS, Effect.COMPUTES})


def canaries(plan: Plan, suite: Suite) -> frozenset[str]:
    """Return ids of cases that each show by one cheap request that a retired operation is still gone.

    Operations that read or compute have one, and those that create, which get an empty object: they would
    refuse it if they were still there. Only targets of which they are expected to be gone get canaries.

    Args:
        plan: of the run.
        suite: all cases.
    """
    if not plan.planned or plan.profile == CONTRACT:
        return frozenset()
    policies = shipped_policies()
    fitting: dict[str, list[Case]] = {}
    for case in suite.cases:
        policy, expected = policies[case.operation], case.profiles.get(plan.profile, case.expect)
        gone = not isinstance(expected, Skip) and min(expected.status, default=0) >= 400
        sent = case.key is Credential.VALID and not case.needs
        if policy.tier is Tier.RETIRED and gone and sent and _harmless(case, policy.effect):
            fitting.setdefault(case.operation, []).append(case)
    return frozenset(min(many, key=lambda case: _size(case, plan)).id for many in fitting.values())


def _harmless(case: Case, effect: Effect) -> bool:
    """Return whether a request changes nothing, also where its operation is still there."""
    return effect in _HARMLESS or (effect is Effect.CREATES and _body(case) == b"{}")


def _size(case: Case, plan: Plan) -> tuple[bool, int, str]:
    """Return what orders canaries: those first that would succeed if the operation was still there."""
    return plan.profile not in case.profiles, len(_body(case)), case.id


def _body(case: Case) -> bytes:
    return case.outgoing({"unique": "plan", "run": "plan"}).body or b""


def budget(plan: Plan) -> NightLimits:
    """Return the budget of a night, without the requests that are kept for retries.

    More requests allow more calls of an operation, but no more tokens: these cost money.
    """
    most = plan.max_requests or NIGHT_REQUESTS
    scale = most / NIGHT_REQUESTS
    tokens = plan.max_billed.get("tokens", max(1, round(NIGHT_TOKENS * min(scale, 1))))
    return NightLimits(
        requests=max(1, most - _FIRST_REQUESTS - most // _SPARE),
        calls=max(1, math.ceil(NIGHT_CALLS * scale)),
        tokens=int(tokens),
    )


def tonight(
    plan: Plan,
    suite: Suite,
    contract: Contract,
    *,
    day: date,
    last: Mapping[str, date] | None,
    keys: Collection[str] = (),
) -> NightPlan:
    """Return the plan of a night.

    Args:
        plan: what the run may do.
        suite: all cases.
        contract: the operations.
        day: of the night.
        last: the day on which each case was exercised last; `None` if nobody remembers.
        keys: names of the known further keys.
    """
    policies = shipped_policies()
    cases, limits, number = list(_cases(plan, suite, contract, keys)), budget(plan), day.toordinal()
    if last is None:
        nights = cycle(cases, number, limits)
    else:
        nights = schedule(cases, {case: one.toordinal() for case, one in last.items()}, number, limits)
    first, planned, later = nights[0], {*nights[0].cases}, list[LaterNight]()
    labels = {label for case in cases for label in case.calls if policies[label].tier in plan.tiers}
    for ahead, night in enumerate(nights[1:], start=2):
        new = sorted({*night.cases} - planned)
        planned |= {*night.cases}
        if new:
            later.append(LaterNight(night=ahead, cases=tuple(new)))
    operations, reachable = [contract.operations[label] for label in labels], 0
    for night in nights:
        reachable |= night.shows
    return NightPlan(
        day=day.isoformat(),
        remembered=last is not None,
        cases=first.cases,
        requests=first.requests,
        calls=first.calls,
        bills=first.bills,
        elements=first.shows.bit_count(),
        reachable=reachable.bit_count(),
        declared=sum(len(declared(one)) + len(declared_keywords(one)) for one in operations),
        later=tuple(later),
        unplanned=tuple(sorted({case.id for case in cases} - planned)),
    )


def _cases(plan: Plan, suite: Suite, contract: Contract, keys: Collection[str]) -> Iterator[PlannedCase]:
    """Yield what can be sent to the target; what cannot is skipped with its reason when it is its turn."""
    permission = Permission(plan, suite, contract, shipped_policies(), keys)
    claims, known = Claims(plan, contract), dict(load_observations().cases)
    for case in suite.cases:
        seen = known.pop(case.id, None)
        if case.group not in plan.selected or permission.left_out(case) is not None:
            continue
        if claims.unclaimed(case.template, case.key) is not None:
            continue
        seen = seen or ObservedCase({case.operation: 1}, most_billed(case.operation, b"{}", 200))
        needs = {
            one.name: 1 if one.wait is None and not one.remove else _RESOURCE_REQUESTS
            for one in suite.in_order(case.needs)
        }
        yield _planned(case.id, seen, needs)
    for test, seen in known.items():
        group = test.partition(".")[0]
        if group in plan.selected and permission.forbidden(seen.calls) is None:
            yield _planned(test, seen, {})


def _planned(case: str, seen: ObservedCase, needs: dict[str, int]) -> PlannedCase:
    requests = load_observations().requests
    shared = {name: requests[name] for name in seen.shared}
    return PlannedCase(case, seen.calls, seen.bills, seen.mask, needs, shared)
