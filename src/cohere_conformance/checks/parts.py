"""A very large JSON value in parts that are judged one after the other, so that memory stays small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 20_000
"""Values that one part may hold: each of them may be wrong, and an error takes more than a kilobyte."""

_CONTAINERS = (dict, list)

Children = list[tuple[Any, Any]]
"""The keys or positions of a container with what is there."""


def parts(value: Any, names: frozenset[str]) -> Iterator[Any]:
    """Yield the value, or values that hold every item and property of it between them.

    Each of them has what the schema mentions (what is required, what tells branches apart), so that an error
    of a part is an error of the whole. Only how many items or properties there are is another matter.

    Args:
        value: parsed JSON.
        names: of all properties that the schema says anything about.
    """
    if _weight(value) <= _MOST:
        yield value
    else:
        yield from _split(value, names)


def _weight(value: Any) -> int:
    """Return how many values there are in one, as far as that matters."""
    # By hand and not by recursion: it may be nested deeper than functions can be.
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
    """Return a container with some of its children, and with little of what else has to be there."""
    if isinstance(value, list):
        return [child for _, child in group]
    return {key: _little(value[key], names) for key in names & value.keys()} | dict(group)


def _little(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_little(one, names) for one in value[:1]]
    if isinstance(value, dict):
        return {key: _little(value[key], names) for key in names & value.keys()}
    return value
