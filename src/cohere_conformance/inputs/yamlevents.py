"""Parses YAML into events, within limits for depth, length of a text, and what aliases repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from cohere_conformance.inputs.bounds import (
    DEEPEST,
    LONGEST,
    MOST_VALUES,
    TOO_DEEP,
    TOO_LARGE,
    TOO_LONG,
    TOO_MANY_REPEATED,
)

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ExceededError(yaml.MarkedYAMLError):
    """A document exceeds a limit; `problem` names it."""


def events(source: io.BufferedIOBase | bytes | str, sizes: Sizes | None = None) -> Iterator[Any]:
    """Yield the events of a YAML stream.

    Args:
        source: the text, or a stream, which is read only as far as needed for the next event.
        sizes: counts the values; its `levels` may be changed during the iteration.

    Raises:
        yaml.YAMLError: the text is broken; `ExceededError` if it exceeds a limit.
    """
    watched = source if isinstance(source, bytes | str) else _Watched(source)
    sizes = sizes or Sizes()
    for event in yaml.parse(watched, Loader=LOADER):
        if isinstance(watched, _Watched):
            watched.count = 0
        sizes.add(event)
        yield event


class Sizes:
    """Counts the values of a document as if it were written without aliases, before anything is built.

    Attributes:
        levels: number of levels from the top with any number of values, because these are parsed one at a
            time.
    """

    def __init__(self, levels: int = 0) -> None:
        self.levels = levels
        # Of each open list or mapping: its values, the length of its text, its anchor.
        self._open: list[tuple[int, int, str | None]] = []
        self._anchors: dict[str, tuple[int, int]] = {}

    def add(self, event: Any) -> None:
        """Count the values that an event adds.

        Raises:
            yaml.YAMLError: an alias has no anchor, or a limit is exceeded.
        """
        kind = type(event)
        if kind is yaml.ScalarEvent:
            count, length, anchor = 1, len(event.value), event.anchor
        elif kind is yaml.AliasEvent:
            # A value that is still open does not count yet: nothing can contain itself.
            if event.anchor not in self._anchors:
                raise yaml.MarkedYAMLError(
                    problem="an alias without its anchor before it", problem_mark=event.start_mark
                )
            (count, length), anchor = self._anchors[event.anchor], None
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if len(self._open) == DEEPEST:
                raise _exceeded(TOO_DEEP, event)
            if event.anchor:
                self._anchors.pop(event.anchor, None)
            self._open.append((1, 0, event.anchor))
            return
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            count, length, anchor = self._open.pop()
        else:
            if kind is yaml.DocumentStartEvent:
                self._anchors.clear()
            return
        if anchor:
            self._anchors[anchor] = (count, length)
        if self._open:
            self._grow(count, length, event)

    def _grow(self, count: int, length: int, event: Any) -> None:
        before, text, anchor = self._open[-1]
        count, length = before + count, text + length
        if len(self._open) > self.levels:
            if count > MOST_VALUES:
                raise _exceeded(TOO_MANY_REPEATED, event)
            if length > LONGEST:
                raise _exceeded(TOO_LARGE, event)
        self._open[-1] = (count, length, anchor)


class _Watched:
    """A stream that ends if the parser finds no event in it for too long."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(size)
        self.count += len(piece)
        if self.count > LONGEST:
            raise ExceededError(problem=TOO_LONG)
        return piece


def _exceeded(reason: str, event: Any) -> ExceededError:
    return ExceededError(problem=reason, problem_mark=event.start_mark)
