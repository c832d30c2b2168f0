"""Limits the requests and the time of a run: a live API costs money."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cohere_conformance.client.deadline import TIME_UP, Deadline
from cohere_conformance.errors import BudgetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SPARE = 1
"""Requests that are kept free while some are reserved, for a retry on a closed connection."""


class Budget:
    """Counts requests before they are sent; threads may share it.

    Args:
        max_requests: maximum number of requests; `None` for no limit.
        deadline: by which the last one has to end.
        max_billed: how much may be billed, by unit; others are not limited.

    Attributes:
        billed: how much was billed, by unit.

    Raises:
        UsageError: the number is negative.
    """

    def __init__(
        self,
        max_requests: int | None,
        deadline: Deadline | None = None,
        max_billed: Mapping[str, float] | None = None,
    ) -> None:
        if max_requests is not None and max_requests < 0:
            raise UsageError(f"expected a number of requests from 0 on, got {max_requests}")
        self._most = max_requests
        self._deadline = deadline or Deadline()
        self._most_billed = dict(max_billed or {})
        self.billed: dict[str, float] = {}
        self._spent = 0
        self._kept = 0
        self._lock = threading.Lock()
        self._drawn = _Drawn()

    @property
    def spent(self) -> int:
        """Number of requests allowed so far."""
        return self._spent

    @property
    def seconds(self) -> float:
        """Seconds left for what this thread sends."""
        return self._deadline.left(removing=self._drawn.reserve is not None)

    def on_time(self) -> None:
        """Check that the time is not up.

        Raises:
            BudgetError: it is up.
        """
        if self.seconds <= 0:
            self._deadline.missed = True
            raise BudgetError(TIME_UP)

    def spend(self) -> None:
        """Allow one more request.

        Raises:
            BudgetError: a limit is reached, the rest is reserved, or the time is up; the request must not
                be sent, and is not counted.
        """
        self.on_time()
        with self._lock:
            reserve = self._drawn.reserve
            if reserve is None:
                self._check_billed()
            if reserve is not None and reserve.left:
                reserve.left -= 1
                self._kept -= 1
            else:
                self._check(1, spare=0 if reserve is not None or not self._kept else _SPARE)
            self._spent += 1

    def reserve(self, requests: int) -> Reserve:
        """Reserve requests, so that no others can spend them.

        Args:
            requests: how many; may be 0.

        Raises:
            BudgetError: fewer are left than these and the one that makes them necessary.
        """
        with self._lock:
            if requests:
                self._check(1 + requests, spare=_SPARE)
            self._kept += requests
            return Reserve(self, requests)

    def bill(self, units: Mapping[str, float]) -> None:
        """Count what a response says was billed, by unit."""
        if units:
            with self._lock:
                for unit, amount in units.items():
                    self.billed[unit] = self.billed.get(unit, 0.0) + amount

    def _check_billed(self) -> None:
        for unit, most in self._most_billed.items():
            billed = self.billed.get(unit, 0.0)
            if billed >= most:
                raise BudgetError(
                    f"expected at most {most:g} billed {unit}, responses said {billed:g}: allow more "
                    "with --max-billed, or choose fewer cases"
                )

    def _check(self, requests: int, *, spare: int) -> None:
        if self._most is None or self._spent + self._kept + spare + requests <= self._most:
            return
        further = " besides those that remove what it has created" if self._kept or requests > 1 else ""
        raise BudgetError(
            f"expected at most {self._most} requests, the run wants to send another{further}: "
            "allow more, or choose fewer cases"
        )

    def _release(self, reserve: Reserve) -> None:
        with self._lock:
            self._kept -= reserve.left
            reserve.left = 0

    @contextmanager
    def _drawing(self, reserve: Reserve) -> Iterator[None]:
        before = self._drawn.reserve
        self._drawn.reserve = reserve
        try:
            yield
        finally:
            self._drawn.reserve = before


class Reserve:
    """Reserved requests.

    Args:
        budget: that they are part of.
        left: how many.

    Attributes:
        left: how many are not spent yet.
    """

    def __init__(self, budget: Budget, left: int) -> None:
        self.left = left
        self._budget = budget

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count what this thread sends as reserved; further requests count as others do."""
        with self._budget._drawing(self):
            yield

    @property
    def seconds(self) -> float:
        """Seconds left for what this thread sends."""
        return self._budget.seconds

    def release(self) -> None:
        """Release what was not spent."""
        self._budget._release(self)


class _Drawn(threading.local):
    """The reserve that a thread spends at the moment, if any."""

    reserve: Reserve | None = None
