"""JSON pointers (RFC 6901): escaped names, and the value that a pointer leads to."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_INVALID_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"0|[1-9][0-9]*")


class Missing:
    """The type of `MISSING`."""

    __slots__ = ()


MISSING: Final = Missing()
"""What `value_at` returns if a pointer leads to nothing: `None` is a value."""


@lru_cache(maxsize=1024)
def escaped(name: object) -> str:
    """Return a name as one token of a pointer."""
    return str(name).replace("~", "~0").replace("/", "~1")


def unescaped(token: str) -> str:
    """Return the name that a token encodes."""
    return token.replace("~1", "/").replace("~0", "~")


def tokens_of(pointer: str) -> tuple[str, ...]:
    """Return the names and indexes of a pointer; the empty pointer has none.

    Raises:
        ValueError: a tilde is followed by neither 0 nor 1.
    """
    if _INVALID_ESCAPE.search(pointer):
        raise ValueError(f"expected ~0 or ~1 after a tilde, got {pointer!r}; write ~0 for ~ and ~1 for /")
    return tuple(map(unescaped, pointer.split("/")[1:]))


def child(value: object, token: str) -> Any:
    """Return the property or the item that one token names, `MISSING` if there is none."""
    match value:
        case dict() if token in value:
            return value[token]
        case list() if _INDEX.fullmatch(token) and int(token) < len(value):
            return value[int(token)]
    return MISSING


def value_at(value: object, tokens: Iterable[str]) -> Any:
    """Return the value that the tokens of a pointer lead to, `MISSING` if there is none."""
    for token in tokens:
        value = child(value, token)
        if value is MISSING:
            break
    return value
