"""Incomplete characters in texts, and labels that change their case."""

from __future__ import annotations

from typing import Any

import pytest
from builders import exchange
from violations import violated

CHAT, CLASSIFY = "POST /v2/chat", "POST /v1/classify"
ASKED = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Crème brûlée?"}]}
USED = {
    "billed_units": {"input_tokens": 1, "output_tokens": 1},
    "tokens": {"input_tokens": 1, "output_tokens": 1},
}
WHOLE = "text-whole"


def replied(text: str, asked: Any = ASKED, finish: str = "COMPLETE") -> list[str]:
    answer = {
        "id": "5ab8d1b5-3d3b-4d2d-9b1a-6f7f4d2b1c11",
        "finish_reason": finish,
        "message": {"role": "assistant", "content": [{"type": "text", "text": text}]},
        "usage": USED,
    }
    return [one for one in violated(exchange(CHAT, answer, request=asked), "common") if one == WHOLE]


@pytest.mark.parametrize(
    ("text", "torn"),
    [
        ("Crème brûlée", False),
        ("Cr\ufffd\ufffdme", True),
        ("\ufffdme", True),
        ("Cr\ufffd", False),
        ("Cr\ufffd\ufffd", False),
        ("\ufffd", False),
        ("", False),
    ],
)
def test_a_torn_character_within_a_text_is_found(text: str, torn: bool) -> None:
    """At the end of a text it may be the cut, anywhere else the bytes were decoded piece by piece."""
    assert replied(text) == [WHOLE] * torn


@pytest.mark.parametrize("content", ["What is \ufffd?", "half \ud83e", "x\ufffd"])
def test_what_was_sent_may_come_back(content: str) -> None:
    """U+FFFD of the request, and the replacement for half a surrogate pair."""
    asked = {**ASKED, "messages": [{"role": "user", "content": content}]}
    assert replied("It is \ufffd, a sign.", asked) == []


def test_a_label_keeps_its_capitals() -> None:
    """Another label is another requirement's matter."""
    asked = {
        "inputs": ["a"],
        "examples": [
            {"text": str(n), "label": label} for n, label in enumerate(("Late", "PAID", "Late", "PAID"))
        ],
    }

    def found(*labels: str) -> bool:
        result = {
            "id": "5ab8d1b5-3d3b-4d2d-9b1a-6f7f4d2b1c11",
            "input": "a",
            "prediction": labels[0],
            "predictions": [labels[0]],
            "confidence": 0.5,
            "confidences": [0.5],
            "labels": {label: {"confidence": 0.5} for label in labels},
            "classification_type": "single-label",
        }
        answer = {"id": result["id"], "classifications": [result]}
        reported = violated(exchange(CLASSIFY, answer, request=asked), "classify")
        return "labels-verbatim" in reported

    assert not found("Late", "PAID")
    assert found("late", "paid")
    assert found("Late", "Paid")
    assert not found("early", "free")
