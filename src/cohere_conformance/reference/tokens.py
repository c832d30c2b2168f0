"""The tokenizer: it is reversible, so that all token counts and round trips agree.

A token is one to three bytes of UTF-8; its id is their number among all such sequences, shorter ones first.
A token never spans two words, and a character is split only if it has four bytes.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r" ?[^\W\d_]+| ?\d+|\s| ?[^\w\s]|_", re.UNICODE)
_WIDTH = 3
_FIRST = (0, 0, 256, 256 + 65_536)
"""The first id of the pieces of each length."""
VOCABULARY = 256 + 65_536 + 16_777_216
"""The number of ids."""
_SHORT = 1024
"""The maximum length of a text whose tokens are remembered."""


def pieces(text: str) -> tuple[bytes, ...]:
    """Return the tokens of a text as bytes."""
    return _short(text) if len(text) <= _SHORT else _pieces(text)


def _pieces(text: str) -> tuple[bytes, ...]:
    # Each character matches: the alternatives cover letters, digits, spaces and everything else.
    return tuple(piece for word in _WORD.findall(text) for piece in _of_word(word))


_short = lru_cache(maxsize=2048)(_pieces)


def _of_word(word: str) -> list[bytes]:
    """Return the tokens of a word."""
    if word.isascii():
        content = word.encode("ascii")
        return [content[start : start + _WIDTH] for start in range(0, len(content), _WIDTH)]
    found: list[bytes] = []
    piece = b""
    for character in word:
        encoded = character.encode("utf-8", "replace")
        if len(piece) + len(encoded) > _WIDTH:
            if piece:
                found.append(piece)
            piece = b""
        while len(encoded) > _WIDTH:
            found.append(encoded[:_WIDTH])
            encoded = encoded[_WIDTH:]
        piece += encoded
    return [*found, piece] if piece else found


def number(piece: bytes) -> int:
    """Return the id of a piece of one to three bytes."""
    return _FIRST[len(piece)] + int.from_bytes(piece)


def encode(text: str) -> list[int]:
    """Return the ids of a text."""
    return [number(piece) for piece in pieces(text)]


def count(text: str) -> int:
    """Return the number of tokens of a text."""
    return len(pieces(text))


def decode(ids: list[int]) -> str:
    """Return the text of ids; bytes that are not UTF-8 become replacement characters.

    Raises:
        ValueError: an id is outside the vocabulary.
    """
    content = bytearray()
    for number in ids:
        if not 0 <= number < VOCABULARY:
            raise ValueError(f"token {number} is outside the vocabulary of {VOCABULARY} tokens")
        width = next(width for width in (3, 2, 1) if number >= _FIRST[width])
        content += (number - _FIRST[width]).to_bytes(width)
    return content.decode("utf-8", "replace")


def cut(text: str, limit: int) -> str:
    """Return the longest prefix of a text with at most `limit` tokens and complete characters."""
    return b"".join(pieces(text)[:limit]).decode("utf-8", "ignore")
