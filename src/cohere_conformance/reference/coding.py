"""Content codings: requests are decoded, and responses are compressed for clients that accept gzip."""

from __future__ import annotations

import gzip
from functools import lru_cache
from typing import TYPE_CHECKING

from cohere_conformance.client.unpack import ACCEPTED, Unpacker, UnpackError
from cohere_conformance.inputs.codings import names_of
from cohere_conformance.reference.api_error import ApiError
from cohere_conformance.reference.http_messages import VARIES
from cohere_conformance.reference.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

    from cohere_conformance.reference.http_messages import HttpRequest, HttpResponse

LARGEST = 32 * 2**20
"""The maximum size of a body in bytes, before and after decoding."""
_SMALLEST = 30
"""The minimum size of a response that is compressed, as by the proxy in front of the live API."""
_QUICK = 64 * 1024
"""The maximum size of a body that is compressed in the event loop; a larger one in a thread."""
_VARIES = (b"vary", b"Origin,Accept-Encoding")


async def body_of(request: HttpRequest) -> bytes:
    """Return the decoded body of a request.

    Args:
        request: its body has not been read.

    Raises:
        ApiError: 400, as `decoded`.
    """
    if "content-encoding" in request.headers:
        return b"".join([piece async for piece in decoded(request)])
    content, more = await request.part()
    if not more and len(content) <= LARGEST:
        return content
    parts, size = [content], len(content)
    while more:
        _check_size(size, LARGEST)
        content, more = await request.part()
        parts.append(content)
        size += len(content)
    _check_size(size, LARGEST)
    return b"".join(parts)


async def decoded(request: HttpRequest, most: int | None = LARGEST) -> AsyncGenerator[bytes, None]:
    """Yield the decoded body of a request, chunk by chunk.

    Args:
        request: its body has not been read.
        most: the maximum size in bytes; `None` limits compressed bodies only.

    Raises:
        ApiError: 400, the body is too large, not encoded as declared, or in an unsupported coding.
    """
    codings = names_of(request.head.values("content-encoding"))
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
            _check_size(read, limit)
            yield piece
        unpacker.finish()
    except UnpackError as error:
        raise ApiError(
            400, f"invalid request: the body is not encoded as content-encoding {codings[0]!r} declares"
        ) from error


def _check_size(size: int, limit: int | None) -> None:
    if limit is not None and size > limit:
        raise ApiError(400, f"invalid request: the body is larger than {limit} bytes")


def wants_gzip(accepted: Iterable[str]) -> bool:
    """Return whether a client accepts gzip.

    Args:
        accepted: the values of the `accept-encoding` headers.
    """
    return _wants_gzip(tuple(accepted))


@lru_cache(maxsize=256)
def _wants_gzip(accepted: tuple[str, ...]) -> bool:
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


async def pack(response: HttpResponse, request: HttpRequest) -> None:
    """Compress a response if the client accepts gzip.

    A compressed response has no content length, as from the live API. Streams and files are never compressed:
    a stream would have to be flushed after each event, and files are compressed by their own format.
    """
    content, fields = response.content, response.fields
    if VARIES in fields:
        fields.remove(VARIES)
    fields.append(_VARIES)
    if len(content) >= _SMALLEST and wants_gzip(request.head.values("accept-encoding")):
        quick = len(content) <= _QUICK
        response.content = _compressed(content) if quick else await in_thread(_compressed, content)
        response.fields = [field for field in fields if field[0] != b"content-length"]
        response.fields.append((b"content-encoding", b"gzip"))


def _compressed(content: bytes) -> bytes:
    # The lowest level is the fastest, which matters more for a mock.
    return gzip.compress(content, compresslevel=1, mtime=0)
