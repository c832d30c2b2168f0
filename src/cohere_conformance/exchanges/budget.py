"""A bound on the requests that a run may send: a live API costs money."""

from __future__ import annotations

import threading

from cohere_conformance.errors import BudgetError, UsageError


class Budget:
    """Counts requests before they are sent; threads may share it.

    Args:
        max_requests: how many may be sent; `None` for any number.

    Raises:
        UsageError: the number is negative.
    """

    def __init__(self, max_requests: int | None) -> None:
        if max_requests is not None and max_requests < 0:
            raise UsageError(f"expected a number of requests from 0 on, got {max_requests}")
        self._most = max_requests
        self._spent = 0
        self._lock = threading.Lock()

    @property
    def spent(self) -> int:
        """Requests that were allowed so far."""
        return self._spent

    def spend(self) -> None:
        """Allow one more request.

        Raises:
            BudgetError: it would be one too many; it must not be sent, and is not counted.
        """
        with self._lock:
            if self._most is not None and self._spent >= self._most:
                raise BudgetError(
                    f"expected at most {self._most} requests, the run wants to send another: "
                    "allow more, or choose fewer cases"
                )
            self._spent += 1
