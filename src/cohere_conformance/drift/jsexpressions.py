"""The few forms of JavaScript expressions that generated serialization modules consist of."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""\s*(?:(?P<word>[A-Za-z_$][\w$]*)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<mark>=>|[^\s\w"]|\d+))"""
)
_DEEPEST = 60


@dataclass(frozen=True)
class Js:
    """An expression.

    Attributes:
        kind: `name`, `text`, `object`, `array`, `call` (of a function), `method` (of an object) or `other`.
        value: the name or the text.
        parts: arguments or elements; for a method the object first.
        entries: of an object literal.
    """

    kind: str
    value: str = ""
    parts: tuple[Js, ...] = ()
    entries: tuple[tuple[str, Js], ...] = ()


def expression(source: str, position: int = 0) -> Js:
    """Return the expression that begins at a position.

    Raises:
        ValueError: it is of another form.
    """
    return _Parser(source, position).expression(0)


class _Parser:
    def __init__(self, source: str, position: int) -> None:
        self._source = source
        self._position = position

    def expression(self, depth: int) -> Js:
        if depth > _DEEPEST:
            raise ValueError("an expression is nested too deeply")
        token = self._next()
        if token == "(":  # the parameters of an arrow function, or an expression in parentheses
            inner = Js("other") if self._peek() == ")" else self.expression(depth + 1)
            self._expect(")")
            if self._peek() != "=>":
                return self._rest(inner, depth)
            self._next()
            return self.expression(depth + 1)
        if token == "{":
            return self._rest(Js("object", entries=tuple(self._entries(depth))), depth)
        if token == "[":
            return self._rest(Js("array", parts=tuple(self._list("]", depth))), depth)
        if token.startswith('"'):
            return Js("text", token[1:-1])
        if re.match(r"[\w$]", token):
            return self._rest(Js("name", token), depth)
        raise ValueError(f"expected an expression, got {token!r}")

    def _rest(self, start: Js, depth: int) -> Js:
        """Return what follows an expression: members and calls."""
        found = start
        while self._peek() in {".", "("}:
            if self._next() == ".":
                name = self._next()
                if self._peek() == "(":
                    self._next()
                    found = Js("method", name, (found, *self._list(")", depth)))
                else:
                    found = Js("name", name, (found,))
            else:
                found = Js("call", found.value, tuple(self._list(")", depth)))
        return found

    def _list(self, end: str, depth: int) -> list[Js]:
        found = []
        while self._peek() != end:
            found.append(self.expression(depth + 1))
            if self._peek() == ",":
                self._next()
        self._next()
        return found

    def _entries(self, depth: int) -> list[tuple[str, Js]]:
        found = []
        while self._peek() != "}":
            key = self._next().strip('"')
            if self._peek() == ":":
                self._next()
                found.append((key, self.expression(depth + 1)))
            else:
                found.append((key, Js("name", key)))
            if self._peek() == ",":
                self._next()
        self._next()
        return found

    def _match(self) -> re.Match[str]:
        match = _TOKEN.match(self._source, self._position)
        if not match:
            raise ValueError("an expression ends too early")
        return match

    def _peek(self) -> str:
        return self._match()[0].strip()

    def _next(self) -> str:
        match = self._match()
        self._position = match.end()
        return match[0].strip()

    def _expect(self, token: str) -> None:
        if (found := self._next()) != token:
            raise ValueError(f"expected {token!r}, got {found!r}")
