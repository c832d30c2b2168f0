"""Composes the items of one long YAML list one at a time, so that a huge cassette needs little memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from cohere_conformance.inputs.yamlevents import Sizes, events
from cohere_conformance.recordings.scalars import NULLS, BinaryScalar, Plain

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

_BINARY = frozenset({"tag:yaml.org,2002:binary", "!binary"})
_PLAIN = frozenset(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool"))


class Item(msgspec.Struct, frozen=True):
    """One element of the list: where it starts (counted from 1) and what it is."""

    line: int
    value: object


def items(stream: io.BufferedReader, names: frozenset[str]) -> Iterator[Item]:
    """Yield the elements of the top-level lists of these names, each composed on demand.

    Scalars are `None`, `str`, `Plain` or `BinaryScalar`.

    Raises:
        yaml.YAMLError: the text is broken, or exceeds a limit.
    """
    sizes = Sizes(levels=1)
    composer = _Composer(events(stream, sizes))
    for event in composer.events:
        if isinstance(event, yaml.DocumentStartEvent):
            yield from _document(composer, names, sizes)


def documents(stream: io.BufferedReader) -> Iterator[Item]:
    """Yield each document of a stream as a value, with scalars as `items` has them.

    Raises:
        yaml.YAMLError: the text is broken, or exceeds a limit.
    """
    composer = _Composer(events(stream))
    for event in composer.events:
        if isinstance(event, yaml.DocumentStartEvent):
            composer.anchors.clear()
            mark: Any = event.start_mark
            yield Item(mark.line + 1, composer.compose(next(composer.events)))


def document(text: bytes) -> object:
    """Return the document of a text, with scalars as `items` has them; `None` if there is none.

    Raises:
        yaml.YAMLError: the text is broken, or exceeds a limit.
    """
    composer = _Composer(events(text))
    found: list[object] = []
    for event in composer.events:
        if isinstance(event, yaml.DocumentStartEvent):
            if found:
                raise _broken("expected one document, found another one", event)
            found.append(composer.compose(next(composer.events)))
    return found[0] if found else None


def _document(composer: _Composer, names: frozenset[str], sizes: Sizes) -> Iterator[Item]:
    composer.anchors.clear()
    root = next(composer.events)
    if not isinstance(root, yaml.MappingStartEvent):
        raise _broken("expected a mapping at the top", root)
    while not isinstance(event := next(composer.events), yaml.MappingEndEvent):
        key = _key(composer.compose(event), event)
        event = next(composer.events)
        if key not in names:
            composer.compose(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            sizes.levels = 2
            while not isinstance(event := next(composer.events), yaml.SequenceEndEvent):
                yield Item(event.start_mark.line + 1, composer.compose(event))
            sizes.levels = 1
        elif composer.compose(event) is not None:
            raise _broken(f"expected a list as {key}", event)


class _Composer:
    """Makes values of parse events without recursion."""

    def __init__(self, events: Iterator[Any]) -> None:
        self.events = events
        self.anchors: dict[str, object] = {}

    def compose(self, event: Any) -> object:
        """Return the value that starts with this event."""
        stack: list[_Open] = []
        while True:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                value = _scalar(event)
            elif kind is yaml.AliasEvent:
                value = self.anchors[event.anchor]
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                top = _Open({} if kind is yaml.MappingStartEvent else [])
                stack.append(top)
                if event.anchor:
                    self.anchors[event.anchor] = top.value
                event = next(self.events)
                continue
            else:
                value = stack.pop().value
            if event_anchor := getattr(event, "anchor", None):
                self.anchors[event_anchor] = value
            if not stack:
                return value
            stack[-1].add(value, event)
            event = next(self.events)


class _Open:
    """A mapping or a list that is not complete yet."""

    __slots__ = ("key", "value")

    def __init__(self, value: dict[str, object] | list[object]) -> None:
        self.value = value
        self.key: str | None = None

    def add(self, item: object, event: Any) -> None:
        if isinstance(self.value, list):
            self.value.append(item)
        elif self.key is None:
            self.key = _key(item, event)
        else:
            self.value[self.key] = item
            self.key = None


def _key(value: object, event: Any) -> str:
    if isinstance(value, dict | list):
        raise _broken("expected a word as key, found a list or a mapping", event)
    return value if isinstance(value, str) else str(value)


def _scalar(event: Any) -> object:
    tag: str | None = event.tag
    value: str = event.value
    if tag is None:
        # `implicit[0]` says: written plain, so the type is open. Quoted text is text.
        if not event.implicit[0]:
            return value
        return None if value in NULLS else Plain(value)
    if tag in _BINARY:
        return BinaryScalar(value)
    if tag == "tag:yaml.org,2002:null":
        return None
    return Plain(value) if tag in _PLAIN else value


def _broken(reason: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=reason, problem_mark=event.start_mark)
