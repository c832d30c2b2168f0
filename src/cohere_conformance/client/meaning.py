"""The operations that some server may take a request for: routers decode and normalize paths differently.

A guard that parsed requests as one router does would let a deletion pass that another router sees in it. So
every usual interpretation counts.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote

from cohere_conformance.contract.collections import PARAMETER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.client.outgoing import Outgoing

HARMLESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing."""
_METHOD_HEADERS = frozenset({"x-http-method-override", "x-http-method", "x-method-override"})
_PATH_HEADERS = frozenset({"x-original-url", "x-rewrite-url"})
_METHOD_PARAMETER = "_method"
_DECODINGS = 3
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_EXTENSION = re.compile(r"\.[a-z]+$")


class Meaning(NamedTuple):
    """One operation that a request may be taken for.

    Attributes:
        label: of the operation.
        ids: in its path, decoded.
    """

    label: str
    ids: tuple[str, ...]


class Meanings:
    """Every operation that a request may be taken for.

    Args:
        labels: of the operations of the contract.
    """

    def __init__(self, labels: Iterable[str]) -> None:
        self._patterns = [_PathPattern(label) for label in labels]
        self._words = {word for pattern in self._patterns for word in pattern.words}
        self._of = lru_cache(maxsize=1024)(self._meanings)

    def of(self, outgoing: Outgoing) -> frozenset[Meaning]:
        """Return the operations that a request may be taken for."""
        sent = methods(outgoing)
        return frozenset(one for target in _targets(outgoing) for one in self._of(sent, target))

    def named(self, outgoing: Outgoing) -> list[str]:
        """Return the segments of a path that are fixed in no operation."""
        parts = _segments(unquote(outgoing.path.partition("?")[0]))
        return [part for part in parts if not self.is_word(part)]

    def is_word(self, text: str) -> bool:
        """Return whether a text is a fixed part of some path, such as `usage`."""
        return text.casefold() in self._words

    def _meanings(self, sent: frozenset[str], target: str) -> frozenset[Meaning]:
        return frozenset(
            Meaning(pattern.label, ids)
            for parts in map(_segments, _readings(target))
            for pattern in self._patterns
            if pattern.method in sent and (ids := pattern.match(parts)) is not None
        )


class _PathPattern:
    """Matches paths with that of an operation: fixed segments as lax servers do, parameters unchanged.

    Args:
        label: of the operation.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.method, path = label.split(" ", 1)
        self.words = [word.casefold() for word in path.split("/") if word]
        self._parts = [_compiled(word) if "{" in word else None for word in self.words]

    def match(self, parts: list[str]) -> tuple[str, ...] | None:
        """Return the ids in the segments of a path; `None` if it does not match."""
        if len(parts) != len(self.words):
            return None
        ids: list[str] = []
        for part, word, pattern in zip(parts, self.words, self._parts, strict=True):
            if pattern is not None:
                if (found := pattern.fullmatch(part)) is None:
                    return None
                ids += map(_decoded, found.groups())
            elif word not in _spellings(part):
                return None
        return tuple(ids)


def methods(outgoing: Outgoing) -> frozenset[str]:
    """Return the methods that servers may see in a request, in upper case; HEAD means GET as well."""
    found = {outgoing.method.upper()}
    found |= {text.strip().upper() for name, text in outgoing.headers if name.lower() in _METHOD_HEADERS}
    query = parse_qsl(outgoing.path.partition("?")[2])
    found |= {text.upper() for name, text in query if name.lower() == _METHOD_PARAMETER}
    return frozenset(found | ({"GET"} if "HEAD" in found else set()))


def paths(outgoing: Outgoing) -> set[str]:
    """Return the paths that servers may see in a request, in lower case."""
    return {
        "/" + "/".join(_segments(reading)).casefold()
        for target in _targets(outgoing)
        for reading in _readings(target)
    }


def _targets(outgoing: Outgoing) -> Iterator[str]:
    yield outgoing.path.partition("?")[0]
    for name, text in outgoing.headers:
        if name.lower() in _PATH_HEADERS:
            yield text.partition("?")[0]


def _compiled(word: str) -> re.Pattern[str]:
    parts = PARAMETER.split(word)
    texts = ("(.+)" if number % 2 else re.escape(part) for number, part in enumerate(parts))
    return re.compile("".join(texts).replace(":", "(?::|%3a)"), re.IGNORECASE | re.DOTALL)


def _readings(path: str) -> set[str]:
    """Return the variants of a path: decoded once or more, cut, and with dot segments resolved."""
    found = set()
    for _ in range(_DECODINGS + 1):
        for text in (path, path.partition("?")[0].partition("#")[0]):
            found |= {text, "/".join(_resolved(_segments(text)))}
        path = unquote(path)
    return found


def _segments(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/") if part not in {"", "."}]


def _resolved(parts: Iterable[str]) -> list[str]:
    found: list[str] = []
    for part in parts:
        if part == "..":
            del found[-1:]
        else:
            found.append(part)
    return found


def _spellings(part: str) -> set[str]:
    """Return the words that servers may take a segment of a path for."""
    bare = _UNPRINTABLE.sub("", part.partition(";")[0]).casefold()
    return {bare, _EXTENSION.sub("", bare)}


def _decoded(text: str) -> str:
    for _ in range(_DECODINGS):
        text = unquote(text)
    return text
