"""Sends requests to a server: whatever it does, the result is an exchange, never an exception."""

from __future__ import annotations

import functools
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, Self

import httpx
import msgspec

from cohere_conformance import __version__
from cohere_conformance.access import DIRECT, Access
from cohere_conformance.client.added import NO_FIELDS, AddedFields
from cohere_conformance.client.address import base_url as checked_url
from cohere_conformance.client.billed import billed_units
from cohere_conformance.client.budget import Budget
from cohere_conformance.client.response import ResponseReader, fields, unanswered
from cohere_conformance.client.transport import TargetTransport
from cohere_conformance.client.unpack import ACCEPTED
from cohere_conformance.client.watch import Watch
from cohere_conformance.client.wire import Wire
from cohere_conformance.curl import KEY_VARIABLE
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Exchange, Headers, Request, Response, Source
from cohere_conformance.privacy import redact
from cohere_conformance.privacy.secret import scrubbed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from cohere_conformance.client.outgoing import Outgoing
    from cohere_conformance.privacy.secret import Secret

_FRAMING = frozenset({"content-length", "transfer-encoding"})
_url = functools.lru_cache(maxsize=256)(httpx.URL)


class Limits(msgspec.Struct, frozen=True):
    """How long a response may take, and how much of it is read.

    Attributes:
        connect: seconds to connect.
        silence: seconds without a byte.
        total: seconds for the whole answer, from before the connection is made.
        largest: bytes of the decoded body.
    """

    connect: float = 5.0
    silence: float = 10.0
    total: float = 60.0
    largest: int = 64 * 1024 * 1024


_LIMITS = Limits()


class Gate(Protocol):
    """Decides about every request before it is sent, and sees every response."""

    def admit(self, outgoing: Outgoing, ask: Callable[[Outgoing], Exchange]) -> None:
        """Allow a request.

        Args:
            outgoing: the request.
            ask: sends a request that the decision depends on.

        Raises:
            RefusedError: it must not be sent.
        """

    def begin(self, outgoing: Outgoing) -> None:
        """Note that a request that was allowed is sent now."""

    def note(self, outgoing: Outgoing, response: Response) -> None:
        """Note the response to a request that was allowed."""


class _OpenGate:
    """Allows every request."""

    def admit(self, outgoing: Outgoing, ask: Callable[[Outgoing], Exchange]) -> None:
        """Allow a request."""

    def begin(self, outgoing: Outgoing) -> None:
        """Ignore a request."""

    def note(self, outgoing: Outgoing, response: Response) -> None:
        """Ignore a response."""


OPEN: Gate = _OpenGate()
"""For a transport that does not reach any server."""


