"""Classify (retired): gives a text the label of the most similar example."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import models, tokens
from cohere_conformance.reference.common import fitted, meta_with_notices, sunset
from cohere_conformance.reference.groups import classify_faults as faults
from cohere_conformance.reference.groups.classify_faults import Prediction
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.words import bag, likeness, number

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

_TUNED = ("negative", "positive")
"""The labels of a fine-tuned model without examples."""
_CONTEXT = 512
_SHARP = 12.0
"""The factor of similarities in the softmax that makes confidences of them."""


@dataclass(frozen=True)
class _Example:
    text: str
    label: str


@operation("POST /v1/classify", in_thread="large")
def classify(call: Call) -> JsonResponse:
    """Return a label for each text (CLS-O01 to CLS-O07)."""
    name: str = call.body.get("model") or models.default("classify", call.state).name
    examples = _examples(call, tuned=name.endswith("-ft"))
    inputs = _inputs(call)
    texts = [_input(call, text, index) for index, text in enumerate(inputs)]
    labels = [_Label(label, examples) for label in sorted({one.label for one in examples}) or _TUNED]
    several = len({example.text for example in examples}) < len(set(examples))
    close = [{label.name: label.closeness(text) for label in labels} for text in texts]
    close = inject(call, faults.CLOSENESS, close)
    predictions = [inject(call, faults.PREDICTION, _prediction(one, several=several)) for one in close]
    results = [
        {**_result(prediction, several=several), "input": text}
        for prediction, text in zip(predictions, inputs, strict=True)
    ]
    notices = sunset(call, models.find(name, call.state))
    billed = inject(call, faults.BILLED, len(results))
    body = {
        "id": new_id(),
        "classifications": inject(call, faults.RESULTS, results),
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
    """Return the examples (CLS-01).

    Raises:
        ApiError: 400, there are too few examples, or one is too long.
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


def _prediction(close: dict[str, float], *, several: bool) -> Prediction:
    """Return the labels of one text; it may have several if an example has several."""
    if several:
        scores = {label: round(one, 6) for label, one in close.items()}
        best = sorted(scores, key=lambda label: (-scores[label], label))
        return Prediction(scores, tuple([label for label in best if scores[label] >= 0.5] or best[:1]))
    powers = {label: math.exp(_SHARP * one) for label, one in close.items()}
    total = math.fsum(powers.values())
    scores = {label: power / total for label, power in powers.items()}
    return Prediction(scores, (max(scores, key=lambda label: scores[label]),))


def _result(found: Prediction, *, several: bool) -> dict[str, Any]:
    return {
        "id": new_id(),
        "prediction": found.chosen[0],
        "predictions": list(found.chosen),
        "confidence": found.confidences[0],
        "confidences": found.confidences,
        "labels": {label: {"confidence": score} for label, score in found.scores.items()},
        "classification_type": "multi-label" if several else "single-label",
    }


class _Label:
    """A label with its examples."""

    def __init__(self, name: str, examples: list[_Example]) -> None:
        self.name = name
        self._bags = {one.text: bag(one.text) for one in examples if one.label == name}

    def closeness(self, text: str) -> float:
        """Return the similarity of a text to the most similar example: 1 for an example itself."""
        # A pseudo-random part, which breaks ties between texts that share no word with any example.
        chance = 0.05 * number("classify", text, self.name) / 2**64
        if text in self._bags:
            return 1.0
        known = list(self._bags.values()) or [bag(self.name)]
        return chance + 0.9 * max(likeness(bag(text), one) for one in known)
