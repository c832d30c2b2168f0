"""Follows a response while its bytes are passed on: where its head, its body and its end are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11

from cohere_conformance.model import Failure, FailureKind

if TYPE_CHECKING:
    from cohere_conformance.proxy.capture import ExchangeCapture

LONGEST_HEAD = 256 * 1024
"""Maximum bytes of a head; the servers that we know accept at most 64 KiB."""
_NOT_HTTP = Failure(FailureKind.PROTOCOL, "the bytes received are no HTTP/1.1 response")
_BROKEN_CHUNKS = Failure(FailureKind.PROTOCOL, "the body is not in chunked encoding as HTTP/1.1 defines it")
_MORE = Failure(FailureKind.LENGTH, "more bytes received than the response declares for its body")
_SHORT = Failure(FailureKind.LENGTH, "the connection was closed before the body reached its content-length")
RESET = Failure(FailureKind.RESET, "the connection was reset in the middle of the response")
_CUT = Failure(FailureKind.RESET, "the connection was closed before the last chunk of the body")


class ResponseFollower:
    """Reads a copy of the bytes of one response.

    Args:
        method: of the request.
        capture: takes head and body.

    Attributes:
        ended: whether the response is complete.
        failure: why it is not a complete HTTP response; the rest of the bytes is not read.
        reusable: whether the upstream takes another request on the connection.
    """

    def __init__(self, method: bytes, capture: ExchangeCapture) -> None:
        self._capture = capture
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
        # What the parser has to know of the request is its method; the bytes were sent by others.
        self._parser.send(h11.Request(method=method, target="/", headers=[("host", "upstream")]))
        self._parser.send(h11.EndOfMessage())
        self._measured = False
        self._begun = False
        self.ended = False
        self.failure: Failure | None = None
        self.reusable = False

    def feed(self, data: bytes) -> None:
        """Read bytes; none means that the upstream has closed the connection."""
        if self.failure is not None:
            return
        if self.ended:
            self._more(data)
            return
        try:
            self._parser.receive_data(data)
            while self._take():
                pass
        except h11.RemoteProtocolError:
            self.failure = self._reason(closed=not data)

    def _take(self) -> bool:
        event = self._parser.next_event()
        match event:
            case h11.Response():
                self._begun = True
                self._measured = any(name == b"content-length" for name, _ in event.headers)
                self._capture.head(event.status_code, tuple(event.headers.raw_items()))
            case h11.Data():
                self._capture.received(bytes(event.data))
            case h11.EndOfMessage():
                self.ended = True
                self.reusable = self._parser.their_state is h11.DONE
                self._more(self._parser.trailing_data[0])
            case h11.InformationalResponse():
                pass
            case _:
                return False
        return not self.ended

    def _more(self, data: bytes) -> None:
        if data:
            self.failure, self.reusable = _MORE, False

    def _reason(self, *, closed: bool) -> Failure:
        if not self._begun:
            return RESET if closed else _NOT_HTTP
        if closed:
            return _SHORT if self._measured else _CUT
        return _BROKEN_CHUNKS
