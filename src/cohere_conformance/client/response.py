"""Reads a response as it arrives: complete, or partial with the reason why it is."""

from __future__ import annotations

import os
import socket
import ssl
from typing import TYPE_CHECKING

import httpx

from cohere_conformance.client.unpack import Unpacker, UnpackError
from cohere_conformance.model import Failure, FailureKind, Headers, Response
from cohere_conformance.privacy import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.client.watch import Watch

_STREAMS = frozenset({"text/event-stream", "application/stream+json", "application/x-ndjson"})
_KEPT = 128 * 1024
"""Bytes that are kept of an endless body: every exchange is written to the journal."""
_TIMES_UP = Failure(FailureKind.TIMEOUT, "no complete response within the time limit")


def fields(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return header fields as text: UTF-8, or Latin-1 where they are not UTF-8."""
    return tuple((_text(name).lower(), _text(value)) for name, value in raw)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def is_stream(headers: Headers) -> bool:
    """Return whether header fields say that the body is a stream of events."""
    return any(
        name == "content-type" and value.partition(";")[0].strip().lower() in _STREAMS
        for name, value in headers
    )


class ResponseReader:
    """Reads one response.

    Args:
        watch: of the thread that sent the request.
        largest: maximum number of decoded bytes of the body.
    """

    def __init__(self, watch: Watch, largest: int) -> None:
        self._watch = watch
        self._largest = largest
        self._body = bytearray()
        self._raw = 0
        self._arrivals: list[tuple[int, float]] = []

    def read(self, response: httpx.Response) -> Response:
        """Return the response; its connection is kept for reuse, or closed where it cannot be used again."""
        headers = fields(response.headers.raw)
        try:
            failure = self._read(response, headers)
        finally:
            response.close()
        return Response(
            status=response.status_code,
            headers=redact.headers(headers),
            body=bytes(self._body),
            failure=failure,
            seconds=self._watch.elapsed,
            arrivals=tuple(self._arrivals) if is_stream(headers) else (),
        )

    def _read(self, response: httpx.Response, headers: Headers) -> Failure | None:
        names = {name for name, _ in headers}
        measured = "content-length" in names and "transfer-encoding" not in names
        try:
            unpacker = Unpacker(value for name, value in headers if name == "content-encoding")
            for chunk in _chunks(response):
                failure = self._take(chunk, unpacker)
                if failure is not None:
                    return failure
            unpacker.finish()
        except UnpackError as error:
            return Failure(FailureKind.ENCODING, str(error))
        except httpx.TransportError as error:
            return _cut(error, self._watch, measured)
        if not self._left_over(chunked="transfer-encoding" in names):
            return None
        # It would be read as the beginning of the next response.
        response.extensions["network_stream"].close()
        return Failure(FailureKind.LENGTH, "more bytes received than the response declares for its body")

    def _left_over(self, *, chunked: bool) -> bool:
        """Return whether bytes were received beyond the response; only the socket has seen them."""
        if self._watch.behind is None:
            return False
        # Chunks end with an empty line.
        ended = self._watch.tail.endswith((b"\n\n", b"\n\r\n"))
        return not ended if chunked else self._watch.behind > self._raw

    def _take(self, chunk: bytes, unpacker: Unpacker) -> Failure | None:
        self._raw += len(chunk)
        self._body += unpacker.feed(chunk, self._largest - len(self._body))
        if len(self._body) > self._largest:
            del self._body[min(self._largest, _KEPT) :]
            self._arrivals = [arrival for arrival in self._arrivals if arrival[0] <= len(self._body)]
            return Failure(FailureKind.TOO_LARGE, f"the body has more than {self._largest} bytes")
        self._arrivals.append((len(self._body), self._watch.elapsed))
        return _TIMES_UP if self._watch.left <= 0 else None


def _chunks(response: httpx.Response) -> Iterable[bytes]:
    # Not `iter_raw`: it keeps no more than this, and rejects a response that is read already, as a mock's is.
    if not isinstance(response.stream, httpx.SyncByteStream):
        raise TypeError("expected a synchronous stream from a transport for synchronous requests")
    return response.stream


# -- why there is no complete response


def unanswered(error: httpx.TransportError, watch: Watch) -> Failure:
    """Return why no response was received."""
    match error:
        case httpx.ConnectTimeout():
            return Failure(FailureKind.REFUSED, "no connection within the time limit")
        case httpx.ConnectError():
            return Failure(FailureKind.REFUSED, refusal(error))
        case httpx.ProxyError():
            return Failure(FailureKind.REFUSED, "the proxy does not connect to the server")
        case httpx.WriteTimeout():
            return Failure(FailureKind.TIMEOUT, "the server did not read the request within the time limit")
        case httpx.TimeoutException():
            return _TIMES_UP if watch.left <= 0 else Failure(FailureKind.TIMEOUT, _silent("response"))
        case httpx.RemoteProtocolError() if not watch.ended or not watch.is_http:
            return Failure(FailureKind.PROTOCOL, "the bytes received are no HTTP/1.1 response")
        case httpx.RemoteProtocolError():
            return Failure(FailureKind.RESET, "the connection was closed before a response was received")
        case _:
            return Failure(FailureKind.RESET, "the connection was reset before a response was received")


def _cut(error: httpx.TransportError, watch: Watch, measured: bool) -> Failure:
    match error:
        case httpx.TimeoutException():
            return _TIMES_UP if watch.left <= 0 else Failure(FailureKind.TIMEOUT, _silent("more of the body"))
        case httpx.RemoteProtocolError() if measured:
            return Failure(
                FailureKind.LENGTH, "the connection was closed before the body reached its content-length"
            )
        case httpx.RemoteProtocolError() if not watch.ended:
            return Failure(FailureKind.PROTOCOL, "the body is not in chunked encoding as HTTP/1.1 defines it")
        case httpx.RemoteProtocolError():
            return Failure(FailureKind.RESET, "the connection was closed before the last chunk of the body")
        case _:
            return Failure(FailureKind.RESET, "the connection was reset in the middle of the body")


def _silent(what: str) -> str:
    return f"no {what} was received within the time that a server may be silent"


def refusal(error: BaseException) -> str:
    """Return why there is no connection, in words that do not contain an address."""
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case ssl.SSLCertVerificationError():
                reason = cause.verify_message.partition(",")[0].rstrip(".").lower()
                return f"the certificate of the server is not accepted: {reason}"
            case ssl.SSLError():
                return "the server and this machine agree on no TLS"
            case socket.gaierror():
                return "the name of the server has no address"
            case ConnectionRefusedError():
                return "the connection was refused"
            case OSError() if cause.errno:
                return f"no connection: {os.strerror(cause.errno).lower()}"
        cause = cause.__cause__ or cause.__context__
    return "no connection to the server"
