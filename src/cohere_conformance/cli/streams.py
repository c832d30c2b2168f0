"""Standard output and error. A closed pipe does not change the exit code, a full disk does."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_NAMES = ("stdout", "stderr")


class _Pipe(io.FileIO):
    """A file descriptor that discards output after its reader has closed the pipe."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            # Plugins, and the interpreter at its exit, write to the descriptor itself.
            _to_nowhere(self.fileno())
            return memoryview(data).nbytes


def forgive_broken_pipes() -> None:
    """Ignore that a reader of standard output or error, such as `head`, closes the pipe early."""
    for name in _NAMES:
        stream: TextIO | None = getattr(sys, name)
        unbuffered = isinstance(getattr(stream, "buffer", None), io.FileIO)  # PYTHONUNBUFFERED
        if stream is None or not (unbuffered or isinstance(stream.buffer, io.BufferedWriter)):
            continue  # closed, or captured by a caller
        stream.flush()
        pipe = _Pipe(stream.fileno(), "wb", closefd=False)
        text = io.TextIOWrapper(
            cast("BinaryIO", pipe if unbuffered else io.BufferedWriter(pipe)),
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=name == "stderr" or stream.isatty(),
            write_through=unbuffered,
        )
        setattr(sys, name, text)


def flushed(code: int) -> int:
    """Flush both streams, and return the exit code: 3 if standard output cannot be flushed.

    Args:
        code: the exit code so far.
    """
    for name in _NAMES:
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            # Otherwise the interpreter would try again at its exit, and fail with a traceback.
            _to_nowhere({"stdout": 1, "stderr": 2}[name])
            code = code if name == "stderr" else 3
    return code


def _to_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
