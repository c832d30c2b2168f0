"""Splits a very large JSON value into parts that are judged one by one, to save memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 20_000
"""Maximum number of values of a part: each may be invalid, and an error takes more than a kilobyte."""

_CONTAINERS = (dict, list)

Children = list[tuple[Any, Any]]
"""The keys or indexes of a container with their values."""


def parts(value: Any, names: frozenset[str]) -> Iterator[Any]:
    """Yield the value, or values that together have every item and property of it.

    Each of them has the properties that the schema mentions (required ones, discriminators), so that an error
    of a part is an error of the value. Only the numbers of items and properties differ.

    Args:
        value: parsed JSON.
        names: of all properties that the schema mentions.
    """
    if _weight(value) <= _MOST:
        yield value
    else:
        yield from _split(value, names)


def _weight(value: Any) -> int:
    """Return the number of values in a value, counted up to the maximum."""
    # Not by recursion: the value may be nested more deeply than the stack allows.
    weight, pending = 1, [value]
    while pending and weight <= _MOST:
        one = pending.pop()
        children = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        weight += len(children)
        if weight <= _MOST:
            pending += [child for child in children if child.__class__ in _CONTAINERS]
    return weight


def _split(value: Any, names: frozenset[str]) -> Iterator[Any]:
    group: Children = []
    filled = 0
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        weight = _weight(child)
        if weight > _MOST:
            for part in _split(child, names):
                yield _with(value, [(key, part)], names)
            continue
        if filled + weight > _MOST:
            yield _with(value, group, names)
            group, filled = [], 0
        group.append((key, child))
        filled += weight
    if group:
        yield _with(value, group, names)


def _with(value: Any, group: Children, names: frozenset[str]) -> Any:
    """Return a container with some of its children, and as little as possible of other required ones."""
    if isinstance(value, list):
        return [child for _, child in group]
    return {key: _little(value[key], names) for key in names & value.keys()} | dict(group)


def _little(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_little(one, names) for one in value[:1]]
    if isinstance(value, dict):
        return {key: _little(value[key], names) for key in names & value.keys()}
    return value
