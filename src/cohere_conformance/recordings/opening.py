"""Opens a recording, with or without gzip, byte order mark or a proper end."""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from typing import TYPE_CHECKING

from cohere_conformance.inputs.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

_CHUNK = 64 * 1024
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class RecordingFile(io.BufferedReader):
    """The bytes of a recording.

    If reading fails in the middle (a compressed file is cut off, a disk error), the bytes end there and
    `failure` is the reason. An exception would discard the buffers, which are still valid.
    """

    def __init__(self, source: _Source) -> None:
        super().__init__(source, _CHUNK)
        self._source = source

    @property
    def failure(self) -> tuple[str, str] | None:
        """Where and why the file ends early, after it was read up to there."""
        if self._source.failure is None:
            return None
        return f"byte {self._source.count}", describe(self._source.failure)

    def rewind(self) -> None:
        """Go back to the first byte after the byte order mark, which no JSON parser accepts."""
        self.seek(0)
        if self.peek(len(_BOM)).startswith(_BOM):
            self.read(len(_BOM))


class _Source(io.RawIOBase):
    def __init__(self, inner: io.BufferedReader | gzip.GzipFile) -> None:
        self._inner = inner
        self.count = 0
        self.failure: Exception | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._inner.seekable()

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        try:
            piece = self._inner.read1(len(view))
        except (OSError, EOFError, zlib.error) as error:
            self.failure = error
            return 0
        view[: len(piece)] = piece
        self.count += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.count = self._inner.seek(offset, whence)
        self.failure = None
        return self.count


@contextlib.contextmanager
def opened(file: str) -> Iterator[RecordingFile]:
    """Open a file to read its bytes; decompress gzip, which is recognised by content, not by name.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(open_regular(file))
        packed = plain.peek(len(_GZIP)).startswith(_GZIP)
        inner = stack.enter_context(gzip.GzipFile(fileobj=plain)) if packed else plain
        yield stack.enter_context(RecordingFile(_Source(inner)))


def describe(error: Exception) -> str:
    """Return what went wrong in words, because `EOFError` and similar ones often have no message."""
    if isinstance(error, EOFError):
        return "the compressed file ends too early"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    return f"cannot be read: {error}"
