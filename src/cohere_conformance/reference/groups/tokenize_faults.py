"""Faults of tokenize, by the stage of the handler that they change."""

from __future__ import annotations

import secrets
from itertools import pairwise
from typing import TYPE_CHECKING

from cohere_conformance.reference.faults import fault

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

EMPTY = fault("tokenize.empty-accepted", "An empty text is accepted.")
BILLED = fault("tokenize.billed", "The tokens are billed.")
LONG = fault("tokenize.too-long-accepted", "A text with too many characters is accepted.")


def _split_at_random(texts: list[str], call: Call) -> list[str]:
    (text,) = texts
    cuts = [0, *(location for location in range(1, len(text)) if secrets.randbelow(2)), len(text)]
    return [text[start:end] for start, end in pairwise(cuts)]


TEXTS: FaultTable[list[str]] = {
    fault("tokenize.not-reversible", "The tokens are those of the text without its last character."): (
        lambda texts, _: [text[:-1] for text in texts]
    ),
    fault("tokenize.not-deterministic", "The text is split at random positions."): _split_at_random,
}
"""The text in the parts that are tokenized separately: one, unless a fault splits it."""

STRINGS: FaultTable[list[str]] = {
    fault("tokenize.strings-changed", "The token strings are in lower case and without spaces."): (
        lambda strings, _: [one.strip().lower() for one in strings]
    ),
    fault("tokenize.strings-short", "The last token string is missing."): lambda strings, _: strings[:-1],
}

IDS: FaultTable[list[float]] = {
    fault("tokenize.negative-id", "The id of the first token is negative."): lambda ids, _: [-1, *ids[1:]],
    fault("tokenize.fractional-id", "The ids of tokens are not integers."): (
        lambda ids, _: [one + 0.5 for one in ids]
    ),
}
