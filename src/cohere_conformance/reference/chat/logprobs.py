"""Log probabilities: generated, always the same for the same text, and never above 0 (CH2-O19)."""

from __future__ import annotations

import re
from typing import Any

from cohere_conformance.reference import tokens
from cohere_conformance.reference.chat import words

_CHUNK = re.compile(r"\s*\S+|\s+")
_UNIT = 10_000


def chunks(text: str) -> list[str]:
    """Return the chunks of a text, as streams send them: one word each, with the space before it."""
    return _CHUNK.findall(text)


def logprobs(text: str) -> list[dict[str, Any]]:
    """Return an entry for each chunk of a text: its tokens and their log probabilities."""
    return [entry(chunk, index) for index, chunk in enumerate(chunks(text))]


def entry(chunk: str, index: int) -> dict[str, Any]:
    """Return the entry of one chunk; `index` is its number in the text."""
    ids = tokens.encode(chunk)
    likely = [-(words.draw(index, number, token) % _UNIT) / _UNIT for number, token in enumerate(ids)]
    return {"text": chunk, "token_ids": ids, "logprobs": likely}
