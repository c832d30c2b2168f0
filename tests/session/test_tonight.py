"""The plan of a night against somebody else's server."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec
import pytest

from cohere_conformance.cases import shipped_suite
from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.tiers import Effect, Tier, shipped_policies
from cohere_conformance.errors import ForbiddenError
from cohere_conformance.planning import load_observations
from cohere_conformance.session.permission import guard
from cohere_conformance.session.plan import Plan, RunOptions, plan
from cohere_conformance.session.tonight import budget, canaries, tonight

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange
    from cohere_conformance.report import NightPlan

URL = "https://api.cohere.com"
DAY = date(2026, 12, 1)
POLICIES = shipped_policies()


def night(last: dict[str, date] | None = None, **options: object) -> NightPlan:
    made = planned(**options)
    return tonight(made, shipped_suite(made.profile), load_contract(), day=DAY, last=last)


def skipped() -> set[str]:
    """Return ids of cases that need a key which is not known."""
    return {case.id for case in shipped_suite("live-2026").cases if case.key in {"trial", "expired"}}


def planned(**options: object) -> Plan:
    given = RunOptions(url=URL, live=True, **options)  # type: ignore[arg-type]
    made = plan(given, load_contract().groups, {"CO_API_KEY": "k" * 20}, nightly=True)
    return Plan(
        **{name: getattr(made, name) for name in made.__struct_fields__}
        | {"canaries": canaries(made, shipped_suite(made.profile))}
    )


@pytest.fixture(scope="module")
def first() -> NightPlan:
    return night({})


def test_a_night_keeps_its_budget_and_calls_each_operation_that_may_be_called(first: NightPlan) -> None:
    assert first.requests <= 300 - 2 - 300 // 6
    assert first.bills["tokens"] <= 1500
    assert max(first.calls.values()) <= 15
    free = {label for label, one in POLICIES.items() if one.tier in {Tier.FREE_READ, Tier.CHEAP_COMPUTE}}
    assert len(free) == 20
    asked = first.calls.keys() - free
    assert free <= first.calls.keys()
    assert {POLICIES[label].tier for label in asked} == {Tier.RETIRED}
    assert {first.calls[label] for label in asked} == {1}, "one canary for each"
    touching = {Effect.CHANGES, Effect.DESTROYS}
    without = {label for label, one in POLICIES.items() if one.tier is Tier.RETIRED} - asked
    assert {POLICIES[label].effect for label in without} == touching, "an unknown id is not found either way"


def test_a_creating_operation_that_is_retired_gets_an_empty_object_and_nothing_else() -> None:
    made = planned()
    gate = guard(made, load_contract())
    cases = {case.id: case for case in shipped_suite(made.profile).cases}
    creating = [
        cases[name] for name in made.canaries if POLICIES[cases[name].operation].effect is Effect.CREATES
    ]
    assert sorted(case.id for case in creating) == ["connectors.create.empty", "finetuning.create.empty"]

    def ask(outgoing: Outgoing) -> Exchange:
        raise AssertionError(f"nothing needs to be listed before a canary: {outgoing}")

    for case in creating:
        gate.admit(case.outgoing({}), ask)
        for body in (b'{"name": "a"}', b"", b"[]", None):
            with pytest.raises(ForbiddenError):
                gate.admit(msgspec.structs.replace(case.outgoing({}), body=body), ask)
    with pytest.raises(ForbiddenError):
        gate.admit(Outgoing("DELETE", "/v1/connectors/a", (), b"{}"), ask)
    with pytest.raises(ForbiddenError):
        guard(planned(no_plan=True), load_contract()).admit(creating[0].outgoing({}), ask)


def test_a_night_shows_most_and_a_week_everything(first: NightPlan) -> None:
    assert first.elements > 0.9 * first.reachable
    masks = {case: one.mask for case, one in load_observations().cases.items()}
    nights = [first.cases, *(one.cases for one in first.later)]
    week = {case for cases in nights[:7] for case in cases}
    rest = {case for cases in nights[7:] for case in cases}
    shown = 0
    for case in week:
        shown |= masks[case]
    assert shown.bit_count() == first.reachable
    assert not rest, "every case within a week"
    assert {case for case in masks if case.startswith(("chat.v2", "embed.refusals"))} - skipped() <= week


def test_what_is_left_out_is_listed_with_its_night(first: NightPlan) -> None:
    ahead = [case for one in first.later for case in one.cases]
    assert len(ahead) == len(set(ahead)) > 100
    assert not {*ahead} & {*first.cases}
    assert first.later[0].night == 2
    assert first.unplanned == (), "none is too large for a night"


def test_the_next_night_has_what_was_left_out(first: NightPlan) -> None:
    second = night(dict.fromkeys(first.cases, date(2026, 11, 30)))
    left = {case for one in first.later for case in one.cases}
    assert len(left & {*second.cases}) > 100
    assert second.remembered


def test_without_a_history_the_calendar_decides() -> None:
    one = night()
    assert (one.remembered, one.cases) == (False, night().cases)
    assert one.day == "2026-12-01"


def test_a_larger_budget_allows_more() -> None:
    limits = budget(planned(max_requests=600))
    assert (limits.requests, limits.calls, limits.tokens) == (498, 30, 1500), "tokens cost money"
    assert budget(planned(max_billed={"tokens": 5000.0})).tokens == 5000
    assert budget(planned(max_requests=100)).tokens == 500


def test_only_selected_groups_are_planned() -> None:
    one = night({}, only=("rerank", "connectors"))
    assert {case.partition(".")[0] for case in one.cases} == {"rerank", "connectors"}


@pytest.mark.parametrize("options", [{"no_plan": True}, {"cases": ("rerank.v2.plain",)}])
def test_a_run_of_everything_or_of_named_cases_has_no_plan(options: dict[str, object]) -> None:
    made = planned(**options)
    assert (made.planned, made.canaries, made.max_requests) == (False, frozenset(), 500)


def test_a_target_that_still_has_the_retired_operations_gets_no_canary() -> None:
    assert planned(profile="contract").canaries == frozenset()
    assert planned().canaries
