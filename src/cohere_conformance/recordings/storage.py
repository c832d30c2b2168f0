"""Lists and opens recordings in object storage, such as `s3://bucket/traffic/*.jsonl`, by fsspec."""

from __future__ import annotations

import errno
import io
import os
import re
from typing import TYPE_CHECKING, Any

from cohere_conformance.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SCHEMES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "hdfs", "memory")
"""Storage that addresses may name. Web servers are not among them: their addresses often hold credentials."""
_ADDRESS = re.compile(rf"(?:{'|'.join(SCHEMES)})://", re.IGNORECASE)
_MAGIC = re.compile(r"[*?\[]")
_EXTRA = "pip install 'cohere-conformance[dask]'"


def is_address(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is an address in object storage, not one of this machine's file system."""
    return _ADDRESS.match(os.fspath(path)) is not None


def expand(address: str) -> tuple[list[str], bool]:
    """Return the files at an address, sorted, and whether it is that of a folder.

    Args:
        address: of a file or a folder, or a pattern with `*`, `?` or `[...]`.

    Raises:
        OSError: there is none, or the storage cannot be listed.
        UsageError: a package is not installed.
    """
    scheme = address.partition("://")[0]
    storage, path = _storage(address)
    try:
        if _MAGIC.search(path):
            names, folder = [str(name) for name in storage.glob(path) if not storage.isdir(name)], False
        elif folder := bool(storage.isdir(path)):
            names = [str(name) for name in storage.find(path)]
        else:
            names = [path] if storage.exists(path) else []
    except Exception as error:
        raise _failed(error) from error
    if not names and not folder:
        raise FileNotFoundError(errno.ENOENT, "there is no such file or folder")
    return sorted(f"{scheme}://{name.lstrip('/')}" for name in names), folder


def size_of(address: str) -> int:
    """Return the size of a file in bytes.

    Raises:
        OSError: it cannot be read.
        UsageError: a package is not installed.
    """
    storage, path = _storage(address)
    try:
        return int(storage.size(path) or 0)
    except Exception as error:
        raise _failed(error) from error


def open_address(address: str) -> io.BufferedReader:
    """Open a file to read its bytes.

    Raises:
        OSError: it cannot be opened.
        UsageError: a package is not installed.
    """
    storage, path = _storage(address)
    try:
        return io.BufferedReader(_StoredFile(storage.open(path, "rb")), 2**20)
    except Exception as error:
        raise _failed(error) from error


def _storage(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it."""
    scheme = address.partition("://")[0]
    try:
        import fsspec
    except ImportError as error:
        raise UsageError(f"{scheme}://: expected the package fsspec, got none; {_EXTRA}") from error
    try:
        storage, path = fsspec.core.url_to_fs(address)
    except ImportError as error:
        # fsspec says which package it is: s3fs, gcsfs or adlfs.
        raise UsageError(f"{scheme}://: {error}") from error
    except Exception as error:
        raise _failed(error) from error
    return storage, str(path)


def _failed(error: Exception) -> OSError:
    """Return an error of any storage as one of the operating system.

    Of others only the type is said: their messages may quote requests with credentials.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, "there is no such file or folder")
    return OSError(errno.EIO, f"the storage responded with {type(error).__name__}")


class _StoredFile(io.RawIOBase):
    """A file of fsspec, whose errors of any library are those of the operating system."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        piece = self._guarded(self._file.read, len(view))
        view[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._guarded(self._file.seek, offset, whence))

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _guarded(self, call: Any, *arguments: int) -> Any:
        try:
            return call(*arguments)
        except Exception as error:
            raise _failed(error) from error
