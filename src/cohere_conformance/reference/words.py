"""Words of texts without their endings, and the similarity of two texts."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f"
"""Scripts without spaces between words: each character counts as a word."""
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_SUFFIX = re.compile(r"(?<=[a-z]{3})(?:'s|ing|ed|es|s|e)$")
_SENTENCE = re.compile(r"[^\s.!?\u3002](?:[^.!?\u3002\n]|[.!?](?=\w))*[.!?\u3002]*")
COMMON = frozenset(
    "a an and are as at be but by do does for from had has have how i if in is it its of on or our that the "
    "their there they this to was we were what when where which who why will with would you your".split()
)
"""Frequent words with little meaning."""


def words(text: str) -> list[str]:
    """Return the words of a text in lower case and without English endings."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [word if word in COMMON else _SUFFIX.sub("", word) for word in _WORD.findall(folded)]


def weight(word: str) -> int:
    """Return the weight of a word: 1 for a common one, 8 for any other."""
    return 1 if word in COMMON else 8


@lru_cache(maxsize=1024)
def bag(text: str) -> Mapping[str, float]:
    """Return the weights of the words of a text, as a vector of length 1; empty for a text without words."""
    counts = Counter(words(text))
    # Repeated words count more, but not in proportion.
    weights = {word: weight(word) * math.sqrt(count) for word, count in counts.items()}
    length = math.sqrt(sum(one * one for one in weights.values()))
    return {word: one / length for word, one in weights.items()}


def likeness(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the cosine of two bags, from 0 to 1."""
    if len(one) > len(other):
        one, other = other, one
    return min(1.0, math.fsum(share * other.get(word, 0.0) for word, share in one.items()))


def sentences(text: str) -> list[str]:
    """Return the sentences of a text; a line break ends a sentence."""
    return [text[start:end] for start, end in sentence_positions(text)]


def sentence_positions(text: str) -> list[tuple[int, int]]:
    """Return the position of each sentence of a text, and the position just behind it, in code points."""
    return [(found.start(), found.start() + len(found[0].rstrip())) for found in _SENTENCE.finditer(text)]


def number(*parts: object) -> int:
    """Return a hash of all parts: a number of 64 bits."""
    joined = "\x1f".join(map(str, parts)).encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8).digest())