class Sender:
    """Sends requests to one server; threads may share it.

    Redirects are not followed, and cookies are not kept. Connections are reused. Where the server has closed
    a reused one before any byte of a response was received, the request is sent again on a new connection,
    and counts twice.

    Args:
        base_url: of the server, such as `https://api.cohere.com`; paths are appended to it.
        gate: decides about every request.
        key: sent as bearer token, and removed from responses.
        key_variable: the environment variable of the key, for reproducing requests.
        access: how the server is reached besides its URL.
        added: the header fields of `access` with their values, which are removed from responses as well.
        limits: of every response.
        budget: on the number of requests.
        source: the name of the exchanges (`Source.file`).
        transport: sends in place of the network; it is closed with the sender.
        now: returns the time in seconds, by which answers are timed.

    Attributes:
        budget: likewise.

    Raises:
        UsageError: the base URL is none, the environment names a proxy that cannot be used, or a certificate
            cannot be loaded.
    """

    def __init__(
        self,
        base_url: str,
        *,
        gate: Gate,
        key: Secret | None = None,
        key_variable: str = KEY_VARIABLE,
        access: Access = DIRECT,
        added: AddedFields = NO_FIELDS,
        limits: Limits = _LIMITS,
        budget: Budget | None = None,
        source: str = "run",
        transport: httpx.BaseTransport | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        checked_url("base_url", base_url)
        base = httpx.URL(base_url)
        self._base = base_url.rstrip("/")
        self._prefix = base.raw_path.rstrip(b"/")
        self._gate = gate
        self._key = key
        self._key_variable = key_variable
        self._access = access
        self._added = added
        self._secrets = (*(() if key is None else (key,)), *added.secrets)
        self._limits = limits
        self.budget = budget or Budget(None)
        self._source = source
        self._watch = Watch(now)
        self._sent = threading.local()
        self._transport = transport or Wire(base, self._watch, self._repeat, access)
        self._shared_url = base if isinstance(self._transport, TargetTransport) else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    def send(self, outgoing: Outgoing, *, position: str = "") -> Exchange:
        """Return the exchange, complete or not; what went wrong is the `failure` of the response.

        Args:
            outgoing: the request.
            position: what the exchange is called in its source (`Source.position`).

        Raises:
            BudgetError: it would be one request too many, or the time is up before it has ended.
            RefusedError: the gate does not let it pass.
            UsageError: the request cannot be written as HTTP.
        """
        self._gate.admit(outgoing, self.send)
        exchange = self._exchange(outgoing, position)
        self._gate.note(outgoing, exchange.response)
        return exchange

    def _exchange(self, outgoing: Outgoing, position: str) -> Exchange:
        request = self._request(outgoing)
        self.budget.spend()
        self._gate.begin(outgoing)
        self._sent.outgoing = outgoing
        recorded_at = datetime.now(UTC).isoformat()
        self._watch.begin(min(self._limits.total, self.budget.seconds))
        try:
            answer = self._transport.handle_request(request)
        except httpx.LocalProtocolError as error:
            raise _unsendable(outgoing) from error
        except httpx.TransportError as error:
            failure = unanswered(error, self._watch)
            response = Response(0, failure=failure, seconds=self._watch.elapsed)
        else:
            response = ResponseReader(self._watch, self._limits.largest).read(answer)
        self.budget.bill(billed_units(response))
        if response.failure is not None:
            self.budget.on_time()  # a response cut off by the time limit is no failure of the server
        added = {name for name, _ in self._added_to(outgoing)}
        sent = Request(
            request.method,
            redact.url(f"{self._base}{outgoing.path}"),
            redact.headers(tuple(one for one in fields(request.headers.raw) if one[0] not in added)),
            outgoing.body,
            has_key="authorization" in request.headers,
            key_variable=self._variable(outgoing),
            access=self._access,
        )
        exchange = Exchange(sent, response, Source(self._source, position, recorded_at))
        for secret in self._secrets:
            exchange = scrubbed(exchange, secret)
        return exchange

    def _repeat(self) -> None:
        """Allow that the request of this thread is sent again; the first time may have had an effect."""
        self.budget.spend()
        self._gate.begin(self._sent.outgoing)

    def _variable(self, outgoing: Outgoing) -> str:
        """Return the variable with the credentials of a request; empty if they are in none."""
        if outgoing.key_variable != KEY_VARIABLE:
            return outgoing.key_variable
        return self._key_variable if outgoing.has_key else ""

    def _added_to(self, outgoing: Outgoing) -> Headers:
        given = {name.lower() for name, _ in outgoing.headers}
        return tuple((name, value) for name, value in self._added.reveal() if name not in given)

    def _request(self, outgoing: Outgoing) -> httpx.Request:
        if not outgoing.path.startswith("/"):
            raise UsageError(f"expected a path that begins with /, got {outgoing.path[:80]!r}")
        given = {name.lower() for name, _ in outgoing.headers}
        if given & _FRAMING:
            raise UsageError(
                f"expected headers without {min(given & _FRAMING)}, got one: the sender writes it"
            )
        limits = self._limits
        timeout = {"connect": limits.connect, "read": limits.silence, "write": limits.silence}
        try:
            added = [*self._added_to(outgoing)]
            given |= {name for name, _ in added}
            added = [(name, value) for name, value in self._own(outgoing) if name not in given] + added
            return httpx.Request(
                outgoing.method,
                self._shared_url or _url(f"{self._base}{outgoing.path}"),
                # In bytes: httpx takes ASCII only.
                headers=[(name.encode(), value.encode()) for name, value in (*added, *outgoing.headers)],
                content=outgoing.body,
                extensions={
                    "timeout": timeout | {"pool": limits.total},
                    "target": self._prefix + outgoing.path.encode("ascii"),
                },
            )
        except (UnicodeEncodeError, httpx.InvalidURL) as error:
            raise _unsendable(outgoing) from error

    def _own(self, outgoing: Outgoing) -> Headers:
        own = (("user-agent", f"cohere-conformance/{__version__}"), ("accept-encoding", ACCEPTED))
        if not outgoing.has_key or self._key is None:
            return own
        return (*own, ("authorization", f"{outgoing.scheme} {self._key.reveal()}"))


def _unsendable(outgoing: Outgoing) -> UsageError:
    # Without the value, which may contain a key.
    return UsageError(
        f"{outgoing.method[:20]!r}: expected a method, an encoded path and header fields of one line each, "
        "got what HTTP/1.1 cannot carry: look at the path and at the header fields"
    )
