"""The skeleton of a JSON text: its names and types, without its numbers and without most of its texts.

Most bodies of one operation differ in their texts and numbers only. What depends on nothing else is found out
once for each skeleton.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNSEEN = b"0123456789+-.eE \t\r\n"
"""Bytes outside of texts that are left out: numbers and white space. `true` and `false` remain distinct."""
_SPACED = re.compile(rb"\[[ \t\r\n]")
_EMPTY = re.compile(rb"\[[ \t\r\n]+\]")
"""An empty list with white space. Empty ones are marked: a list of one, without its number, looks alike."""
_LONGEST_KEPT = 100
"""Characters of a text that can be kept."""
_ESCAPED = re.compile(r"[\x00-\x1f\"\\]")
_LONGEST_FORM = 1024
"""Bytes of a form; a digest stands for a longer one, so that forms can be remembered."""


class Skeleton:
    """What is left of a valid JSON text.

    Args:
        text: the JSON; of a text that is not valid the skeleton means nothing.
    """

    __slots__ = ("_escaped", "_form", "_kept", "_strings", "_structure")

    def __init__(self, text: bytes | str) -> None:
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        self._escaped = b"\\" in data
        if self._escaped:
            data = data.replace(b"\\\\", b"\x01").replace(b'\\"', b"\x02")
        parts = data.split(b'"')
        structure = b'"'.join(parts[::2])
        if _SPACED.search(structure):
            structure = _EMPTY.sub(b"[]", structure)
        self._structure = structure.replace(b"[]", b"[\x03]").translate(None, _UNSEEN)
        self._strings = parts[1::2]
        self._kept: frozenset[bytes] | None = None
        self._form = b""

    def form(self, kept: frozenset[bytes]) -> bytes:
        """Return the skeleton with the names of properties and with some texts.

        Args:
            kept: these texts; where there are escapes, every text that may be one of them is.
        """
        if kept is self._kept:
            return self._form
        # The two are of different lengths only if the text is not valid.
        pairs = zip(self._strings, self._structure.split(b'"')[1:], strict=False)
        if self._escaped and kept:
            strings = [
                string if after[:1] == b":" or string in kept or _may_be_kept(string) else b""
                for string, after in pairs
            ]
        else:
            strings = [string if after[:1] == b":" or string in kept else b"" for string, after in pairs]
        form = self._structure + b'"' + b'"'.join(strings)
        self._kept = kept
        self._form = form if len(form) <= _LONGEST_FORM else hashlib.sha256(form).digest()
        return self._form


def kept_texts(texts: Iterable[str]) -> frozenset[bytes] | None:
    """Return texts as `form` keeps them; `None` if one is too long, or has characters that JSON escapes."""
    several = [*texts]
    if any(len(text) > _LONGEST_KEPT or _ESCAPED.search(text) for text in several):
        return None
    return frozenset(text.encode() for text in several)


def _may_be_kept(string: bytes) -> bool:
    """Return whether a string with escapes may be one of the kept ones, which are short and of one line."""
    return b"\\" in string and len(string) <= 6 * _LONGEST_KEPT and b"\\n" not in string
