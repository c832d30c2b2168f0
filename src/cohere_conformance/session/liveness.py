"""Decides when a target is gone: after a number of requests without a complete response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.model import FailureKind

if TYPE_CHECKING:
    from cohere_conformance.model import Response

IN_A_ROW = 5
"""Requests in a row without a complete response after which nothing more is sent: the target is gone."""
ALTOGETHER = 20
"""Requests without a complete response in total after which nothing more is sent: each costs a timeout."""
UNANSWERED = frozenset({FailureKind.REFUSED, FailureKind.TIMEOUT, FailureKind.RESET})
"""Failures that a live service may have for reasons of its own."""
_LOST = UNANSWERED | {FailureKind.TOO_LARGE}
"""Failures of a request without a complete response."""


class Liveness:
    """Counts the requests without a complete response.

    Attributes:
        in_a_row: how many in a row, up to now.
        altogether: how many in total.
    """

    def __init__(self) -> None:
        self.in_a_row = 0
        self.altogether = 0
        self._asked = False

    def note(self, response: Response) -> bool:
        """Count a response, and return whether it is none or not complete."""
        lost = response.failure is not None and response.failure.kind in _LOST
        self.in_a_row = self.in_a_row + 1 if lost else 0
        self.altogether += lost
        return lost

    @property
    def over(self) -> bool:
        """Whether nothing more is to be sent."""
        return self.in_a_row >= IN_A_ROW or self.altogether >= ALTOGETHER

    def worth_asking(self) -> bool:
        """Return whether to probe the target, which is done once in a run."""
        asked, self._asked = self._asked, True
        return not asked and self.altogether < ALTOGETHER

    def answered(self) -> None:
        """Go on sending: the target has responded to the probe."""
        self.in_a_row, self._asked = 0, False

    @property
    def reason(self) -> str:
        """Why nothing more is sent."""
        if self.in_a_row >= IN_A_ROW:
            return f"not sent: {self.in_a_row} requests in a row got no complete response"
        return f"not sent: {self.altogether} requests got no complete response"
