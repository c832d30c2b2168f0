"""Opens a recording, with or without gzip, zstd, byte order mark or a proper end."""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from typing import TYPE_CHECKING

import zstandard

from cohere_conformance.inputs.files import open_regular
from cohere_conformance.recordings.storage import is_address, open_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

_CHUNK = 64 * 1024
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_WINDOW = 128 * 2**20
"""Memory that a frame of zstd may ask for: what `zstd` unpacks without further options."""
_ZSTD_STEP = 1024
_BOM = b"\xef\xbb\xbf"


class RecordingFile(io.BufferedReader):
    """The bytes of a recording.

    If reading fails in the middle (a compressed file is cut off, a disk error), the bytes end there and
    `failure` is the reason. An exception would discard the buffers, which are still valid.

    Attributes:
        packed: whether the file is compressed, so that a place in its content is none in the file.
    """

    packed = False

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
    def __init__(self, inner: io.BufferedReader | gzip.GzipFile | _Zstd) -> None:
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
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
            self.failure = error
            return 0
        view[: len(piece)] = piece
        self.count += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.count = self._inner.seek(offset, whence)
        self.failure = None
        return self.count


class _Zstd:
    """The content of a file that is compressed by zstd, of one frame or several."""

    def __init__(self, plain: io.BufferedReader) -> None:
        self._plain = plain
        self._begin()

    def _begin(self) -> None:
        self._at = 0
        self._unpacked = memoryview(b"")
        self._packed = b""
        self._decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame = self._decoder.decompressobj()

    def seekable(self) -> bool:
        return self._plain.seekable()

    def read1(self, size: int) -> bytes:
        while not self._unpacked and self._more():
            pass
        piece, self._unpacked = bytes(self._unpacked[:size]), self._unpacked[size:]
        self._at += len(piece)
        return piece

    def _more(self) -> bool:
        """Unpack some more; return false at the end.

        Raises:
            EOFError: the file ends within a frame.
        """
        # In small steps: the decoder has no bound of its own on what one call returns.
        self._packed = self._packed or self._plain.read(_ZSTD_STEP)
        if self._frame.eof and self._packed:
            self._frame = self._decoder.decompressobj()
        if not self._packed:
            if self._frame.eof:
                return False
            raise EOFError
        self._unpacked = memoryview(self._frame.decompress(self._packed))
        self._packed = self._frame.unused_data if self._frame.eof else b""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR:
            offset += self._at
        elif whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end of a compressed file is not known")
        if offset < self._at:
            self._plain.seek(0)
            self._begin()
        while self._at < offset and self.read1(min(_CHUNK, offset - self._at)):
            pass
        return self._at


@contextlib.contextmanager
def opened(file: str) -> Iterator[RecordingFile]:
    """Open a file to read its bytes; decompress gzip and zstd, which are recognised by content, not by name.

    Args:
        file: a path, or an address in object storage.

    Raises:
        OSError: it cannot be opened, or is no regular file.
        UsageError: a package for the object storage is not installed.
    """
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(open_address(file) if is_address(file) else open_regular(file))
        head = plain.peek(len(_ZSTD))
        inner: io.BufferedReader | gzip.GzipFile | _Zstd = plain
        if head.startswith(_GZIP):
            inner = stack.enter_context(gzip.GzipFile(fileobj=plain))
        elif head.startswith(_ZSTD):
            inner = _Zstd(plain)
        stream = RecordingFile(_Source(inner))
        stream.packed = inner is not plain
        yield stack.enter_context(stream)


def describe(error: Exception) -> str:
    """Return what went wrong in words, because `EOFError` and similar ones often have no message."""
    if isinstance(error, EOFError):
        return "the compressed file ends too early"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    return f"cannot be read: {error}"
