"""An exchange as the proxy has seen it, and its conversion to the vocabulary of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from cohere_conformance.access import DIRECT, Access
from cohere_conformance.client.response import fields, is_stream
from cohere_conformance.client.unpack import Unpacker, UnpackError
from cohere_conformance.inputs.bounds import LONGEST
from cohere_conformance.inputs.codings import GZIP, names_of
from cohere_conformance.model import Exchange, Failure, FailureKind, Request, Response, Source
from cohere_conformance.recordings.bodies import UndecodedError, without_codings
from cohere_conformance.recordings.fields import assemble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.model import Headers

RawFields = tuple[tuple[bytes, bytes], ...]
"""Header fields as on the wire, in their order."""


class ObservedExchange(msgspec.Struct, tag="exchange", kw_only=True):
    """A copy of one exchange that was passed on.

    Attributes:
        number: its number in the order of the requests, from 1.
        at: RFC 3339 time at which the request began.
        method: of the request.
        target: path and query of the request at the upstream, with the path of its base URL.
        request_headers: as the client sent them.
        request_body: without its transfer coding; `None` if it was too large to be kept.
        status: of the response; 0 if no status line was received.
        response_headers: as the upstream sent them.
        body: of the response, without its transfer coding and with its content coding; `None` likewise.
        arrivals: pairs of the number of bytes of `body` received so far and the seconds since the request.
        seconds: from the begin of the request to the end of the response.
        failure: why the response is incomplete.
        unreachable: why the proxy itself has responded: the upstream gave no response.
    """

    number: int
    at: str
    method: str
    target: str
    request_headers: RawFields
    request_body: bytes | None
    status: int = 0
    response_headers: RawFields = ()
    body: bytes | None = None
    arrivals: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    failure: Failure | None = None
    unreachable: str = ""


def exchange_of(observed: ObservedExchange, upstream: str, access: Access = DIRECT) -> Exchange:
    """Return the exchange, decoded and without credentials.

    Args:
        observed: the copy.
        upstream: base URL of the upstream.
        access: how the upstream is reached besides its URL, for commands that repeat the request.

    Raises:
        UnusableError: a body exceeds a limit of the project, or the request cannot be represented.
    """
    parts = urlsplit(upstream)
    url = f"{parts.scheme}://{parts.netloc}{observed.target}"
    sent, received = fields(observed.request_headers), fields(observed.response_headers)
    response = _response(observed, received)
    made = assemble(
        Request(observed.method, url, sent, _content(observed.request_body, sent)),
        response,
        Source(upstream, f"exchange {observed.number}", observed.at),
    )
    has_key = any(name == "authorization" for name, _ in sent)
    return replace(made, request=replace(made.request, has_key=has_key, access=access))


def _content(body: bytes | None, headers: Headers) -> bytes | None:
    """Return the body of a request without its content coding; as it is if it cannot be decoded."""
    try:
        return body and without_codings(body, headers)
    except UndecodedError:
        return body


def _response(observed: ObservedExchange, headers: Headers) -> Response:
    response = Response(
        observed.status, headers, None, failure=observed.failure, seconds=round(observed.seconds, 6)
    )
    if observed.body is None:
        return response
    codings = names_of(value for name, value in headers if name == "content-encoding")
    if len(codings) > 1 or not {*codings} <= {*GZIP, "deflate"}:
        # A coding that the client has asked for; it cannot be decoded in pieces.
        try:
            return replace(response, body=without_codings(observed.body, headers))
        except UndecodedError as error:
            return replace(response, undecoded=str(error))
    body, arrivals, failure = _unpacked(observed, codings)
    return replace(
        response,
        body=body,
        arrivals=arrivals if is_stream(headers) else (),
        failure=observed.failure or failure,
    )


def _unpacked(
    observed: ObservedExchange, codings: Sequence[str]
) -> tuple[bytes, tuple[tuple[int, float], ...], Failure | None]:
    """Return the decoded body, how many bytes of it were received at which time, and why it is incomplete."""
    body, arrivals, begin = bytearray(), [], 0
    raw = observed.body or b""
    try:
        unpacker = Unpacker(codings)
        for end, seconds in observed.arrivals:
            body += unpacker.feed(raw[begin:end], LONGEST - len(body))
            if len(body) > LONGEST:
                failure = Failure(FailureKind.TOO_LARGE, f"the body has more than {LONGEST} bytes")
                return bytes(body[:LONGEST]), (), failure
            arrivals.append((len(body), seconds))
            begin = end
        if observed.failure is None:
            unpacker.finish()
    except UnpackError as error:
        return bytes(body), tuple(arrivals), Failure(FailureKind.ENCODING, str(error))
    return bytes(body), tuple(arrivals), None
