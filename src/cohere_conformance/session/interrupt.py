"""Signals that end a run: all are handled like Ctrl-C, which waits until a created resource is noted."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer the first Ctrl-C until the context ends; a second one is not deferred.

    Only the main thread receives signals, so there is nothing to do in any other.
    """
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(usual):
        yield
        return
    waiting: list[tuple[int, Any]] = []

    def noted(number: int, frame: Any) -> None:
        if waiting:
            usual(number, frame)
        waiting.append((number, frame))

    signal.signal(signal.SIGINT, noted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if len(waiting) == 1:
        usual(*waiting[0])


_TERMINATING = tuple(number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)))


@contextmanager
def terminable() -> Iterator[None]:
    """Handle the signals that end a process like Ctrl-C, so that created resources are removed.

    A signal that the parent process has set to be ignored (as `nohup` does) is still ignored.
    """
    before = terminate_like_interrupt()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def terminate_like_interrupt() -> dict[int, Any]:
    """Handle the signals that end a process like Ctrl-C from now on, and return the previous handlers."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    usual = {number: signal.getsignal(number) for number in _TERMINATING}
    taken = {number: before for number, before in usual.items() if before is signal.SIG_DFL}
    for number in taken:
        signal.signal(number, _interrupt)
    return taken


def _interrupt(number: int, frame: Any) -> None:
    usual = signal.getsignal(signal.SIGINT)
    if not callable(usual):
        raise KeyboardInterrupt
    usual(number, frame)  # which may be deferred
