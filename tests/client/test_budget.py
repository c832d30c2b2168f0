"""Requests that are set aside: what may spend them, and that the limit holds whatever happens."""

from __future__ import annotations

import random
import threading
from contextlib import suppress

import pytest

from cohere_conformance.client.budget import Budget, Reserve
from cohere_conformance.errors import BudgetError


def spent_until_refused(budget: Budget) -> int:
    """Spend all that ordinary requests may spend, and return how many they were."""
    before = budget.spent
    with suppress(BudgetError):
        for _ in range(1000):
            budget.spend()
    return budget.spent - before


def test_reserved_requests_are_not_available_to_others() -> None:
    budget = Budget(10)
    reserve = budget.reserve(3)
    assert spent_until_refused(budget) == 10 - 3 - 1, "one more is spared for a connection that is dead"
    with reserve.spending():
        for _ in range(3):
            budget.spend()
    assert (reserve.left, budget.spent) == (0, 9)


def test_the_error_says_what_the_rest_is_reserved_for() -> None:
    budget = Budget(3)
    budget.reserve(1)
    budget.spend()
    message = "the run wants to send another besides those that remove what it has created"
    with pytest.raises(BudgetError, match=message):
        budget.spend()
    with pytest.raises(BudgetError, match=message):
        budget.reserve(1)


def test_a_request_that_removes_may_be_sent_twice() -> None:
    budget = Budget(4)
    first, second = budget.reserve(1), budget.reserve(1)
    assert spent_until_refused(budget) == 1
    for reserve, times in ((first, 2), (second, 1)):
        with reserve.spending():
            for _ in range(times):
                budget.spend()
    assert budget.spent == 4
    with second.spending(), pytest.raises(BudgetError, match="at most 4 requests"):
        budget.spend()


def test_a_released_reserve_is_available_to_all() -> None:
    budget = Budget(6)
    reserve = budget.reserve(4)
    with pytest.raises(BudgetError):
        budget.reserve(1)
    reserve.release()
    reserve.release()
    assert spent_until_refused(budget) == 6


@pytest.mark.parametrize(("limit", "fits"), [(4, False), (5, True), (None, True)])
def test_a_creation_is_sent_only_if_its_removal_fits_the_budget(limit: int | None, fits: bool) -> None:
    budget = Budget(limit)
    if not fits:
        with pytest.raises(BudgetError, match="besides those that remove"):
            budget.reserve(3)
        return
    reserve = budget.reserve(3)
    budget.spend()
    with reserve.spending():
        for _ in range(4):
            budget.spend()
    assert budget.spent == 5


def test_an_empty_reserve_changes_nothing() -> None:
    budget = Budget(1)
    assert budget.reserve(0).left == 0
    assert spent_until_refused(budget) == 1


def test_a_thread_spends_its_own_reserve_only() -> None:
    budget = Budget(5)
    reserve = budget.reserve(2)
    refused: list[int] = []

    def other() -> None:
        refused.append(spent_until_refused(budget))

    with reserve.spending():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert (refused, reserve.left) == ([2], 2)
        budget.spend()
    assert reserve.left == 1


@pytest.mark.parametrize("seed", range(20))
def test_the_limit_always_holds_and_everything_can_be_removed(seed: int) -> None:
    chance = random.Random(seed)
    budget, made = Budget(60), list[Reserve]()
    for _ in range(200):
        try:
            match chance.randrange(3):
                case 0:
                    budget.spend()
                case 1:
                    reserve = budget.reserve(chance.randrange(5))
                    budget.spend()
                    made.append(reserve)
                case _ if made:
                    removed(budget, made.pop())
        except BudgetError:
            pass
        assert budget.spent + sum(one.left for one in made) <= 60
    for reserve in made:
        removed(budget, reserve)
    assert budget.spent <= 60


def removed(budget: Budget, reserve: Reserve) -> None:
    """Send everything that is set aside for one thing."""
    with reserve.spending():
        for _ in range(reserve.left):
            budget.spend()
    reserve.release()
