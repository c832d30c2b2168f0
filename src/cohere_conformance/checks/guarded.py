"""Guarded values: lists and objects that refuse to hand out a value that is not as declared.

Checks see them instead of plain ones where an answer breaks its schema. What a check depends on is thereby
what it reads, and nobody has to declare it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar

from cohere_conformance.checks.holes import Hole

if TYPE_CHECKING:
    from collections.abc import Iterator

_Value = TypeVar("_Value")


class UnreadableError(Exception):
    """A check has read a value that is missing or is not as declared.

    Attributes:
        hole: what is there.
    """

    def __init__(self, hole: Hole) -> None:
        super().__init__(f"{hole.location or 'the body'}: {hole.problem}")
        self.hole = hole


def read(value: _Value) -> _Value:
    """Return a value.

    Raises:
        UnreadableError: it is a hole.
    """
    if isinstance(value, Hole):
        raise UnreadableError(value)
    return value


def guarded(value: Any) -> Any:
    """Return a value whose lists and objects are guarded, at every depth."""
    match value:
        case dict():
            return GuardedObject({name: guarded(inner) for name, inner in value.items()})
        case list():
            return GuardedList(map(guarded, value))
        case _:
            return value


class GuardedList(list[Any]):
    """A list whose elements are read one by one."""

    def __iter__(self) -> Iterator[Any]:
        return map(read, super().__iter__())

    def __reversed__(self) -> Iterator[Any]:
        return map(read, super().__reversed__())

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        found = super().__getitem__(index)
        return GuardedList(found) if isinstance(index, slice) else read(found)

    def __contains__(self, wanted: object) -> bool:
        return any(one == wanted for one in self)

    def __eq__(self, other: object) -> bool:
        return list(self) == other

    def __ne__(self, other: object) -> bool:
        return list(self) != other

    __hash__ = None


class GuardedObject(dict[str, Any]):
    """An object whose properties are read one by one; a property that is missing is not among its names."""

    def __getitem__(self, name: str) -> Any:
        return read(super().__getitem__(name))

    def get(self, name: str, default: Any = None) -> Any:
        """Return a property."""
        return read(super().get(name, default))

    def __contains__(self, name: object) -> bool:
        found = super().__contains__(name)
        if found and isinstance(name, str):
            read(super().__getitem__(name))
        return found

    def __iter__(self) -> Iterator[str]:
        return (name for name, value in super().items() if not (isinstance(value, Hole) and value.absent))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return any(True for _ in self)

    def keys(self) -> Any:
        """Return the names."""
        return dict.fromkeys(self).keys()

    def values(self) -> Any:
        """Return the values."""
        return [read(value) for value in super().values()]

    def items(self) -> Any:
        """Return the names with their values."""
        return [(name, read(value)) for name, value in super().items()]

    def __eq__(self, other: object) -> bool:
        return dict(self.items()) == other

    def __ne__(self, other: object) -> bool:
        return dict(self.items()) != other

    __hash__ = None
