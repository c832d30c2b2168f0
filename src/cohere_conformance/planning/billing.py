"""The most that a request can be charged, estimated before it is sent."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from cohere_conformance.contract.tiers import Billing, shipped_policies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

BillingUnits: TypeAlias = "dict[str, int]"
"""How much of each unit: `tokens` (input and output), `images`, `search_units`, `classifications`, `pages`,
`audio_seconds`."""

ASSUMED_OUTPUT = 60
"""Output tokens of a request that sets no limit: the prompts of the cases call for one sentence."""
_CHARACTERS = 3
"""Characters of the shortest text of one token; English text has four or five."""
_DOCUMENTS = 100
"""Documents of one search unit."""
_AUDIO_BYTES = 32_000
"""Bytes of one second of audio as the cases send it: 16,000 samples of two bytes."""
_WIDE = 2
"""Tokens of one character beyond ASCII at most."""
_UNCHARGED = frozenset({"model", "role", "input_type", "truncate"})
"""Properties whose text is not part of what a model reads."""
_STRUCTURED = frozenset({"tools", "tool_results", "tool_calls", "documents", "response_format"})
"""Properties of which a model reads the names as well."""
_IMAGE = "data:image/"


def most_billed(operation: str, body: bytes | None, status: int) -> BillingUnits:
    """Return the most that a request can be charged, in units that are not zero.

    Args:
        operation: its label; `contracts/operations.yaml` has the unit in which it is charged.
        body: of the request.
        status: of the response: what is refused is not charged.
    """
    if not 200 <= status < 300 or body is None:
        return {}
    document = _document(body)
    match shipped_policies()[operation].billing:
        case Billing.TOKENS:
            return {"tokens": _tokens(_texts(document)) + _output(document)}
        case Billing.IMAGES_OR_TOKENS:
            texts = list(_texts(document))
            images = sum(text.startswith(_IMAGE) for text in texts)
            tokens = _tokens((text for text in texts if not text.startswith(_IMAGE)), _most_of_each(document))
            return {unit: number for unit, number in (("tokens", tokens), ("images", images)) if number}
        case Billing.SEARCH_UNITS:
            return {"search_units": max(1, math.ceil(_length(document.get("documents")) / _DOCUMENTS))}
        case Billing.CLASSIFICATIONS:
            return {"classifications": _length(document.get("inputs"))}
        case Billing.PAGES:
            return {"pages": 1}
        case Billing.AUDIO_TIME:
            return {"audio_seconds": math.ceil(len(body) / _AUDIO_BYTES)}
    return {}


def total(bills: Iterable[Mapping[str, int]]) -> BillingUnits:
    """Return the sum of several estimates, by unit."""
    summed: Counter[str] = Counter()
    for one in bills:
        summed.update(one)
    return dict(sorted(summed.items()))


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else 0


def _document(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _texts(value: object, name: str = "", *, structured: bool = False) -> Iterator[str]:
    """Yield the texts that a model reads."""
    if isinstance(value, str):
        if name not in _UNCHARGED:
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, name, structured=structured)
    elif isinstance(value, dict):
        for key, item in value.items():
            if structured:
                yield key
            yield from _texts(item, key, structured=structured or key in _STRUCTURED)


def _tokens(texts: Iterable[str], most: float = math.inf) -> int:
    """Return the tokens of texts, each of which is cut after the most that are read."""
    return sum(int(min(_tokens_of(text), most)) for text in texts if not text.startswith(("data:", "http")))


def _most_of_each(document: Mapping[str, object]) -> float:
    """Return the tokens of each text that are embedded: the rest is cut off and not charged."""
    most = document.get("max_tokens")
    return most if isinstance(most, int) and not isinstance(most, bool) and most > 0 else math.inf


def _tokens_of(text: str) -> int:
    plain = sum(character.isascii() for character in text)
    return math.ceil(plain / _CHARACTERS) + _WIDE * (len(text) - plain)


def _output(document: Mapping[str, object]) -> int:
    most = document.get("max_tokens")
    each = most if isinstance(most, int) and not isinstance(most, bool) else ASSUMED_OUTPUT
    several = document.get("num_generations")
    return each * (several if isinstance(several, int) and several > 0 else 1)
