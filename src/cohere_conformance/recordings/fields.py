"""Turns the loosely typed fields of a recording into the vocabulary."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.curl import variable_of
from cohere_conformance.inputs.bounds import MOST_EVENTS
from cohere_conformance.model import Exchange, Headers, Request, Response, Source
from cohere_conformance.names import is_token
from cohere_conformance.privacy import redact
from cohere_conformance.recordings.bodies import foreign_charset, refuse_excess
from cohere_conformance.recordings.scalars import UnusableError, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_GLIMPSE = 7


def assemble(request: Request, response: Response, source: Source) -> Exchange:
    """Return the exchange without credentials; every parser ends with this call.

    Args:
        request: method in any case, URL with any credentials.
        response: as recorded.
        source: with `recorded_at` in any notation; without it, the `date` of the response is used.

    Raises:
        UnusableError: the URL is missing, the method is missing or no token, or a body exceeds a limit.
    """
    if not request.url:
        raise UnusableError("the request has no url")
    if not request.method:
        raise UnusableError("the request has no method")
    if not is_token(request.method):
        raise UnusableError(
            f"expected a method of HTTP such as POST, found {_glimpse(request.method)}; correct the recording"
        )
    refuse_excess(request.body)
    refuse_excess(response.body)
    if response.events is not None and len(response.events) > MOST_EVENTS:
        raise UnusableError(f"more than {MOST_EVENTS:,} events in one stream")
    when = timestamp(source.recorded_at) or timestamp(first(response.headers, "date"))
    return redact.exchange(
        Exchange(
            Request(
                request.method.upper(),
                request.url,
                request.headers,
                request.body,
                key_variable=variable_of(request.headers),
            ),
            _readable(response),
            Source(source.file, source.position, when),
        )
    )


def _readable(response: Response) -> Response:
    """Return the response without its body, if that is declared to be in another character set than UTF-8."""
    declared = foreign_charset(response.body, response.headers)
    if declared:
        return replace(response, body=None, undecoded=f"the character set is {declared[:40]!r}")
    return response


def _glimpse(value: str) -> str:
    """Return the beginning of an unexpected value: too little to be of use to anybody if it is a key."""
    return ascii(value) if len(value) <= _GLIMPSE else f"{value[:_GLIMPSE]!a}..."


def mapping(value: object, what: str) -> Mapping[str, object]:
    """Return the value if it is a mapping.

    Raises:
        UnusableError: it is something else.
    """
    if isinstance(value, dict):
        return value
    found = "nothing" if value is None else "a list" if isinstance(value, list) else "a single value"
    raise UnusableError(f"expected a mapping as {what}, found {found}")


def status(value: object) -> int:
    """Return the status code.

    Raises:
        UnusableError: there is none, which means that there was no response, or it is not of three digits.
    """
    code = text(value).strip()
    if code in {"", "0"}:
        raise UnusableError("no response was recorded")
    if len(code) != 3 or not code.isdecimal() or code < "100":
        raise UnusableError(f"expected a status code of three digits, found {_glimpse(code)}")
    return int(code)


def headers(value: object) -> Headers:
    """Return header fields from any notation: a mapping to values or lists, a list of pairs or of objects."""
    found: list[tuple[str, str]] = []
    for name, values in _pairs(value):
        lowered = _name(name if type(name) is str else text(name))
        if not lowered:
            continue
        if type(values) is str:
            found.append((lowered, values))
            continue
        several = values if isinstance(values, list) else [values]
        found += [(lowered, text(one)) for one in several if one is not None]
    return tuple(found)


def _pairs(value: object) -> Iterable[tuple[object, object]]:
    if isinstance(value, dict):
        return value.items()
    items = value if isinstance(value, list) else ()
    return [
        (item.get("name"), item.get("value")) if isinstance(item, dict) else (item[0], item[1])
        for item in items
        if isinstance(item, dict) or (isinstance(item, list) and len(item) == 2)
    ]


@functools.lru_cache(maxsize=1024)
def _name(written: str) -> str:
    """Return a field's name; none for the pseudo fields of HTTP/2 (`:path`), which HAR keeps as well."""
    lowered = written.lower()
    return "" if lowered.startswith(":") else lowered


def first(fields: Headers, name: str) -> str | None:
    """Return the value of the first field of that name."""
    return next((value for key, value in fields if key == name), None)


def timestamp(value: object) -> str | None:
    """Return a time as RFC 3339 in UTC, from ISO 8601 or from an HTTP date; `None` if it is neither."""
    if not isinstance(value, str) or not value:
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        import email.utils  # slow, and few recorders write the dates of HTTP

        try:
            when = email.utils.parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    try:
        # No recorder that leaves the offset out means local time.
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    except OverflowError:
        return None
