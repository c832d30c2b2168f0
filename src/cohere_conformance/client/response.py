"""Reads an answer while it comes: whole, or as far as it comes, with the reason why no further."""

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
"""Bytes that are kept of a body without end: every exchange goes into the journal, and these show enough."""
_TIMES_UP = Failure(FailureKind.TIMEOUT, "the whole answer did not come within the time that it is given")


def fields(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return header fields as text: UTF-8, or Latin-1 where they are not."""
    return tuple((_text(name).lower(), _text(value)) for name, value in raw)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


class Reader:
    """Reads one answer.

    Args:
        watch: of the thread that asked.
        largest: decoded bytes that the body may have.
    """

    def __init__(self, watch: Watch, largest: int) -> None:
        self._watch = watch
        self._largest = largest
        self._body = bytearray()
        self._raw = 0
        self._arrivals: list[tuple[int, float]] = []

    def read(self, answer: httpx.Response) -> Response:
        """Return the answer; its connection is given back, or closed where it is of no more use."""
        headers = fields(answer.headers.raw)
        try:
            failure = self._read(answer, headers)
        finally:
            answer.close()
        streams = any(
            name == "content-type" and value.partition(";")[0].strip().lower() in _STREAMS
            for name, value in headers
        )
        return Response(
            status=answer.status_code,
            headers=redact.headers(headers),
            body=bytes(self._body),
            failure=failure,
            seconds=self._watch.elapsed,
            arrivals=tuple(self._arrivals) if streams else (),
        )

    def _read(self, answer: httpx.Response, headers: Headers) -> Failure | None:
        names = {name for name, _ in headers}
        measured = "content-length" in names and "transfer-encoding" not in names
        try:
            unpacker = Unpacker(value for name, value in headers if name == "content-encoding")
            for chunk in _chunks(answer):
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
        # It would be read as the beginning of the next answer.
        answer.extensions["network_stream"].close()
        return Failure(FailureKind.LENGTH, "more came than the answer says that its body has")

    def _left_over(self, *, chunked: bool) -> bool:
        """Return whether more came than belongs to the answer; nobody but the socket has seen it."""
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


def _chunks(answer: httpx.Response) -> Iterable[bytes]:
    # Not `iter_raw`: it keeps no more than this, and refuses an answer that is read already, as a mock's is.
    if not isinstance(answer.stream, httpx.SyncByteStream):
        raise TypeError("a transport for synchronous requests answers with a synchronous stream")
    return answer.stream


# -- why there is no whole answer


def unanswered(error: httpx.TransportError, watch: Watch) -> Failure:
    """Return why no head of an answer came."""
    match error:
        case httpx.ConnectTimeout():
            return Failure(FailureKind.REFUSED, "no connection within the time that it is given")
        case httpx.ConnectError():
            return Failure(FailureKind.REFUSED, _refusal(error))
        case httpx.ProxyError():
            return Failure(FailureKind.REFUSED, "the proxy makes no connection to the server")
        case httpx.WriteTimeout():
            return Failure(
                FailureKind.TIMEOUT, "the server did not take the request within the time that it is given"
            )
        case httpx.TimeoutException():
            return _TIMES_UP if watch.left <= 0 else Failure(FailureKind.TIMEOUT, _silent("answer"))
        case httpx.RemoteProtocolError() if not watch.ended or not watch.is_http:
            return Failure(FailureKind.PROTOCOL, "what came is no answer of HTTP/1.1")
        case httpx.RemoteProtocolError():
            return Failure(FailureKind.RESET, "the connection was closed before an answer came")
        case _:
            return Failure(FailureKind.RESET, "the connection was reset before an answer came")


def _cut(error: httpx.TransportError, watch: Watch, measured: bool) -> Failure:
    match error:
        case httpx.TimeoutException():
            return _TIMES_UP if watch.left <= 0 else Failure(FailureKind.TIMEOUT, _silent("more of the body"))
        case httpx.RemoteProtocolError() if measured:
            return Failure(
                FailureKind.LENGTH, "the connection was closed before the body had its content-length"
            )
        case httpx.RemoteProtocolError() if not watch.ended:
            return Failure(FailureKind.PROTOCOL, "the body is not in chunks as HTTP/1.1 has them")
        case httpx.RemoteProtocolError():
            return Failure(FailureKind.RESET, "the connection was closed before the last chunk of the body")
        case _:
            return Failure(FailureKind.RESET, "the connection was reset in the middle of the body")


def _silent(what: str) -> str:
    return f"no {what} came within the time that a server may be silent"


def _refusal(error: BaseException) -> str:
    """Return the cause at the bottom, in words that do not hold an address."""
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case ssl.SSLCertVerificationError():
                told = cause.verify_message.partition(",")[0].rstrip(".").lower()
                return f"the certificate of the server is not accepted: {told}"
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
