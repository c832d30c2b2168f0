"""Keeps a copy of an exchange while it is passed on, within limits of memory."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cohere_conformance.proxy.observed import ObservedExchange

if TYPE_CHECKING:
    from cohere_conformance.model import Failure
    from cohere_conformance.proxy.observed import RawFields


class Meter:
    """Counts the bytes of bodies that the proxy holds, in all exchanges together.

    Args:
        most_body: maximum bytes of one body.
        most: maximum bytes of all bodies together.
    """

    def __init__(self, most_body: int, most: int) -> None:
        self.most_body = most_body
        self._most = most
        self._held = 0

    def take(self, number: int) -> bool:
        """Return whether there is room for more bytes; they are counted then."""
        if self._held + number > self._most:
            return False
        self._held += number
        return True

    def give_back(self, number: int) -> None:
        """Count bytes as released."""
        self._held -= number


class _Body:
    """One body; `None` from the moment at which it exceeds a limit."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.kept: bytearray | None = bytearray()

    def add(self, data: bytes) -> None:
        if self.kept is None:
            return
        if len(self.kept) + len(data) > self._meter.most_body or not self._meter.take(len(data)):
            self._meter.give_back(len(self.kept))
            self.kept = None
            return
        self.kept += data

    @property
    def content(self) -> bytes | None:
        return None if self.kept is None else bytes(self.kept)


class ExchangeCapture:
    """The copy of one exchange.

    Args:
        number: of the exchange.
        method: of the request.
        target: path and query at the upstream.
        headers: of the request.
        meter: limits the memory.
    """

    def __init__(self, number: int, method: str, target: str, headers: RawFields, meter: Meter) -> None:
        self._number = number
        self._method = method
        self._target = target
        self._request_headers = headers
        self._meter = meter
        self._at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._began = time.perf_counter()
        self._request = _Body(meter)
        self._response = _Body(meter)
        self._status = 0
        self._headers: RawFields = ()
        self._received = 0
        self._arrivals: list[tuple[int, float]] = []

    def sent(self, data: bytes) -> None:
        """Add a part of the request's body."""
        self._request.add(data)

    def head(self, status: int, headers: RawFields) -> None:
        """Set the head of the response."""
        self._status, self._headers = status, headers

    def received(self, data: bytes) -> None:
        """Add a part of the response's body."""
        self._received += len(data)
        self._response.add(data)
        if self._response.kept is not None:
            self._arrivals.append((self._received, time.perf_counter() - self._began))

    @property
    def too_large(self) -> list[str]:
        """Which bodies exceeded a limit."""
        bodies = (("request", self._request), ("response", self._response))
        return [name for name, body in bodies if body.kept is None]

    @property
    def held(self) -> int:
        """How many bytes of bodies the copy holds; whoever drops it gives them back to the meter."""
        return sum(len(one.kept) for one in (self._request, self._response) if one.kept is not None)

    def drop(self) -> None:
        """Give back the memory of a copy that nobody judges."""
        self._meter.give_back(self.held)

    def finish(self, failure: Failure | None = None, unreachable: str = "") -> ObservedExchange:
        """Return the copy.

        Args:
            failure: why the response is incomplete.
            unreachable: why the upstream gave no response at all.
        """
        whole = self._response.kept is not None
        return ObservedExchange(
            number=self._number,
            at=self._at,
            method=self._method,
            target=self._target,
            request_headers=self._request_headers,
            request_body=self._request.content,
            status=self._status,
            response_headers=self._headers,
            body=self._response.content,
            arrivals=tuple(self._arrivals) if whole else (),
            seconds=time.perf_counter() - self._began,
            failure=failure,
            unreachable=unreachable,
        )
