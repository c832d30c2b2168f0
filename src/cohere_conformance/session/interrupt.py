"""Ctrl-C where it has to wait: until what was made is noted, so that it can be removed."""

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
