"""Classify: the confidences of a text depend on that text and the examples only."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

CLASSIFY = "POST /v1/classify"
pytestmark = pytest.mark.operations(CLASSIFY)
EXAMPLES = [
    {"text": "The parcel never arrived.", "label": "delivery"},
    {"text": "My order is two weeks late.", "label": "delivery"},
    {"text": "I was charged twice.", "label": "payment"},
    {"text": "The refund is missing.", "label": "payment"},
]
INPUTS = ["Where is my parcel?", "The card was charged the wrong amount.", "My order never arrived."]
TOLERANCE = 1e-3


class LabelResult(TypedDict, total=False):
    """The properties of a label that the test reads."""

    confidence: float


def classified(api: Api, inputs: list[str]) -> ApiResponse:
    """Classify texts with the same four examples."""
    if api.profile == "live-2026":
        pytest.skip("retired")
    return api.call(CLASSIFY, body={"inputs": inputs, "examples": EXAMPLES})


def confidences(response: ApiResponse, index: int) -> dict[str, float]:
    """Return the confidences of one classification by label; empty if it is missing."""
    labels = response.at(
        f"/classifications/{index}/labels", dict[str, LabelResult] | None, despite_requirements=True
    )
    return {label: result.get("confidence", 0) for label, result in (labels or {}).items()}


def require_independent(api: Api, inputs: list[str]) -> None:
    """Require that each text has the same confidences alone, among others, and in another order."""
    together = classified(api, inputs)
    alone = [classified(api, [text]) for text in inputs]
    turned = classified(api, [*inputs[1:], inputs[0]])
    changed = []
    for index, text in enumerate(inputs):
        places = ((alone[index], 0), (together, index), (turned, (index or len(inputs)) - 1))
        # A classification may be missing in one of them: that is judged by itself.
        found = [labels for place in places if (labels := confidences(*place))]
        expected = found[0] if found else {}
        changed += [
            (text, actual, expected)
            for actual in found[1:]
            if any(abs(actual.get(label, 0) - score) > TOLERANCE for label, score in expected.items())
        ]
    api.require(
        "classify.alone-as-together",
        not changed,
        turned,
        location="/classifications/*/labels",
        expected="the confidences that each text has alone",
        observed=changed,
    )


def test_other_texts_do_not_change_a_confidence(api: Api) -> None:
    """Each text has the same confidences alone, among others, and in another order."""
    require_independent(api, INPUTS)
