"""The skeleton of a JSON text: its names and types, without its numbers and without most of its texts.

Most bodies of one operation differ in their texts and numbers only. What depends on nothing else is found out
once for each skeleton.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from itertools import compress
from operator import not_
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
_LONGEST_STRUCTURE = 4096
"""Bytes of a structure for which it is remembered which strings are names."""
_LONGEST_FORM = 1024
"""Bytes of names or of texts above which they are replaced by a digest."""


class Skeleton:
    """What is left of a valid JSON text.

    Args:
        text: the JSON; of a text that is not valid the skeleton means nothing.

    Attributes:
        names: the skeleton without any text: the names of properties and the types of values.
    """

    __slots__ = ("_form", "_kept", "_texts", "names")

    def __init__(self, text: bytes | str) -> None:
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        escaped = b"\\" in data
        if escaped:
            data = data.replace(b"\\\\", b"\x01").replace(b'\\"', b"\x02")
        parts = data.split(b'"')
        structure = b'"'.join(parts[::2])
        if _SPACED.search(structure):
            structure = _EMPTY.sub(b"[]", structure)
        structure = structure.replace(b"[]", b"[\x03]").translate(None, _UNSEEN)
        strings = parts[1::2]
        named, others = (_remembered if len(structure) <= _LONGEST_STRUCTURE else _selectors)(structure)
        self.names = _short(structure + b'"' + b'"'.join(compress(strings, named)))
        self._texts = [*compress(strings, others)]
        self._kept: frozenset[bytes] | None = None
        self._form = self.names

    def form(self, kept: frozenset[bytes]) -> bytes:
        """Return the skeleton with some texts.

        Args:
            kept: these texts; where there are escapes, every text that may be one of them is.
        """
        if kept is not self._kept:
            texts = [
                one if one in kept or (b"\\" in one and _may_be_kept(one)) else b"" for one in self._texts
            ]
            self._kept, self._form = kept, self.names + b'"' + _short(b'"'.join(texts))
        return self._form


def _selectors(structure: bytes) -> tuple[list[bool], list[bool]]:
    """Return which strings of a structure are names, and which are not."""
    named = [after[:1] == b":" for after in structure.split(b'"')[1:]]
    return named, [*map(not_, named)]


_remembered = lru_cache(maxsize=1024)(_selectors)


def _short(form: bytes) -> bytes:
    """Return a form, or its digest if it is long, so that forms can be remembered."""
    return form if len(form) <= _LONGEST_FORM else hashlib.sha256(form).digest()


def kept_texts(texts: Iterable[str]) -> frozenset[bytes] | None:
    """Return texts as `form` keeps them; `None` if one is too long, or has characters that JSON escapes."""
    several = [*texts]
    if any(len(text) > _LONGEST_KEPT or _ESCAPED.search(text) for text in several):
        return None
    return frozenset(text.encode() for text in several)


def _may_be_kept(string: bytes) -> bool:
    """Return whether a string with escapes may be one of the kept ones, which are short and of one line."""
    return len(string) <= 6 * _LONGEST_KEPT and b"\\n" not in string
