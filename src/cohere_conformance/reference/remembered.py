"""Results that depend on nothing but the body of a call: made once for calls with the same body."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

_Made = TypeVar("_Made")
LONGEST = 4096
"""The maximum size in bytes of a body whose results are remembered."""
_MOST = 512
"""The maximum number of results; the one that was not used for the longest time is forgotten first."""


class Remembered:
    """The results of one server, which has no faults: a fault may change any of them."""

    def __init__(self) -> None:
        self._results: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._results)

    def get(self, key: tuple[object, ...], body: object, make: Callable[[], _Made]) -> _Made:
        """Return what a function makes; nobody changes it.

        Args:
            key: what the result depends on, besides the body.
            body: of the request, as a JSON value.
            make: makes the result.
        """
        try:
            content = msgspec.json.encode(body)
        except (TypeError, ValueError, RecursionError):
            return make()
        if len(content) > LONGEST:  # a row of a batch
            return make()
        key = (*key, content)
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                found: _Made = self._results[key]
                return found
        made = make()
        with self._lock:
            self._results[key] = made
            if len(self._results) > _MOST:
                self._results.popitem(last=False)
        return made
