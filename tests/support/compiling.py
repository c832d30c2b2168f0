"""Lets one process compile the tests of a fresh checkout, and the others find its bytecode."""

from __future__ import annotations

import fcntl
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_DONE = Path(__file__).parents[1] / "__pycache__" / "collected"
"""Is there once all tests were collected."""


@contextmanager
def compiled_once(done: Path = _DONE) -> Iterator[None]:
    """Do alone what compiles modules, if nobody has done it yet.

    Side by side, each process would compile all of them. With their bytecode it takes a third of the time.
    """
    if sys.dont_write_bytecode or done.exists():
        yield
        return
    done.parent.mkdir(exist_ok=True)
    with done.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            yield
            done.touch()
            return
    yield


class CompiledOnce:
    """A pytest plugin for the processes of pytest-xdist."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        with compiled_once():
            return (yield)
