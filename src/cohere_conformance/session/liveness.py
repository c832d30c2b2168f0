"""How many responses that never end a run waits for, until the target counts as gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.model import FailureKind

if TYPE_CHECKING:
    from cohere_conformance.model import Response

IN_A_ROW = 5
"""So many responses in a row that never came, or never ended, end the sending: the target is gone."""
ALTOGETHER = 20
"""So many of them end the sending even where others come in between: each costs all the time there is."""
UNANSWERED = frozenset({FailureKind.REFUSED, FailureKind.TIMEOUT, FailureKind.RESET})
"""How a response is broken that a service may leave out for reasons of its own."""
_LOST = UNANSWERED | {FailureKind.TOO_LARGE}
"""How a response is broken that never came or would never end."""


class Liveness:
    """Counts the responses that never came, or never ended.

    Attributes:
        in_a_row: how many of the last ones.
        altogether: how many of all.
    """

    def __init__(self) -> None:
        self.in_a_row = 0
        self.altogether = 0
        self._asked = False

    def note(self, response: Response) -> bool:
        """Count a response, and return whether it never came or never ended."""
        lost = response.failure is not None and response.failure.kind in _LOST
        self.in_a_row = self.in_a_row + 1 if lost else 0
        self.altogether += lost
        return lost

    @property
    def over(self) -> bool:
        """Whether nothing more is to be sent."""
        return self.in_a_row >= IN_A_ROW or self.altogether >= ALTOGETHER

    def worth_asking(self) -> bool:
        """Return whether to ask, once in a run, if the target answers anything at all."""
        asked, self._asked = self._asked, True
        return not asked and self.altogether < ALTOGETHER

    def answered(self) -> None:
        """Go on: the target has answered after all."""
        self.in_a_row, self._asked = 0, False

    @property
    def reason(self) -> str:
        """Why nothing more is sent."""
        if self.in_a_row >= IN_A_ROW:
            return f"not sent: {self.in_a_row} requests in a row got no complete response"
        return f"not sent: {self.altogether} requests got no complete response"
