"""Splits a body into its texts, with the location of each: a key may be split over several of them.

The body need not be valid: a stream that is cut off, or that is not JSON, has texts as well.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TOKEN = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)("|\\?\Z)(\s*:)?|[{}\[\]]', re.DOTALL)
_REST_OF_STRING = re.compile(r'([^"\\]*(?:\\.[^"\\]*)*)("|\\?\Z)', re.DOTALL)
_LINE = re.compile(r"(?:(data|event|id|retry|):[ ]?)?([^\r\n]*)(?:\r\n|\n|\r|\Z)")
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL
)
_UNIT = re.compile(f"{_ESCAPE.pattern}|.", re.DOTALL)
_NUMBERED = re.compile(r'"(?:index|id|[a-z_]*_id)"\s*:\s*("[^"\\]{0,80}"|\d{1,9})')
_LENIENT = json.JSONDecoder(strict=False)
_JSON = ("{", "[", '"')
_OBJECTS = ('{"', '[{"')


class TextPiece(NamedTuple):
    """One text.

    Attributes:
        source: number of the body or event that contains it.
        start: offset of its characters there.
        raw: its characters there, with escapes.
        location: names of the properties that lead to it, `*` for the elements of an array.
        channel: distinguishes interleaved events, for example by their index.
    """

    source: int
    start: int
    raw: str
    location: str
    channel: str

    @property
    def text(self) -> str:
        """The text without escapes; each escape is one character."""
        return _unescaped(self.raw) if "\\" in self.raw else self.raw

    def written(self, start: int, end: int) -> tuple[int, int]:
        """Return where some of its characters are in the source."""
        if "\\" not in self.raw:
            return self.start + start, self.start + end
        units = [match.span() for match in _UNIT.finditer(self.raw)]
        return self.start + units[start][0], self.start + units[end - 1][1]


def _unescaped(raw: str) -> str:
    try:
        text: str = _LENIENT.decode(f'"{raw}"')
    except ValueError:  # some of it is no string of JSON
        return _ESCAPE.sub(lambda match: _meant(match[0]), raw)
    return text


@lru_cache(maxsize=4096)
def _meant(escape: str) -> str:
    try:
        text = json.loads(f'"{escape}"')
    except ValueError:
        return escape[1:]
    return text if len(text) == 1 else "?"


def pieces(sources: Sequence[str]) -> list[TextPiece]:
    """Return the texts of a body, or of the events of a stream, in order."""
    return [piece for number, source in enumerate(sources) for piece in _of_source(number, source)]


def _of_source(number: int, source: str) -> Iterator[TextPiece]:
    stack: list[str] = []
    name, inside, channel = "", False, ""
    for line in _LINE.finditer(source):
        field, text, start = line[1] or "", line[2], line.start(2)
        if not text or text.startswith(_OBJECTS):
            # An event ends here, or a new one begins after one that was cut off.
            stack, name, inside = [], "", False
        # Only the lines of one event belong together; elsewhere no text goes beyond its line.
        inside = inside and field == "data"
        if not stack and not inside:
            channel = "".join(_NUMBERED.findall(text))
            if not text.startswith(_JSON):
                yield TextPiece(number, start, text, field, channel)
                continue
        at = 0
        if inside and (rest := _REST_OF_STRING.match(text)) is not None:
            yield TextPiece(number, start, rest[1], "/".join((*stack, name)), channel)
            at, inside = rest.end(), rest[2] != '"'
        for token in _TOKEN.finditer(text, at):
            match token[0][0]:
                case "{":
                    stack.append(name)
                    name = ""
                case "[":
                    stack.append(name)
                    name = "*"
                case "}" | "]":
                    name = stack.pop() if stack else ""
                case _ if token[3]:
                    name = token[1]
                case _:
                    yield TextPiece(
                        number, start + token.start(1), token[1], "/".join((*stack, name)), channel
                    )
                    inside = token[2] != '"'
