"""Content codings: requests are decoded, and responses are compressed for clients that accept gzip."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from anyio import to_thread

from cohere_conformance.client.unpack import ACCEPTED, Unpacker, UnpackError
from cohere_conformance.inputs.codings import names_of
from cohere_conformance.reference.api_error import ApiError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from starlette.requests import Request
    from starlette.responses import Response

LARGEST = 32 * 2**20
"""The maximum size of a body in bytes, before and after decoding."""
_SMALLEST = 30
"""The minimum size of a response that is compressed, as by the proxy in front of the live API."""
_QUICK = 64 * 1024
"""The maximum size of a body that is compressed in the event loop; a larger one in a thread."""
_VARIES = b"Origin,Accept-Encoding"


async def decoded(request: Request, most: int | None = LARGEST) -> AsyncGenerator[bytes, None]:
    """Yield the decoded body of a request, chunk by chunk.

    Args:
        request: its body has not been read.
        most: the maximum size in bytes; `None` limits compressed bodies only.

    Raises:
        ApiError: 400, the body is too large, not encoded as declared, or in an unsupported coding.
    """
    codings = names_of(request.headers.getlist("content-encoding"))
    limit = LARGEST if codings and most is None else most
    try:
        unpacker = Unpacker(codings)
    except UnpackError as error:
        named = ", ".join(codings)[:40]
        raise ApiError(
            400, f"invalid request: content-encoding {named!r} is not supported, send {ACCEPTED} or none"
        ) from error
    read = 0
    try:
        async for chunk in request.stream():
            piece = unpacker.feed(chunk, len(chunk) if limit is None else limit - read)
            read += len(piece)
            if limit is not None and read > limit:
                raise ApiError(400, f"invalid request: the body is larger than {limit} bytes")
            yield piece
        unpacker.finish()
    except UnpackError as error:
        raise ApiError(
            400, f"invalid request: the body is not encoded as content-encoding {codings[0]!r} declares"
        ) from error


def wants_gzip(accepted: Iterable[str]) -> bool:
    """Return whether a client accepts gzip.

    Args:
        accepted: the values of the `accept-encoding` headers.
    """
    weights = dict(_weighed(one) for value in accepted for one in value.split(",") if one.strip())
    named = [weights[name] for name in ("gzip", "x-gzip", "*") if name in weights]
    return bool(named) and named[0] > 0


def _weighed(coding: str) -> tuple[str, float]:
    """Return the name of a coding and its weight; an invalid weight counts as 1."""
    name, *parameters = (part.strip().lower() for part in coding.split(";"))
    weights = [value for key, _, value in (one.partition("=") for one in parameters) if key.strip() == "q"]
    try:
        return name, float(weights[0]) if weights else 1.0
    except ValueError:
        return name, 1.0


async def packed(response: Response, request: Request) -> Response:
    """Return a response, compressed if the client accepts gzip.

    A compressed response has no content length, as from the live API. Streams and files are never compressed:
    a stream would have to be flushed after each event, and files are compressed by their own format.
    """
    fields = [(name, value) for name, value in response.raw_headers if name != b"vary"]
    fields.append((b"vary", _VARIES))
    content = bytes(response.body)
    if len(content) >= _SMALLEST and wants_gzip(request.headers.getlist("accept-encoding")):
        quick = len(content) <= _QUICK
        response.body = _compressed(content) if quick else await to_thread.run_sync(_compressed, content)
        fields = [(name, value) for name, value in fields if name != b"content-length"]
        fields.append((b"content-encoding", b"gzip"))
    response.raw_headers = fields
    return response


def _compressed(content: bytes) -> bytes:
    # The lowest level is the fastest, which matters more for a mock.
    return gzip.compress(content, compresslevel=1, mtime=0)
