"""Locations in a response: JSON pointers with `*`, and the type of the event that they start in."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.pointer import MISSING, child, tokens_of, unescaped

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITTEN = re.compile(r"(?:<(?P<tag>[^<>]+)>)?(?P<pointer>(?:/[^/]*)*)", re.DOTALL)


class Location(msgspec.Struct, frozen=True):
    """A JSON pointer in which `*` means every item of an array; in an event if `tag` names one.

    Attributes:
        tag: type of the event that the pointer starts in; `None` for the body itself.
        tokens: the names and indexes, unescaped.
    """

    tag: str | None
    tokens: tuple[str, ...]

    @property
    def single(self) -> bool:
        """Whether it is a plain JSON pointer: one value of a body that is not a stream."""
        return self.tag is None and "*" not in self.tokens

    def values(self, document: object) -> Iterator[object]:
        """Yield the values at this location in order, none if there is none."""
        return _values(document, self.tokens)


def _values(value: object, tokens: tuple[str, ...]) -> Iterator[object]:
    if not tokens:
        yield value
        return
    token, rest = tokens[0], tokens[1:]
    match value:
        case list() if token == "*":
            for item in value:
                yield from _values(item, rest)
        case _ if (found := child(value, token)) is not MISSING:
            yield from _values(found, rest)


@lru_cache(maxsize=1024)
def parse_location(text: str) -> Location:
    """Return the location that a text names; `""` is the whole body.

    Raises:
        ValueError: the text is malformed; the message says what was expected and what to do.
    """
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(
            f"expected a place such as /results/*/index or <message-end>/delta/usage, got {text!r}; "
            "begin with a slash, or with the type of an event in angle brackets"
        )
    tag: str | None = written["tag"]
    return Location(tag and unescaped(tag), tokens_of(written["pointer"]))
