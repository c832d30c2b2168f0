"""Opens a recording: compressed or not, without its byte order mark."""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

DAMAGE = (OSError, EOFError, zlib.error)
"""What reading can raise in the middle of a file: the disk fails, a compressed file is cut or damaged."""

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


@contextlib.contextmanager
def opened(file: str) -> Iterator[io.BufferedReader]:
    """Open a file to read its bytes, undoing gzip where the content (not the name) says so.

    Raises:
        OSError: it cannot be opened.
    """
    with Path(file).open("rb") as raw:
        if raw.peek(2)[:2] != _GZIP:
            yield raw
            return
        # GzipFile reads lines slowly; a BufferedReader around it does not.
        with gzip.GzipFile(fileobj=raw) as unpacked, io.BufferedReader(unpacked) as stream:  # type: ignore[type-var]
            yield stream


def rewind(stream: io.BufferedReader) -> None:
    """Go back to the first byte behind the byte order mark, which no JSON parser takes."""
    stream.seek(0)
    if stream.peek(3)[:3] == _BOM:
        stream.read(3)


def damage(error: BaseException) -> str:
    """Say what went wrong in words, since `EOFError` and its kin often carry none."""
    if isinstance(error, EOFError):
        return "the compressed file ends too early"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}"
    return f"cannot be read: {error}"
