"""Runs what takes long in threads, so that other requests are handled meanwhile."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, Unpack

from anyio import to_thread

if TYPE_CHECKING:
    from collections.abc import Callable

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")
_alone: ContextVar[bool] = ContextVar("alone", default=False)


def handle_alone() -> None:
    """Run everything in the event loop while the current request is handled: no other one is waiting."""
    _alone.set(True)


async def in_thread(function: Callable[[Unpack[_Arguments]], _Result], *arguments: *_Arguments) -> _Result:
    """Return the result of a function, which runs in a thread while other requests may be waiting.

    It is abandoned where its request is cancelled.
    """
    # A thread takes longer to start than most functions to run, and belongs to one request only.
    if _alone.get():
        return function(*arguments)
    return await to_thread.run_sync(function, *arguments, abandon_on_cancel=True)
