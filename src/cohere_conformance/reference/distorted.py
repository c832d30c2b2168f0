"""Faults that only unusual input reveals: what the server misreads, and what it loses of long lists."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import JsonResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cohere_conformance.contract import Operation
    from cohere_conformance.reference.faults import Fault
    from cohere_conformance.reference.handling import HandlerResult

Faults = frozenset[object]

MANY = 10
"""Elements of a list that a faulty server still answers in full."""
MANY_TOKENS = 500
"""Tokens that a faulty server still answers in full."""

# -- misreadings: what becomes of each text before it is worked on

_READINGS: Mapping[Fault, Callable[[str], str]] = {
    fault("input.nul-cuts", "Strings end before their first U+0000."): lambda text: text.partition("\0")[0],
    fault("input.astral-replaced", "Characters beyond the basic plane are replaced."): (
        lambda text: re.sub("[\U00010000-\U0010ffff]", "\ufffd", text)
    ),
    fault("input.composed", "Strings are normalized to NFC."): (
        lambda text: unicodedata.normalize("NFC", text)
    ),
    fault("input.trimmed", "Strings lose the spaces at their start and end."): str.strip,
}

# -- losses: the list of an answer, of which group, and how long it is before its last element is lost

_LOSSES: Mapping[Fault, tuple[str, str, int]] = {
    fault("input.last-vector-lost", f"With more than {MANY} inputs, the last vector is missing."): (
        "embed",
        "embeddings",
        MANY,
    ),
    fault(
        "input.last-text-lost",
        f"With more than {MANY} texts to embed, the last text is missing in the response.",
    ): (
        "embed",
        "texts",
        MANY,
    ),
    fault("input.last-result-lost", f"With more than {MANY} results of rerank, the last one is missing."): (
        "rerank",
        "results",
        MANY,
    ),
    fault("input.last-class-lost", f"With more than {MANY} texts to classify, the last result is missing."): (
        "classify",
        "classifications",
        MANY,
    ),
    fault(
        "input.last-token-lost", f"With more than {MANY_TOKENS} tokens, the last token string is missing."
    ): (
        "tokenize",
        "token_strings",
        MANY_TOKENS,
    ),
}


def misread(value: Any, faults: Faults) -> Any:
    """Return a value with its texts as they are read."""
    readings = [reading for one, reading in _READINGS.items() if one in faults]
    return _reread(value, readings) if readings else value


def _reread(value: Any, readings: list[Callable[[str], str]]) -> Any:
    match value:
        case str():
            for reading in readings:
                value = reading(value)
            return value
        case list():
            return [_reread(item, readings) for item in value]
        case dict():
            return {name: _reread(item, readings) for name, item in value.items()}
        case _:
            return value


def lost(declared: Operation, outcome: HandlerResult, faults: Faults) -> HandlerResult:
    """Return what a handler made, as far as it is not lost."""
    for one, (group, name, most) in _LOSSES.items():
        if one in faults and declared.group == group and isinstance(outcome, JsonResponse):
            shorter = {name: _without_last(outcome.body.get(name), most)} if name in outcome.body else {}
            outcome = dataclasses.replace(outcome, body=outcome.body | shorter)
    return outcome


def _without_last(value: Any, most: int) -> Any:
    if isinstance(value, dict):
        return {name: _without_last(item, most) for name, item in value.items()}
    return value[:-1] if isinstance(value, list) and len(value) > most else value
