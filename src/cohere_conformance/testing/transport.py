"""An httpx transport that judges what passes through it, for the tests that a project has already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from cohere_conformance.client.response import fields
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Response, Severity
from cohere_conformance.report.render.safe import plain
from cohere_conformance.report.verdict import quantity
from cohere_conformance.testing.exchanges import assembled, content_of
from cohere_conformance.testing.judge import ConformanceJudge, described, severe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from cohere_conformance.model import Finding


@dataclass
class _Calls:
    """What the transports of one test have seen."""

    findings: list[Finding] = field(default_factory=list)
    judged: int = 0
    unjudged: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


class ConformanceTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Passes requests on to another transport, unchanged, and judges each response when its body ends.

    It is for `httpx.Client` and `httpx.AsyncClient`, and so for the official SDK:

        cohere.ClientV2(httpx_client=httpx.Client(transport=conformance_transport))

    Calls that raise an exception, and responses that are not read to their end, are not judged.

    Args:
        inner: what sends the requests: a transport of httpx, of either kind; the network by default.
        servers: base URLs that count as the API, besides `api.cohere.com` and loopback addresses.

    Attributes:
        fail_on: the least severity that fails the test; `None` only collects `findings`.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport | httpx.AsyncBaseTransport | None = None,
        *,
        servers: Sequence[str] = (),
    ) -> None:
        self.fail_on: Severity | None = Severity.BREAKING
        self._judge = ConformanceJudge(servers)
        self._calls = _Calls()
        self._inner = inner
        self._sync: httpx.BaseTransport | None = None
        self._async: httpx.AsyncBaseTransport | None = None

    def around(self, inner: httpx.BaseTransport | httpx.AsyncBaseTransport) -> ConformanceTransport:
        """Return a transport that sends by another one, such as `httpx.MockTransport`.

        What it judges counts for this transport as well.
        """
        other = ConformanceTransport(inner, servers=self._judge.servers)
        other._calls = self._calls
        return other

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All deviations so far, of every severity, without known defects of the published document."""
        return tuple(self._calls.findings)

    @property
    def judged(self) -> int:
        """The number of responses that were judged so far."""
        return self._calls.judged

    @property
    def unjudged(self) -> tuple[str, ...]:
        """The calls that were not judged so far, such as `POST /v2/chat: not read to its end`."""
        return tuple(self._calls.unjudged)

    def problem(self) -> str | None:
        """Return why the test fails, in some lines; `None` if it does not."""
        if self.fail_on is None:
            return None
        if bad := severe(self._calls.findings, self.fail_on):
            return described(bad)
        if elsewhere := self._calls.elsewhere:
            return (
                f"expected calls of the Cohere API, got {quantity(len(elsewhere), 'call')} of another host: "
                f"{plain(elsewhere[0])}; if that is the API, name its base URL in the fixture "
                "conformance_servers"
            )
        return None

    # -- as httpx calls it

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response, which is judged when it has been read."""
        if self._sync is None:
            inner = self._inner or httpx.HTTPTransport()
            if not isinstance(inner, httpx.BaseTransport):
                raise UsageError(_wrong_kind("httpx.Client", "httpx.BaseTransport", inner))
            self._sync = inner
        request.read()
        try:
            response = self._sync.handle_request(request)
        except Exception as error:
            self.leave_out(request, type(error).__name__)
            raise
        if not isinstance(response.stream, httpx.SyncByteStream):
            raise UsageError(_wrong_kind("httpx.Client", "a synchronous stream", response.stream))
        watched = _SyncBody(response.stream, _Watch(self, request, response))
        return _with_stream(response, watched)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response, which is judged when it has been read."""
        if self._async is None:
            inner = self._inner or httpx.AsyncHTTPTransport()
            if not isinstance(inner, httpx.AsyncBaseTransport):
                raise UsageError(_wrong_kind("httpx.AsyncClient", "httpx.AsyncBaseTransport", inner))
            self._async = inner
        await request.aread()
        try:
            response = await self._async.handle_async_request(request)
        except Exception as error:
            self.leave_out(request, type(error).__name__)
            raise
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise UsageError(_wrong_kind("httpx.AsyncClient", "an asynchronous stream", response.stream))
        watched = _AsyncBody(response.stream, _Watch(self, request, response))
        return _with_stream(response, watched)

    def close(self) -> None:
        """Close the synchronous transport below."""
        if self._sync is not None:
            self._sync.close()

    async def aclose(self) -> None:
        """Close the asynchronous transport below."""
        if self._async is not None:
            await self._async.aclose()

    # -- as the watched bodies call it

    def take(self, request: httpx.Request, response: httpx.Response, raw: bytes) -> None:
        """Judge a response with all bytes of its body as they were received."""
        try:
            content = httpx.Response(response.status_code, headers=response.headers, content=raw).content
        except httpx.DecodingError:
            self.leave_out(request, "its body is not encoded as its content-encoding says")
            return
        exchange = assembled(
            request.method,
            str(request.url),
            request.headers.multi_items(),
            content_of(request),
            Response(response.status_code, fields(response.headers.raw), content),
        )
        try:
            self._calls.findings += self._judge.of(exchange)
        except UsageError:
            self._calls.elsewhere.append(f"{request.method} {request.url.copy_with(query=None)}")
            self.leave_out(request, "another host than the API")
        else:
            self._calls.judged += 1

    def leave_out(self, request: httpx.Request, reason: str) -> None:
        """Note that a call was not judged."""
        self._calls.unjudged.append(f"{request.method} {request.url.path}: {reason}")


def _wrong_kind(client: str, expected: str, got: object) -> str:
    return f"{client} needs {expected} below the transport, got {type(got).__name__}; pass one to around()"


def _with_stream(
    response: httpx.Response, stream: httpx.SyncByteStream | httpx.AsyncByteStream
) -> httpx.Response:
    return httpx.Response(
        response.status_code,
        # The bytes: the names keep their case.
        headers=response.headers.raw,
        stream=stream,
        extensions=response.extensions,
    )


class _Watch:
    """Collects the body of one response while its client reads it."""

    def __init__(
        self, transport: ConformanceTransport, request: httpx.Request, response: httpx.Response
    ) -> None:
        self._transport = transport
        self._request = request
        self._response = response
        self._body = bytearray()
        self._ended = False

    def piece(self, chunk: bytes) -> None:
        self._body += chunk

    def end(self) -> None:
        self._ended = True
        self._transport.take(self._request, self._response, bytes(self._body))

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            self._transport.leave_out(self._request, "not read to its end")


class _SyncBody(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream, watch: _Watch) -> None:
        self._inner = inner
        self._watch = watch

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._inner:
            self._watch.piece(chunk)
            yield chunk
        self._watch.end()

    def close(self) -> None:
        self._watch.close()
        self._inner.close()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, watch: _Watch) -> None:
        self._inner = inner
        self._watch = watch

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._watch.piece(chunk)
            yield chunk
        self._watch.end()

    async def aclose(self) -> None:
        self._watch.close()
        await self._inner.aclose()
