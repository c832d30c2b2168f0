"""Results that depend on nothing but the body of a call: made once for calls with the same body."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.reference.handling import Call

_Made = TypeVar("_Made")
_LONGEST = 4096
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

    def get(self, call: Call, make: Callable[[Call], _Made]) -> _Made:
        """Return what a function makes of a call; nobody changes it.

        Args:
            call: the call.
            make: depends only on the operation, the body and the profile of the server.
        """
        if call.state.faults or call.size > _LONGEST:
            return make(call)
        try:
            body = msgspec.json.encode(call.body)
        except (TypeError, ValueError, RecursionError):
            return make(call)
        if len(body) > _LONGEST:  # a row of a batch
            return make(call)
        key = (make, call.operation.label, call.profile, body)
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                found: _Made = self._results[key]
                return found
        made = make(call)
        with self._lock:
            self._results[key] = made
            if len(self._results) > _MOST:
                self._results.popitem(last=False)
        return made
