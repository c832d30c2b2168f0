"""Classify: inputs, labels and confidences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.frame import cut
from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.checks.values import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence, Json

_SUM, _FLOAT = 1e-3, 1e-6
"""Tolerance for sums and for equal 32-bit numbers."""


def _results(evidence: Evidence) -> list[Json]:
    return evidence.response.get("classifications") or []


def _is_single(result: Json) -> bool:
    return bool(result["classification_type"] == "single-label")


def _scores(result: Json) -> dict[str, float]:
    """Return the confidence in each label that has one."""
    labels = result["labels"].items()
    return {label: one["confidence"] for label, one in labels if one.get("confidence") is not None}


def _predicted(result: Json) -> str | None:
    predictions = result["predictions"]
    return predictions[0] if predictions else None


def _examples(sent: Json) -> dict[str, set[str]]:
    """Return the labels of each example, by its text."""
    found: dict[str, set[str]] = {}
    examples: Any = sent.get("examples")
    for example in examples if isinstance(examples, list) else ():
        text, label = (example.get("text"), example.get("label")) if isinstance(example, dict) else ("", "")
        if isinstance(text, str) and isinstance(label, str):
            found.setdefault(text, set()).add(label)
    return found


@check("classify.one-per-input")
def one_per_input(evidence: Evidence) -> Iterator[Breach]:
    """Each input has one classification, in the order of the inputs, and its text is that of the input.

    Source: CLS-O01.
    """
    inputs, results = evidence.sent.get("inputs"), _results(evidence)
    if not isinstance(inputs, list):
        return
    if len(results) != len(inputs):
        yield Breach("/classifications", f"{len(inputs)} classifications", f"{len(results)}", "count")
        return
    for text, result in zip(inputs, results, strict=True):
        reported = result.get("input")
        if reported is not None and reported != text:
            yield Breach("/classifications/*/input", cut(repr(text)), cut(repr(reported)), "text")
            return


@check("classify.prediction")
def prediction(evidence: Evidence) -> Iterator[Breach]:
    """The prediction for a single-label input is the label with the highest confidence (CLS-O02)."""
    return each(_results(evidence), _prediction)


def _prediction(result: Json) -> Iterator[Breach]:
    if not _is_single(result):
        return
    predictions, scores = result["predictions"], _scores(result)
    reported = result.get("prediction")
    location = "/classifications/*/predictions"
    if len(predictions) != 1 or (reported is not None and reported != predictions[0]):
        yield Breach(location, "one prediction, equal in both properties", str(predictions), "told")
        return
    best = max(scores.values(), default=0)
    if scores.get(predictions[0], best) < best - _FLOAT:
        wanted = max(scores, key=lambda label: scores[label])
        yield Breach(location, f"{wanted}, the label of most confidence", predictions[0], "best")


@check("classify.confidence-sum")
def confidence_sum(evidence: Evidence) -> Iterator[Breach]:
    """The confidences of all labels of a single-label input add up to 1 (CLS-O03)."""
    return each(_results(evidence), _confidence_sum)


def _confidence_sum(result: Json) -> Iterator[Breach]:
    scores = _scores(result) if _is_single(result) else {}
    if scores and abs(sum(scores.values()) - 1) > _SUM:
        yield Breach("/classifications/*/labels", "confidences of one in all", f"{sum(scores.values())}")


@check("classify.confidence-range")
def confidence_range(evidence: Evidence) -> Iterator[Breach]:
    """Every confidence is between 0 and 1 (CLS-O03)."""
    return each(_results(evidence), _confidence_range)


def _confidence_range(result: Json) -> Iterator[Breach]:
    for score in (*_scores(result).values(), *result["confidences"]):
        if not -_FLOAT <= score <= 1 + _FLOAT:
            yield Breach("/classifications/*/labels", "confidences from 0 to 1", f"{score}")
            return


@check("classify.confidence-of-prediction")
def confidence_of_prediction(evidence: Evidence) -> Iterator[Breach]:
    """The first confidence is that of the predicted label (CLS-O04)."""
    return each(_results(evidence), _confidence_of_prediction)


def _confidence_of_prediction(result: Json) -> Iterator[Breach]:
    wanted = _scores(result).get(_predicted(result) or "")
    reported = [result.get("confidence"), *result["confidences"][:1]]
    for one in reported if wanted is not None else ():
        if one is not None and wanted is not None and abs(one - wanted) > _FLOAT:
            location = "/classifications/*/confidences"
            yield Breach(location, f"{wanted}, the confidence in what is predicted", f"{one}")
            return


@check("classify.labels-of-examples")
def labels_of_examples(evidence: Evidence) -> Iterator[Breach]:
    """The labels of a classification are exactly those of the examples (CLS-O05)."""
    known = {label for labels in _examples(evidence.sent).values() for label in labels}
    for result in _results(evidence) if known else ():
        if result["labels"].keys() != known:
            location = "/classifications/*/labels"
            yield Breach(location, f"the labels {sorted(known)}", f"{sorted(result['labels'])}")
            return


@check("classify.labels-verbatim")
def labels_verbatim(evidence: Evidence) -> Iterator[Breach]:
    """The labels of the examples are returned unchanged, including their case (CLS-O05)."""
    known = {label for labels in _examples(evidence.sent).values() for label in labels}
    folded = {label.casefold(): label for label in known}
    for result in _results(evidence) if known else ():
        for label in (*result["labels"], *result["predictions"]):
            if label not in known and label.casefold() in folded:
                yield Breach("/classifications/*/labels", folded[label.casefold()], label)
                return


@check("classify.billed")
def billed(evidence: Evidence) -> Iterator[Breach]:
    """As many classifications are billed as inputs are sent (CLS-O06)."""
    inputs = evidence.sent.get("inputs")
    units = ((evidence.response.get("meta") or {}).get("billed_units") or {}).get("classifications")
    if isinstance(inputs, list) and units is not None and units != len(inputs):
        yield Breach("/meta/billed_units/classifications", f"{len(inputs)}, one for each input", f"{units}")


@check("classify.examples-themselves")
def examples_themselves(evidence: Evidence) -> Iterator[Breach]:
    """An input that equals an example gets the label of that example (CLS-O07)."""
    examples, inputs = _examples(evidence.sent), evidence.sent.get("inputs")
    if not isinstance(inputs, list) or not examples:
        return
    for text, result in zip(inputs, _results(evidence), strict=False):
        labels = examples.get(text, set()) if isinstance(text, str) else set()
        if len(labels) == 1 and labels != {_predicted(result)}:
            location = "/classifications/*/predictions"
            yield Breach(location, f"{min(labels)}, the label of the example", str(_predicted(result)))
            return
