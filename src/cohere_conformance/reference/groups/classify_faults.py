"""Faults of classify, by the stage of the handler that they change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault

if TYPE_CHECKING:
    from cohere_conformance.reference.injection import FaultTable

_Json = dict[str, Any]


@dataclass(frozen=True)
class Prediction:
    """The labels of one text.

    Attributes:
        scores: the confidence of each label.
        chosen: the predicted labels, the most confident first.
    """

    scores: dict[str, float]
    chosen: tuple[str, ...]

    @property
    def confidences(self) -> list[float]:
        """Return the confidences of the predicted labels."""
        return [self.scores[label] for label in self.chosen]


CLOSENESS: FaultTable[list[dict[str, float]]] = {
    fault("classify.position-dependent", "The confidence of a label depends on the position of its text."): (
        lambda found, _: [
            {label: value / (1 + index) for label, value in one.items()} for index, one in enumerate(found)
        ]
    ),
}
"""How close each text is to each label."""

PREDICTION: FaultTable[Prediction] = {
    fault("classify.prediction-not-argmax", "The prediction is not the label with the highest confidence."): (
        lambda found, _: Prediction(found.scores, (min(found.scores, key=lambda one: found.scores[one]),))
    ),
    fault("classify.confidence-sum", "The confidences of the labels add up to less than 1."): (
        lambda found, _: _scaled(found, 0.9)
    ),
    fault("classify.confidence-percent", "Confidences are percentages."): (
        lambda found, _: _scaled(found, 100)
    ),
}


def _scaled(found: Prediction, by: float) -> Prediction:
    return Prediction({label: by * score for label, score in found.scores.items()}, found.chosen)


def _half_confidence(result: _Json) -> _Json:
    confidences = [one / 2 for one in result["confidences"]]
    return {**result, "confidence": confidences[0], "confidences": confidences}


def _without_last_label(result: _Json) -> _Json:
    return {**result, "labels": dict([*result["labels"].items()][:-1])}


def _lower_case(result: _Json) -> _Json:
    return {
        **result,
        "prediction": result["prediction"].lower(),
        "predictions": [one.lower() for one in result["predictions"]],
        "labels": {label.lower(): value for label, value in result["labels"].items()},
    }


RESULTS: FaultTable[list[_Json]] = {
    fault("classify.confidence-differs", "The confidence is not that of the prediction."): (
        lambda results, _: [_half_confidence(one) for one in results]
    ),
    fault("classify.label-missing", "One label is missing in the confidences."): (
        lambda results, _: [_without_last_label(one) for one in results]
    ),
    fault("classify.labels-lower-case", "The labels are in lower case, whatever was sent."): (
        lambda results, _: [_lower_case(one) for one in results]
    ),
    fault("classify.input-changed", "The texts of the results are in reverse order."): (
        lambda results, _: [
            {**one, "input": other["input"]} for one, other in zip(results, results[::-1], strict=True)
        ]
    ),
    fault("classify.one-missing", "The result of the last text is missing."): lambda results, _: results[:-1],
}

BILLED: FaultTable[int] = {
    fault("classify.units-wrong", "The examples are billed as classifications."): (
        lambda billed, call: billed + len(call.body.get("examples") or ())
    ),
}
