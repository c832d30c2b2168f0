"""Turns the loosely typed fields of a recording into the vocabulary."""

from __future__ import annotations

import base64
import binascii
import email.utils
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from cohere_conformance.exchanges import codec, redact
from cohere_conformance.exchanges.scalars import Binary, Plain, resolve
from cohere_conformance.model import Exchange, Headers, Request, Response, Source

MAX_NODES = 5_000_000
"""Values that one recorded JSON body may have: YAML aliases can make a few lines stand for billions."""


class UnusableError(ValueError):
    """One recorded exchange lacks what makes it one; the message says what."""


def assemble(request: Request, response: Response, source: Source) -> Exchange:
    """Return the exchange; every reader ends here, so that no credential gets past.

    Args:
        request: method in any case, address with whatever it carries.
        response: as recorded.
        source: its `recorded_at` in any known notation; the `date` of the response stands in for it.

    Raises:
        UnusableError: the address is missing.
    """
    if not request.url:
        raise UnusableError("the request has no url")
    if not request.method:
        raise UnusableError("the request has no method")
    when = timestamp(source.recorded_at) or timestamp(first(response.headers, "date"))
    return Exchange(
        Request(
            method=request.method.upper(),
            url=redact.url(request.url),
            headers=redact.headers(request.headers),
            body=request.body,
        ),
        Response(
            status=response.status,
            headers=redact.headers(response.headers),
            body=response.body,
            events=response.events,
        ),
        Source(source.file, source.position, when),
    )


def mapping(value: object, what: str) -> Mapping[str, object]:
    """Return the value if it is a mapping.

    Raises:
        UnusableError: it is something else.
    """
    if isinstance(value, dict):
        return value
    found = "nothing" if value is None else f"a {type(value).__name__}"
    raise UnusableError(f"expected a mapping as {what}, found {found}")


def text(value: object) -> str:
    """Return a scalar as text; bytes are latin-1, as header fields are."""
    if isinstance(value, Binary):
        return unbase64(value).decode("latin-1")
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return "" if value is None else str(value)


def status(value: object) -> int:
    """Return the status code.

    Raises:
        UnusableError: there is none, which means that no response came, or it is not of three digits.
    """
    code = text(value).strip()
    if code in {"", "0"}:
        raise UnusableError("no response was recorded")
    if len(code) != 3 or not code.isdecimal() or code < "100":
        raise UnusableError(f"expected a status code of three digits, found {code[:20]!r}")
    return int(code)


def headers(value: object) -> Headers:
    """Return header fields from any notation: a mapping to a value or to a list, a list of pairs or of objects."""
    return tuple(_fields(value))


def _fields(value: object) -> Iterator[tuple[str, str]]:
    pairs: list[tuple[object, object]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                pairs.append((item.get("name"), item.get("value")))
            elif isinstance(item, list) and len(item) == 2:
                pairs.append((item[0], item[1]))
    for name, values in pairs:
        lowered = text(name).lower()
        # HTTP/2 pseudo fields such as `:path` are no fields; HAR keeps them among the others.
        if not lowered or lowered.startswith(":"):
            continue
        for one in values if isinstance(values, list) else [values]:
            if one is not None:
                yield lowered, text(one)


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
        try:
            when = email.utils.parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    try:
        # No recorder that leaves the offset out means local time.
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    except OverflowError:
        return None


def content(value: object, fields: Headers, label: str | None = None) -> bytes | None:
    """Return a recorded body without its content codings.

    Args:
        value: text, bytes, JSON that the recorder parsed, or `None`.
        fields: header fields of the same message; they name the codings.
        label: character set in which the recorder has read the bytes.

    Raises:
        UnusableError: it cannot be decoded.
    """
    if value is None:
        return None
    if isinstance(value, Binary):
        body = unbase64(value)
    elif isinstance(value, bytes):
        body = value
    elif isinstance(value, str):
        body = encode(value, label)
    elif isinstance(value, dict | list):
        return json_bytes(value)
    else:
        body = encode(text(value))
    codings = [coding for name, coding in fields if name == "content-encoding"]
    try:
        return codec.decode(body, codings) if codings else body
    except codec.CodecError as error:
        raise UnusableError(str(error)) from error


def unbase64(value: str) -> bytes:
    """Return the bytes.

    Raises:
        UnusableError: it is not base64.
    """
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnusableError(f"expected base64, found something else ({error})") from error


def encode(value: str, label: str | None = None) -> bytes:
    """Return the bytes that a recorder has read as text: UTF-8 unless the text shows otherwise."""
    if value.startswith("\x1f\x8b"):
        # Compressed bytes that were read as latin-1: their magic number has survived as two characters.
        label = "latin-1"
    if label:
        try:
            return value.encode(label)
        except (UnicodeEncodeError, LookupError):
            pass
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError:
        pass
    try:
        # Bytes that were no UTF-8, kept by Python as lone surrogates.
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # Surrogate pairs written as two escapes; what still has no partner becomes U+FFFD.
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode("utf-8")


def json_bytes(value: object) -> bytes:
    """Return JSON for a body that the recorder has kept as parsed values.

    Raises:
        UnusableError: it is nested too deeply or stands for far more than was written.
    """
    try:
        ready = _builtin(value, [MAX_NODES])
        try:
            return json.dumps(ready, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        except UnicodeEncodeError:
            return json.dumps(ready, separators=(",", ":")).encode("ascii")
    except RecursionError:
        raise UnusableError("the body is nested too deeply") from None


def _builtin(value: object, budget: list[int]) -> object:
    budget[0] -= 1
    if budget[0] < 0:
        raise UnusableError(f"the body stands for more than {MAX_NODES} values")
    if isinstance(value, dict):
        return {text(key): _builtin(item, budget) for key, item in value.items()}
    if isinstance(value, list):
        return [_builtin(item, budget) for item in value]
    if isinstance(value, Plain):
        return resolve(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if value is None or isinstance(value, bool | int | float) else text(value)
