"""Sends requests to a service that lets nobody ask too often: waits, and asks again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cohere_conformance.client.sender import Outgoing, Sender
from cohere_conformance.recordings.fields import first

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.model import Exchange, Response

_TOO_OFTEN = 429
_WINDOW = 60.0
"""Seconds in which calls are counted, where an answer does not say how long to wait."""


class PatientSender(Sender):
    """A sender that takes "too many requests" for a reason to wait, not for an answer.

    A trial key may ask twenty times a minute. What is counted by the month comes back as it is: no run can
    wait that out. So does everything once the time for waiting is used up.

    Args:
        longest: seconds of waiting altogether.
        pause: waits so many seconds.
        further: as of `Sender`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        longest: float = 600.0,
        pause: Callable[[float], None] = time.sleep,
        **further: Any,
    ) -> None:
        super().__init__(base_url, **further)
        self._left = longest
        self._pause = pause

    def send(self, outgoing: Outgoing, *, position: str = "") -> Exchange:
        """Return the request with its answer, as `Sender.send` does; each attempt counts as a request."""
        while True:
            exchange = super().send(outgoing, position=position)
            seconds = _wait(exchange.response)
            if seconds is None or seconds > min(self._left, self.budget.seconds):
                return exchange
            self._left -= seconds
            self._pause(seconds)


def _wait(response: Response) -> float | None:
    """Return how long to wait before the same is asked again; `None` where the answer is one."""
    if response.status != _TOO_OFTEN or b"month" in (response.body or b"").lower():
        return None
    told = first(response.headers, "retry-after") or ""
    # A date there would have to be trusted to come from a clock like ours.
    return max(1.0, float(told)) if told.isascii() and told.isdecimal() else _WINDOW
