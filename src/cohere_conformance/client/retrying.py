"""Sends requests to a service of somebody else: within its rate limits, and again where that is harmless."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from cohere_conformance.client.pacing import Pacer
from cohere_conformance.client.sender import Sender
from cohere_conformance.contract.tiers import Effect, Tier
from cohere_conformance.model import FailureKind
from cohere_conformance.recordings.fields import first

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cohere_conformance.client.outgoing import Outgoing
    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.tiers import LivePolicy
    from cohere_conformance.model import Exchange, Headers, Response

CLIENT_NAME = "cohere-conformance"
"""The value of the header `X-Client-Name`, by which the owner of the service recognises the requests."""
_TOO_OFTEN = 429
_WINDOW = 60.0
"""Seconds to wait where a response does not say how long."""
_UNAVAILABLE = frozenset({502, 503, 504})
_CUT_OFF = frozenset({FailureKind.REFUSED, FailureKind.RESET, FailureKind.LENGTH})
"""Failures that may be gone the next time; what is always so fails each time, and is reported."""
_ATTEMPTS = 6
"""How often a request is sent that gets no response, or one that says that the service is unavailable."""
_FIRST_PAUSE, _GROWTH = 1.0, 2.0
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods of which each server has to make no change (RFC 9110, 9.2.1), whatever the path."""
_HARMLESS = frozenset({Effect.READS, Effect.COMPUTES})


class PatientSender(Sender):
    """A sender that keeps rate limits, waits, and retries.

    Before a request it waits until the rate limit allows it (`Pacer`). After a 429 it waits as long as
    `Retry-After` says, and retries: nothing was done. A monthly limit is returned as it is: no run can wait
    that long. So is every response once the time for waiting is used up. After 502, 503, 504 or a lost
    connection it retries five times, with growing random pauses, but only what reads or computes: what
    creates, changes or deletes may have been done already.

    Args:
        contract: the operations.
        policies: their effects and documented rate limits, by label.
        longest: seconds of waiting for retries in total.
        pause: waits so many seconds.
        clock: returns the time in seconds.
        share: of how many processes that send at the same time this one is one.
        chance: returns a random number from 0 to 1.
        further: as of `Sender`.
    """

    def __init__(
        self,
        base_url: str,
        *,
        contract: Contract,
        policies: Mapping[str, LivePolicy],
        longest: float = 600.0,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        share: int = 1,
        chance: Callable[[], float] = random.random,
        **further: Any,
    ) -> None:
        super().__init__(base_url, **further)
        self._contract = contract
        self._policies = policies
        self._left = longest
        self._pause = pause
        self._pacer = Pacer(policies, clock, share=share)
        self._chance = chance

    def send(self, outgoing: Outgoing, *, position: str = "") -> Exchange:
        """Return the exchange, as `Sender.send` does; each attempt counts as a request."""
        label = self._contract.route(outgoing.method, f"http://localhost{outgoing.path}").operation
        counted = label if outgoing.has_key else None  # the limits are those of the key
        attempts = 0
        while True:
            if (due := self._pacer.wait(counted)) > 0:
                self._pause(min(due, max(self.budget.seconds, 0.0)))
            exchange = super().send(outgoing, position=position)
            attempts += 1
            if outgoing.has_key:
                self._pacer.note(counted, exchange.response)
            seconds = _wait(exchange.response)
            if seconds is None and self._may_repeat(outgoing, label, exchange.response, attempts):
                seconds = _FIRST_PAUSE * _GROWTH ** (attempts - 1) * (0.5 + self._chance())
            if seconds is None or seconds > min(self._left, self.budget.seconds):
                return exchange
            self._left -= seconds
            self._pause(seconds)

    def _may_repeat(self, outgoing: Outgoing, label: str | None, response: Response, attempts: int) -> bool:
        """Return whether a request without a useful response may be sent again."""
        lost = response.failure is not None and response.failure.kind in _CUT_OFF
        if not (lost or response.status in _UNAVAILABLE) or attempts >= _ATTEMPTS:
            return False
        if label is None:
            return outgoing.method in _READING
        policy = self._policies[label]
        # The canary of a retired operation: an empty object creates nothing.
        empty = policy.tier is Tier.RETIRED and policy.effect is Effect.CREATES and outgoing.body == b"{}"
        return empty or policy.effect in _HARMLESS

    def _own(self, outgoing: Outgoing) -> Headers:
        return (*super()._own(outgoing), ("x-client-name", CLIENT_NAME))


def _wait(response: Response) -> float | None:
    """Return how long to wait before a retry after a 429; `None` where the response is another one."""
    if response.status != _TOO_OFTEN or b"month" in (response.body or b"").lower():
        return None
    value = first(response.headers, "retry-after") or ""
    # A date depends on the clock of the server, so it is not used.
    return max(1.0, float(value)) if value.isascii() and value.isdecimal() else _WINDOW
