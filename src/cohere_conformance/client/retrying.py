"""Sends requests to a service with a rate limit: waits after a 429, and retries."""

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
"""Seconds to wait where a response does not say how long."""


class PatientSender(Sender):
    """A sender that waits and retries when a response is 429.

    A trial key allows twenty requests a minute. A monthly limit is returned as it is: no run can wait that
    long. So is every response once the time for waiting is used up.

    Args:
        longest: seconds of waiting in total.
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
        """Return the exchange, as `Sender.send` does; each attempt counts as a request."""
        while True:
            exchange = super().send(outgoing, position=position)
            seconds = _wait(exchange.response)
            if seconds is None or seconds > min(self._left, self.budget.seconds):
                return exchange
            self._left -= seconds
            self._pause(seconds)


def _wait(response: Response) -> float | None:
    """Return how long to wait before a retry; `None` where the response is final."""
    if response.status != _TOO_OFTEN or b"month" in (response.body or b"").lower():
        return None
    value = first(response.headers, "retry-after") or ""
    # A date depends on the clock of the server, so it is not used.
    return max(1.0, float(value)) if value.isascii() and value.isdecimal() else _WINDOW
