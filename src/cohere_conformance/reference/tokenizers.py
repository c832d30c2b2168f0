"""Tokenizer files for clients that count tokens themselves, in the format of the `tokenizers` library."""

from __future__ import annotations

import json
import re
import string
import unicodedata
from functools import cache
from itertools import chain, product
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import models, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "/cohere-public/tokenizers/"
"""The folder on the storage of the live service."""
_NAME = re.compile(re.escape(PREFIX) + r"(?P<model>[^/]+)\.json")
_WORD = r" ?[\p{L}\p{Nl}\p{No}]+| ?\p{Nd}+|[\s\x1c-\x1f]| ?[^\p{L}\p{N}_\s\x1c-\x1f]|_"
"""Splits a text into words as `tokens` does, with the character classes of Python spelled out."""
_ONE, _TWO, _THREE, _FOUR = (
    "[^\x80-\U0010ffff]",
    "[\x80-\u07ff]",
    "[\u0800-\uffff]",
    "[\U00010000-\U0010ffff]",
)
_PIECE = (
    f"{_FOUR}(?:{_ONE}{{2}}|{_ONE}|{_TWO})?"
    f"|{_ONE}{{3}}|{_ONE}{_TWO}|{_ONE}{{2}}|{_TWO}{_ONE}|{_ONE}|{_TWO}|{_THREE}"
)
"""Splits a word into tokens of at most three bytes, by the number of bytes of each character."""
_LATIN = [character for character in map(chr, range(0x80, 0x180)) if character.isalnum()]
_PLANES = range(0x10000, 0x32000, 64)
"""Characters of four bytes that differ in their first three bytes."""


def url(base_url: str, model: str) -> str:
    """Return the URL of the tokenizer of a model on this server."""
    return f"{base_url}{PREFIX}{model}.json"


def fetch(path: str) -> bytes | None:
    """Return the tokenizer file at a path, `None` if there is none.

    All models have the same tokenizer.
    """
    found = _NAME.fullmatch(path)
    if found is None or not (model := models.MODELS.get(found["model"])) or not model.endpoints:
        return None
    return _file()


@cache
def _file() -> bytes:
    letters = _letters()
    vocabulary = {
        "".join(letters[byte] for byte in piece): tokens.number(piece)
        for piece in (*map(_byte, range(256)), *_pieces())
    }
    split = {"type": "Split", "behavior": "Isolated", "invert": False}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    # A character of four bytes does not fit into one token; its first byte is recognized by its letter.
    torn = f"[{''.join(letters[byte] for byte in range(0xF0, 0xF5))}].."
    steps = [
        split | {"pattern": {"Regex": _WORD}},
        split | {"pattern": {"Regex": _PIECE}},
        level,
        split | {"pattern": {"Regex": torn}},
    ]
    document: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "post_processor": None,
        "decoder": level,
        # Without merges, a piece is one token if it is in the vocabulary, otherwise one token for each byte.
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": True,
            "vocab": vocabulary,
            "merges": [],
        },
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _byte(value: int) -> bytes:
    return bytes((value,))


def _letters() -> list[str]:
    """Return the character of each byte in such a file: the byte itself if it is printable."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def _pieces() -> Iterator[bytes]:
    """Yield the pieces of more than one byte that texts of all scripts are likely to have."""
    ascii_words = (
        joined
        for characters in (string.ascii_letters, string.digits)
        for length in (1, 2, 3)
        for joined in map("".join, product(characters, repeat=length))
    )
    for word in ascii_words:
        yield word.encode()
        if len(word) < 3:
            yield f" {word}".encode()
    for mark in string.punctuation:
        yield f" {mark}".encode()
    for character in map(chr, chain(range(0x80, 0xD800), range(0xE000, 0x10000))):
        if unicodedata.category(character) not in {"Cn", "Co"}:
            yield character.encode()
            if character < "\u0800":
                yield f" {character}".encode()
    for pair in product(string.ascii_letters, _LATIN):
        yield "".join(pair).encode()
        yield "".join(reversed(pair)).encode()
    for character in map(chr, _PLANES):
        yield character.encode()[:3]
