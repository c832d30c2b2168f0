"""Turns a recorded body into the bytes of its content."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

from cohere_conformance.exchanges import codec
from cohere_conformance.exchanges.scalars import Binary, Plain, UnusableError, resolve, text, unbase64
from cohere_conformance.inputs.bounds import LONGEST, MOST_BODY_VALUES, MOST_EVENTS, MOST_LINES
from cohere_conformance.inputs.jsontext import excess

if TYPE_CHECKING:
    from cohere_conformance.model import Headers


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


def refuse_excess(body: bytes | None) -> None:
    """Refuse a body that takes much more memory than it has bytes once it is parsed.

    Raises:
        UnusableError: it does; the message names the bound.
    """
    if body is None or len(body) <= MOST_EVENTS:
        return
    if len(body) > LONGEST:
        raise UnusableError(f"the body has more than {LONGEST // 2**20} MiB")
    if max(body.count(b"data:"), body.count(b"\n{")) > MOST_EVENTS:
        raise UnusableError(f"more than {MOST_EVENTS:,} events in one stream")
    if (found := excess(body)) is not None:
        raise UnusableError(found)
    if body.lstrip()[:1] not in {b"{", b"["} and body.count(b"\n") + body.count(b"\r") > MOST_LINES:
        raise UnusableError(f"more than {MOST_LINES:,} lines in a body that is no JSON")


def encode(value: str, label: str | None = None) -> bytes:
    """Return the bytes that a recorder has read as text: UTF-8 unless the text shows otherwise."""
    if value.startswith("\x1f\x8b"):
        # Compressed bytes that were read as latin-1: their magic number has survived as two characters.
        label = "latin-1"
    if label:
        try:
            return value.encode(label)
        except (ValueError, LookupError):
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
        ready = _builtin(value, [MOST_BODY_VALUES])
        try:
            return json.dumps(ready, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        except UnicodeEncodeError:
            return json.dumps(ready, separators=(",", ":")).encode("ascii")
    except RecursionError:
        raise UnusableError("the body is nested too deeply") from None


def _builtin(value: object, budget: list[int]) -> object:
    budget[0] -= 1
    if budget[0] < 0:
        raise UnusableError(f"more than {MOST_BODY_VALUES:,} values in one body")
    if isinstance(value, dict):
        return {text(key): _builtin(item, budget) for key, item in value.items()}
    if isinstance(value, list):
        return [_builtin(item, budget) for item in value]
    if isinstance(value, Plain):
        return resolve(value)
    if isinstance(value, Decimal):
        return float(value)
    return value if value is None or isinstance(value, bool | int | float) else text(value)
