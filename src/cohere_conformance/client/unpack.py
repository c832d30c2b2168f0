"""Decompresses a response as it arrives, with a limit on the decoded size."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from cohere_conformance.inputs.codings import GZIP, GZIP_MAGIC, is_zlib, names_of

if TYPE_CHECKING:
    from collections.abc import Iterable

ACCEPTED = "gzip, deflate"
"""The encodings that requests accept: others cannot be decoded in pieces with a limit."""


class UnpackError(ValueError):
    """A body is not encoded as its header says; the message has the details."""


class Unpacker:
    """Decodes the pieces of one body.

    Unlike recordings, an answer from the wire is taken at its word: what says gzip and is not is broken.

    Args:
        codings: the values of the content-encoding fields.

    Raises:
        UnpackError: the coding is none of `ACCEPTED`, or more than one was applied.
    """

    def __init__(self, codings: Iterable[str]) -> None:
        names = names_of(codings)
        if len(names) > 1:
            raise UnpackError("the body is encoded more than once, which was not asked for")
        self._coding = names[0] if names else ""
        if self._coding and self._coding not in {*GZIP, "deflate"}:
            raise UnpackError(f"the body is encoded as {self._coding[:40]}; {ACCEPTED} was asked for")
        self._held = b""
        self._ended = False
        # The type has no name that can be imported.
        self._member: zlib._Decompress | None = None

    def feed(self, data: bytes, room: int) -> bytes:
        """Return the decoded piece, cut one byte after `room`: one byte more shows that there is more.

        Raises:
            UnpackError: it does not decode.
        """
        if not self._coding:
            return data[: room + 1]
        out = bytearray()
        self._held += data
        while self._held and len(out) <= room:
            self._member = self._member or self._begin()
            if self._member is None:
                break
            out += self._inflate(self._member, room + 1 - len(out))
        return bytes(out)

    def finish(self) -> None:
        """Check that the body is complete.

        Raises:
            UnpackError: it ends too early.
        """
        if self._member is not None or (self._held and not self._ended):
            raise UnpackError(f"the {self._coding} body ends too early")

    def _begin(self) -> zlib._Decompress | None:
        """Return the decoder of the buffered bytes; `None` where they are too few, or only padding."""
        if self._coding == "deflate" and not self._ended:
            if len(self._held) < 2:
                return None
            # Some servers leave out the zlib header, and clients accept that.
            return zlib.decompressobj(zlib.MAX_WBITS if is_zlib(self._held) else -zlib.MAX_WBITS)
        # A gzip body may have several members; anything else after the end is padding.
        if self._ended and not (self._coding in GZIP and self._held.startswith(GZIP_MAGIC)):
            self._held = self._held if self._held == GZIP_MAGIC[:1] else b""
            return None
        return zlib.decompressobj(zlib.MAX_WBITS | 16)

    def _inflate(self, member: zlib._Decompress, most: int) -> bytes:
        try:
            piece = member.decompress(self._held, most)
        except zlib.error as error:
            raise UnpackError(f"the body is not {self._coding}, or is damaged") from error
        self._held = member.unused_data
        if member.eof:
            self._member, self._ended = None, True
        return piece
