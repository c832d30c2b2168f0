"""Parses HTTP archives (HAR 1.2), as browsers, proxies and API clients export them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from cohere_conformance.model import Exchange, Headers, Request, Response, Source
from cohere_conformance.recordings import jsonstream
from cohere_conformance.recordings.bodies import chunks, encode, recorded, without_codings
from cohere_conformance.recordings.fields import assemble, first, headers, mapping, status
from cohere_conformance.recordings.jsonitems import JsonItems
from cohere_conformance.recordings.scalars import UnusableError, text, unbase64

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Mapping

    from cohere_conformance.errors import TrafficError
    from cohere_conformance.recordings.jsonitems import JsonRun, RunItems


_ENTRIES, _NOUN = "log.entries.item", "entry"
_RUN, _RUN_BYTES = 256, 2**20
"""Entries of a run, and bytes from which it ends: as many as are judged together."""


def parse(stream: io.BufferedReader, file: str) -> Iterator[Exchange | TrafficError]:
    """Yield each entry, or an error for one without a response; a last error where the text breaks."""
    return jsonstream.parse(stream, file, (_ENTRIES, _NOUN), exchange_of)


def divide(
    stream: io.BufferedReader, file: str
) -> tuple[Iterator[JsonRun], Iterator[Exchange | TrafficError]]:
    """Return runs of entries for `parse_run`, and what `parse` yields of the entries after the last run."""
    items = JsonItems(stream, _ENTRIES)
    rest = jsonstream.exchanges(items, items.rest(), file, _NOUN, exchange_of)
    return items.runs(_RUN, _RUN_BYTES), rest


def parse_run(run: RunItems, file: str) -> Iterator[Exchange | TrafficError]:
    """Yield what `parse` yields of the entries of a run."""
    return jsonstream.exchanges(run, run.read(), file, _NOUN, exchange_of)


def exchange_of(value: object, file: str, position: str) -> Exchange:
    """Return the exchange of an entry.

    Archives mark an aborted request by status 0: there is no response to judge.

    Raises:
        UnusableError: it has none.
    """
    entry = mapping(value, "an entry")
    request = mapping(entry.get("request"), "request")
    if entry.get("response") is None:
        raise UnusableError("no response was recorded")
    response = mapping(entry["response"], "response")
    found = response.get("content")
    body = found if isinstance(found, dict) else {}
    fields = headers(response.get("headers"))
    mime_type = text(body.get("mimeType"))
    if not fields and "/" in mime_type:
        # Only if no header was recorded at all: a type that a browser has guessed is no header.
        fields = (("content-type", mime_type),)
    content, undecoded = recorded(lambda: _content(body, response, fields))
    sent = headers(request.get("headers"))
    posted, _ = recorded(lambda: _posted(request.get("postData"), sent))
    started = entry.get("startedDateTime")
    return assemble(
        Request(
            method=text(request.get("method")),
            url=text(request.get("url")),
            headers=sent,
            body=posted,
        ),
        Response(status(response.get("status")), fields, content, undecoded=undecoded),
        Source(file, position, started if isinstance(started, str) else None),
    )


def _content(body: Mapping[str, object], response: Mapping[str, object], fields: Headers) -> bytes | None:
    """Return the body: archives contain it without its content coding; `None` if it was left out.

    Without text, the body was left out if a size says that there was one; otherwise it was empty.
    """
    value = body.get("text")
    if value is None or value == "":
        declared = (body.get("size"), response.get("bodySize"), first(fields, "content-length"))
        sizes = [_size(one) for one in declared]
        if any(size > 0 for size in sizes):
            return None
        return b"" if value == "" or sizes[0] == 0 else None
    return _bytes(text(value), body.get("encoding"), fields)


def _bytes(written: str, encoding: object, fields: Headers) -> bytes:
    """Return the bytes of a body, which most archives contain without its content coding."""
    packed = encoding == "base64" or any(name == "content-encoding" for name, _ in fields)
    joined = chunks(written) if packed else None
    if joined is None:
        joined = unbase64(written) if encoding == "base64" else encode(written)
    return without_codings(joined, fields)


def _size(value: object) -> int:
    """Return a size in bytes; -1, as in archives, if it is unknown."""
    try:
        return int(value) if isinstance(value, int | str) else -1
    except ValueError:
        return -1


def _posted(value: object, fields: Headers) -> bytes | None:
    if not isinstance(value, dict):
        return None
    written = value.get("text")
    if isinstance(written, str) and (written or not value.get("params")):
        return _bytes(written, value.get("encoding"), fields)
    parameters = value.get("params")
    if not isinstance(parameters, list) or text(value.get("mimeType")).startswith("multipart/"):
        # The parts of a multipart body are listed without boundary and file content: it cannot be rebuilt.
        return None
    pairs = [
        (text(item.get("name")), text(item.get("value"))) for item in parameters if isinstance(item, dict)
    ]
    return urlencode(pairs, errors="replace").encode("ascii")
