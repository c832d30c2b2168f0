"""A mapping whose values are made on first use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

V = TypeVar("V")


class Lazily(Mapping[str, V], Generic[V]):
    """Makes each value once, when it is first read.

    Args:
        names: the keys, in their order.
        make: returns the value of a key.
        lock: held meanwhile, reentrant; threads that make values of the same source share it.
    """

    def __init__(
        self, names: Iterable[str], make: Callable[[str], V], lock: AbstractContextManager[object]
    ) -> None:
        self._names = dict.fromkeys(names)
        self._make = make
        self._lock = lock
        self._made: dict[str, V] = {}

    def __getitem__(self, name: str) -> V:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            with self._lock:
                if name not in self._made:
                    self._made[name] = self._make(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
