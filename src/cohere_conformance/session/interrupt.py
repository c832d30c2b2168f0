"""Signals that end a run: all in the way of Ctrl-C, and that waits until what was made is noted."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Put the first Ctrl-C off until the context ends; a second one is not put off.

    Only the main thread is told of signals, so that there is nothing to do in any other.
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


_ENDING = tuple(number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)))


@contextmanager
def terminable() -> Iterator[None]:
    """Take the signals that end a process for Ctrl-C, so that what was made is removed.

    A signal that whoever started the process has it ignore (as `nohup` does) goes on being ignored.
    """
    before = terminate_like_interrupt()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def terminate_like_interrupt() -> dict[int, Any]:
    """Take the signals that end a process for Ctrl-C from now on, and return what was done before."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    usual = {number: signal.getsignal(number) for number in _ENDING}
    taken = {number: before for number, before in usual.items() if before is signal.SIG_DFL}
    for number in taken:
        signal.signal(number, _interrupt)
    return taken


def _interrupt(number: int, frame: Any) -> None:
    usual = signal.getsignal(signal.SIGINT)
    if not callable(usual):
        raise KeyboardInterrupt
    usual(number, frame)  # which may be put off
