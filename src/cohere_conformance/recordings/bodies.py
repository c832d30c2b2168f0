"""Decodes recorded bodies to the bytes of their content."""

from __future__ import annotations

import base64
import functools
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.inputs.bounds import LONGEST, MOST_BODY_VALUES, MOST_EVENTS, MOST_LINES
from cohere_conformance.inputs.jsontext import excess
from cohere_conformance.recordings import codec
from cohere_conformance.recordings.scalars import BinaryScalar, Plain, UnusableError, resolve, text, unbase64

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cohere_conformance.model import Headers


_PIECES = msgspec.json.Decoder(list[str])
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)
_UNICODE = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


class UndecodedError(UnusableError):
    """A body was recorded in a form that cannot be decoded; the rest of the exchange can be judged."""


def content(value: object, fields: Headers, label: str | None = None) -> bytes | None:
    """Return a recorded body without its content codings, as bytes.

    Args:
        value: text, bytes, parsed JSON, a mapping with `kind` and `value`, or `None`.
        fields: header fields of the same message, which name the codings.
        label: character set in which the recorder has decoded the bytes.

    Raises:
        UndecodedError: it cannot be decoded.
        UnusableError: it is no body, or exceeds a limit.
    """
    if isinstance(value, dict) and "kind" in value and value.keys() <= {"kind", "value", "chunks"}:
        value = _of_kind(value)
    if value is None:
        return None
    if isinstance(value, BinaryScalar):
        body = unbase64(value)
    elif isinstance(value, bytes):
        body = value
    elif isinstance(value, str):
        body = encode(value, label)
    elif isinstance(value, dict | list):
        return json_bytes(value)
    else:
        body = encode(text(value))
    return without_codings(body, fields)


def without_codings(body: bytes, fields: Headers) -> bytes:
    """Return a body without the content codings that the header fields of its message name.

    Raises:
        UndecodedError: it cannot be decoded.
        UnusableError: it exceeds a limit.
    """
    codings = [coding for name, coding in fields if name == "content-encoding"]
    try:
        return codec.decode(body, codings) if codings else body
    except codec.TooLargeError as error:
        raise UnusableError(str(error)) from error
    except codec.CodecError as error:
        raise UndecodedError(str(error)) from error


def recorded(make: Callable[[], bytes | None]) -> tuple[bytes | None, str]:
    """Return a body, or why it could not be decoded.

    Args:
        make: returns the body, or raises `UndecodedError`.
    """
    try:
        return make(), ""
    except UndecodedError as error:
        return None, str(error)


def chunks(text: str) -> bytes | None:
    """Return the bytes of a JSON list of pieces in hexadecimal or in base64; `None` if it is none.

    Recorders of Node write compressed bodies so, because their pieces cannot be joined as text.
    """
    if not text.startswith('["'):
        return None
    try:
        return pieces(_PIECES.decode(text))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def pieces(texts: Sequence[str]) -> bytes | None:
    """Return the bytes of pieces that are all hexadecimal, or all base64; `None` if they are neither."""
    for decode in (bytes.fromhex, functools.partial(base64.b64decode, validate=True)):
        try:
            return b"".join(map(decode, texts))
        except ValueError:
            continue
    return None


def _of_kind(value: Mapping[str, object]) -> object:
    """Return the body that some recorders of Node write with the kind of its value."""
    kind, inner = value["kind"], value.get("value")
    if kind == "base64":
        return unbase64(text(inner))
    if kind == "sse" and isinstance(frames := value.get("chunks"), list):
        return "".join(f"{text(frame)}\n\n" for frame in frames)
    if kind == "empty":
        return ""
    return json_bytes(inner) if kind == "json" else inner


def foreign_charset(body: bytes | None, fields: Headers) -> str:
    """Return the declared character set of a body that is not UTF-8; empty if it can be decoded as UTF-8."""
    for name, value in fields:
        if name == "content-type" and (match := _CHARSET.search(value)) is not None:
            declared = match[1].lower()
            if declared in _UNICODE or body is None:
                return ""
            try:
                body.decode("utf-8")
            except UnicodeDecodeError:
                return declared
    return ""


def refuse_excess(body: bytes | None) -> None:
    """Reject a body that would need far more memory than its size once it is parsed.

    Raises:
        UnusableError: it would; the message names the limit.
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
        raise UnusableError(f"more than {MOST_LINES:,} lines in a body that is not JSON")


def encode(value: str, label: str | None = None) -> bytes:
    """Return the bytes of a text as recorded: UTF-8, unless the text shows another encoding."""
    if value.startswith("\x1f\x8b"):
        # Compressed bytes that were decoded as latin-1: their magic number has become two characters.
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
        # Bytes that were not UTF-8, which Python represents as lone surrogates.
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # Surrogate pairs written as two escapes; what still has no partner becomes U+FFFD.
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode("utf-8")


def json_bytes(value: object) -> bytes:
    """Return the JSON text of a body that was recorded as parsed values.

    Raises:
        UnusableError: it nests too deeply, or aliases make it far larger than the file.
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
