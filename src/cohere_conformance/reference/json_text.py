"""JSON bodies as bytes: spelled as the `json` module spells them, and written by msgspec, which is faster."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

_SPACED = json.JSONEncoder(ensure_ascii=False)
_PLACE = b"\0"
"""Marks where the text of a part belongs that is written already; encoded JSON never contains this byte."""
_OTHER_FLOAT = re.compile(rb"[:,\[]-?(?:0\.0000|[0-9.]++e)")
"""A float below `_LEAST` or from `_MOST` on, which msgspec spells differently; or a part of a string."""
_LEAST = 1e-4
_MOST = 1e16


class Written:
    """A JSON value that never changes, with its text, which is written only once.

    Args:
        value: the value; not changed afterwards.
    """

    __slots__ = ("text", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.text = self._write()

    def _write(self) -> bytes:
        return encode(self.value)


class NumberList(Written):
    """A list of numbers that never changes, with its JSON text."""

    __slots__ = ()

    def _write(self) -> bytes:
        return _numbers(self.value)


def _numbers(numbers: list[float]) -> bytes:
    """Return a list of numbers as JSON, in the spelling of `encode`."""
    if numbers and not -_MOST < min(numbers) <= max(numbers) < _MOST:
        return encode_any(numbers)
    content = msgspec.json.encode(numbers)
    small = [index for index, one in enumerate(numbers) if -_LEAST < one < _LEAST and one]
    if not small:
        return content
    texts = content[1:-1].split(b",")
    for index in small:
        texts[index] = repr(numbers[index]).encode()
    return b"[%b]" % b",".join(texts)


def plain(value: Any) -> Any:
    """Return a JSON value without a `Written` in it."""
    match value:
        case Written():
            return plain(value.value)
        case dict():
            return {name: plain(item) for name, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case _:
            return value


def encode(value: Any) -> bytes:
    """Return a JSON value, without spaces, as `json.dumps` spells it. It may contain a `Written`.

    The numbers are finite: msgspec writes null for others.
    """
    texts: list[bytes] = []

    def hook(item: Any) -> msgspec.Raw:
        texts.append(_known(item).text)
        return msgspec.Raw(_PLACE)

    try:
        content = msgspec.json.encode(value, enc_hook=hook)
    except (TypeError, ValueError, RecursionError):  # a lone surrogate, for example
        return encode_any(value)
    if _OTHER_FLOAT.search(content) or isinstance(value, float):
        return encode_any(value)
    if not texts:
        return content
    before, *between = content.split(_PLACE)
    return b"".join((before, *(part for pair in zip(texts, between, strict=True) for part in pair)))


def encode_any(value: Any) -> bytes:
    """Return any value that the `json` module takes, also NaN, in the spelling of `encode`."""
    return _COMPACT.encode(value).encode("utf-8", "replace")


def spaced(value: Any) -> str:
    """Return a JSON value with a space after each comma and colon, as errors and events have them."""
    return _SPACED.encode(value)


def _known(value: Any) -> Written:
    if isinstance(value, Written):
        return value
    raise TypeError(f"expected a JSON value, got {type(value).__name__}")


_COMPACT = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), default=lambda value: _known(value).value
)
