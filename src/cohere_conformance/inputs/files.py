"""Opens files that the user named: regular files only, up to their present size."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from cohere_conformance.inputs.bounds import LARGEST_DOCUMENT

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: str | os.PathLike[str]) -> io.BufferedReader:
    """Open a regular file to read its bytes, up to the size that it has now.

    A pipe would block until somebody writes to it, a device may never end, and a growing log would be read
    for as long as it grows.

    Raises:
        OSError: it is something else, or cannot be opened.
    """
    _refuse(Path(path).stat().st_mode)
    file = io.FileIO(path, "rb", opener=_without_waiting)
    try:
        status = os.fstat(file.fileno())
        _refuse(status.st_mode)
        return io.BufferedReader(_AsOfNow(file, status.st_size))
    except BaseException:
        file.close()
        raise


def read_document(path: str | os.PathLike[str], largest: int = LARGEST_DOCUMENT) -> bytes:
    """Return the bytes of a regular file.

    Raises:
        OSError: it is something else, cannot be read, or is too large.
    """
    with open_regular(path) as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise OSError(errno.EFBIG, f"larger than {largest:,} bytes, the most that is read of such a file")
    return data


def _refuse(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
        raise OSError(errno.EINVAL, f"expected a regular file, found {kind}")


def _without_waiting(path: str, flags: int) -> int:
    # The file may have been replaced by a pipe since it was looked at. Windows has no such flag.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class _AsOfNow(io.RawIOBase):
    """A file that ends at the size that it had when it was opened."""

    def __init__(self, file: io.FileIO, size: int) -> None:
        self._file = file
        self._size = size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        room = max(0, self._size - self._file.tell())
        return self._file.readinto(view[:room]) or 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def close(self) -> None:
        self._file.close()
        super().close()
