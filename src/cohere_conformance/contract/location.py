"""Places: where in an answer something is expected, as written cases name it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITTEN = re.compile(r"(?:<(?P<tag>[^<>]+)>)?(?P<pointer>(?:/[^/]*)*)", re.DOTALL)
_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"0|[1-9][0-9]*")


class Location(msgspec.Struct, frozen=True):
    """A JSON pointer in which `*` stands for every element of an array, in an event where `tag` names one.

    Attributes:
        tag: type of the event that the pointer starts in; `None` for the body itself.
        tokens: the names and indexes on the way, unescaped.
    """

    tag: str | None
    tokens: tuple[str, ...]

    @property
    def single(self) -> bool:
        """Whether it is a plain JSON pointer: one value of a body that is no stream."""
        return self.tag is None and "*" not in self.tokens

    def values(self, document: object) -> Iterator[object]:
        """Yield what stands there, from the first element to the last; nothing where nothing does."""
        return _values(document, self.tokens)


def _values(value: object, tokens: tuple[str, ...]) -> Iterator[object]:
    if not tokens:
        yield value
        return
    token, rest = tokens[0], tokens[1:]
    match value:
        case dict() if token in value:
            yield from _values(value[token], rest)
        case list() if token == "*":
            for item in value:
                yield from _values(item, rest)
        case list() if _INDEX.fullmatch(token) and int(token) < len(value):
            yield from _values(value[int(token)], rest)


@lru_cache(maxsize=1024)
def parse_location(text: str) -> Location:
    """Return what a written place means; `""` is the whole body.

    Raises:
        ValueError: it is none; the message says what was expected, what came and what to do.
    """
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(
            f"expected a place such as /results/*/index or <message-end>/delta/usage, got {text!r}; "
            "begin with a slash, or with the type of an event in angle brackets"
        )
    pointer: str = written["pointer"]
    if _ESCAPE.search(pointer):
        raise ValueError(f"expected ~0 or ~1 after a tilde, got {text!r}; write ~0 for ~ and ~1 for /")
    tokens = tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])
    tag: str | None = written["tag"]
    return Location(tag and tag.replace("~1", "/").replace("~0", "~"), tokens)
