"""YAML scalars whose type is left open, because the field decides what they should be.

A header value `2024-05-24`, a model named `OFF` or a body `1.10` must not be changed. So the parser
returns text that remembers only how it was written, and no scalar is converted implicitly.
"""

from __future__ import annotations

import base64
import binascii
import re


class UnusableError(ValueError):
    """A recorded exchange is incomplete or invalid; the message says why."""


class Plain(str):
    """Text without quotes, which may be a number or a boolean."""

    __slots__ = ()


class BinaryScalar(str):
    """Text that is base64 of bytes (`!!binary`)."""

    __slots__ = ()


NULLS = frozenset({"", "~", "null", "Null", "NULL"})

# Narrower than YAML 1.1: no `OFF`, no dates, no base 60, no octals. Whatever writes JSON values as YAML
# quotes such text; a float without a point (`1e5`) or without a sign (`1.0e5`) it writes plain as text.
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?")
_SPECIAL = {".inf": "inf", "-.inf": "-inf", ".nan": "nan"}


def resolve(value: Plain) -> bool | int | float | str:
    """Return the JSON value that a plain scalar represents; the text if it is no other value."""
    written = str(value)
    if written in _BOOLEANS:
        return _BOOLEANS[written]
    try:
        if _INTEGER.fullmatch(written):
            return int(written)
    except ValueError:  # more digits than Python converts
        return written
    if _FLOAT.fullmatch(written):
        return float(written)
    special = _SPECIAL.get(written.lower())
    return float(special) if special else written


def typed(value: object) -> object:
    """Return a value with all its scalars resolved: numbers, booleans, bytes, text.

    Raises:
        UnusableError: a value is marked as base64 but is not.
    """
    if isinstance(value, dict):
        return {str(key): typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    if isinstance(value, BinaryScalar):
        return unbase64(value)
    return resolve(value) if isinstance(value, Plain) else value


def text(value: object) -> str:
    """Return a scalar as text; bytes are latin-1, as header fields are.

    Raises:
        UnusableError: it is a list or a mapping, which a few aliases can make larger than the memory.
    """
    if isinstance(value, dict | list):
        raise UnusableError(f"expected a text, found a {'mapping' if isinstance(value, dict) else 'list'}")
    if isinstance(value, BinaryScalar):
        return unbase64(value).decode("latin-1")
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return "" if value is None else str(value)


def unbase64(value: str) -> bytes:
    """Return the bytes.

    Raises:
        UnusableError: it is not base64.
    """
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnusableError(f"expected base64, found something else ({error})") from error
