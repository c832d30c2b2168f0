"""Classify: what several answers must have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

CLASSIFY = "POST /v1/classify"
pytestmark = pytest.mark.operations(CLASSIFY)
EXAMPLES = [
    {"text": "The parcel never came.", "label": "delivery"},
    {"text": "My order is two weeks late.", "label": "delivery"},
    {"text": "I was charged twice.", "label": "payment"},
    {"text": "The refund is missing.", "label": "payment"},
]
INPUTS = ["Where is my parcel?", "The card was charged the wrong amount.", "My order never came."]
TOLERANCE = 1e-3


class Told(TypedDict, total=False):
    """What is read of one label."""

    confidence: float


def classified(api: Api, inputs: list[str]) -> ApiResponse:
    if api.profile == "live-2026":
        pytest.skip("retired")
    return api.call(CLASSIFY, body={"inputs": inputs, "examples": EXAMPLES})


def confidences(response: ApiResponse, index: int) -> dict[str, float]:
    labels = response.at(f"/classifications/{index}/labels", dict[str, Told])
    return {label: told.get("confidence", 0) for label, told in labels.items()}


def test_other_texts_do_not_change_a_confidence(api: Api) -> None:
    together = classified(api, INPUTS)
    alone = [classified(api, [text]) for text in INPUTS]
    turned = classified(api, INPUTS[::-1])
    moved = []
    for index, text in enumerate(INPUTS):
        wanted = confidences(alone[index], 0)
        for response, where in ((together, index), (turned, len(INPUTS) - 1 - index)):
            told = confidences(response, where)
            if any(abs(told.get(label, 0) - score) > TOLERANCE for label, score in wanted.items()):
                moved.append((text, told, wanted))
    api.require(
        "classify.alone-as-together",
        not moved,
        turned,
        location="/classifications/*/labels",
        expected="the confidences of each text by itself",
        observed=moved,
    )
