"""Classify (retired): texts get the label of the example that is most like them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import models, tokens
from cohere_conformance.reference.common import fitted, meta_with_notices, refuse_retired, sunset
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation
from cohere_conformance.reference.words import bag, likeness, number

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

NOT_ARGMAX = fault("classify.prediction-not-argmax", "The prediction is not the label of most confidence.")
SUM = fault("classify.confidence-sum", "The confidences of a text's labels add up to less than one.")
CONFIDENCE = fault("classify.confidence-differs", "The confidence told is not that of the prediction.")
MISSING = fault("classify.one-missing", "The last text is not classified.")
ECHO = fault("classify.input-changed", "The texts come back in the wrong order.")
LABEL = fault("classify.label-missing", "One label is left out of the confidences.")
UNITS = fault("classify.units-wrong", "The examples are billed as classifications as well.")
PERCENT = fault("classify.confidence-percent", "Confidences are percentages.")
POSITION = fault("classify.position-dependent", "The later a text comes, the less sure its label is.")

_TUNED = ("negative", "positive")
"""What a fine-tuned model tells apart that comes without examples."""
_CONTEXT = 512
_SHARP = 12.0
"""How much clearer a confidence is than the likeness behind it."""


@dataclass(frozen=True)
class _Example:
    text: str
    label: str


@operation("POST /v1/classify", beside="large")
def classify(call: Call) -> JsonResponse:
    """Answer with a label for each text (CLS-O01 to CLS-O07)."""
    refuse_retired(call, "Classify API was removed on September 15 2025; use the Embed or the Chat API")
    name: str = call.body.get("model") or models.default("classify", call.state).name
    examples = _examples(call, tuned=name.endswith("-ft"))
    texts = [_input(call, text, index) for index, text in enumerate(_inputs(call))]
    labels = sorted({example.label for example in examples}) or list(_TUNED)
    several = len({example.text for example in examples}) < len(set(examples))
    close = {label: _Label(label, examples) for label in labels}
    results = [
        _classified(
            call,
            {
                label: close[label].closeness(text) / (1 + index if call.faulty(POSITION) else 1)
                for label in labels
            },
            several=several,
        )
        for index, text in enumerate(texts)
    ]
    for result, text in zip(results, _inputs(call), strict=True):
        result["input"] = text
    if call.faulty(ECHO):
        for result, text in zip(results, reversed(_inputs(call)), strict=True):
            result["input"] = text
    billed = len(results) + (len(examples) if call.faulty(UNITS) else 0)
    notices = sunset(call, models.find(name, call.state))
    body = {
        "id": new_id(),
        "classifications": results[:-1] if call.faulty(MISSING) else results,
        "meta": meta_with_notices(call, notices, classifications=billed),
    }
    return JsonResponse(body, warnings=notices)


def _inputs(call: Call) -> list[str]:
    found: list[str] = call.body["inputs"]
    if not found:
        raise ApiError(400, "invalid request: inputs must hold at least one text")
    return found


def _input(call: Call, text: str, index: int) -> str:
    if not text.strip():
        raise ApiError(400, f"invalid request: inputs must not be empty, the one at index {index} is")
    return fitted(text, _CONTEXT, call.body.get("truncate", "END"), f"input {index}")


def _examples(call: Call, *, tuned: bool) -> list[_Example]:
    """Return what to learn from (CLS-01).

    Raises:
        ApiError: 400, it is too little, or some of it is too long.
    """
    found = []
    for index, example in enumerate(call.body.get("examples") or ()):
        text, label = example.get("text"), example.get("label")
        if not text or not label:
            raise ApiError(400, f"invalid request: example at index {index} needs a text and a label")
        if tokens.count(text) > _CONTEXT:
            raise ApiError(400, f"invalid request: example at index {index} has over {_CONTEXT} tokens")
        found.append(_Example(text, label))
    if tuned and not found:
        return found
    labels = {example.label for example in found}
    if len(labels) < 2:
        raise ApiError(400, f"invalid request: examples need at least two labels, got {len(labels)}")
    for label in sorted(labels):
        if sum(example.label == label for example in found) < 2:
            raise ApiError(400, f"invalid request: label '{label}' needs at least two examples")
    return found


def _classified(call: Call, close: dict[str, float], *, several: bool) -> dict[str, Any]:
    """Return the labels of one text; where an example has several labels, so may a text."""
    labels = list(close)
    if several:
        scores = {label: round(one, 6) for label, one in close.items()}
        best = sorted(labels, key=lambda label: (-scores[label], label))
        chosen = [label for label in best if scores[label] >= 0.5] or best[:1]
    else:
        powers = {label: math.exp(_SHARP * one) for label, one in close.items()}
        total = math.fsum(powers.values())
        scores = {label: power / total for label, power in powers.items()}
        chosen = [max(labels, key=lambda label: scores[label])]
    if call.faulty(NOT_ARGMAX):
        chosen = [min(labels, key=lambda label: scores[label])]
    if call.faulty(SUM):
        scores = {label: score * 0.9 for label, score in scores.items()}
    if call.faulty(PERCENT):
        scores = {label: 100 * score for label, score in scores.items()}
    confidences = [scores[label] for label in chosen]
    if call.faulty(CONFIDENCE):
        confidences = [score / 2 for score in confidences]
    told_labels = labels[:-1] if call.faulty(LABEL) else labels
    return {
        "id": new_id(),
        "prediction": chosen[0],
        "predictions": chosen,
        "confidence": confidences[0],
        "confidences": confidences,
        "labels": {label: {"confidence": scores[label]} for label in told_labels},
        "classification_type": "multi-label" if several else "single-label",
    }


class _Label:
    """What is known of a label."""

    def __init__(self, name: str, examples: list[_Example]) -> None:
        self._name = name
        self._bags = {one.text: bag(one.text) for one in examples if one.label == name}

    def closeness(self, text: str) -> float:
        """Return how close a text is to the closest example: 1 where it is the example itself."""
        # Texts that share no word with any example are still told apart, always in the same way.
        chance = 0.05 * number("classify", text, self._name) / 2**64
        if text in self._bags:
            return 1.0
        known = list(self._bags.values()) or [bag(self._name)]
        return chance + 0.9 * max(likeness(bag(text), one) for one in known)
