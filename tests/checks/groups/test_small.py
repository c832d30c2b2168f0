"""Tokenize, detokenize, check-api-key and audio: each check finds its violation and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import JSON, UUID, exchange
from violations import looked_at, shipped, violated

if TYPE_CHECKING:
    from cohere_conformance.model import Headers

TOKENIZE, DETOKENIZE = "POST /v1/tokenize", "POST /v1/detokenize"
KEY, AUDIO = "POST /v1/check-api-key", "POST /v2/audio/transcriptions"
FORM: Headers = (("content-type", 'multipart/form-data; boundary="xyz"'),)
META = {"api_version": {"version": "1"}}
BILLED = {"meta": META | {"billed_units": {"input_tokens": 2}}}
TEXT = {"model": "command-a-03-2025", "text": "Hi you"}
HI = {"tokens": [0, 7], "token_strings": ["Hi", " you"], "meta": META}
SAID = {"text": "Hi", "meta": META}
CALLS = {"tokenize": TOKENIZE, "detokenize": DETOKENIZE, "check-api-key": KEY, "audio": AUDIO}


def form(*names: str) -> bytes:
    file = b'; filename="a.wav"\r\nContent-Type: audio/wav'
    parts = (
        b'--xyz\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\nfile\r\n'
        % (name.encode(), file if name == "file" else b"")
        for name in names
    )
    return b"".join(parts) + b"--xyz--\r\n"


CONFORMING: list[tuple[str, Any, Any]] = [
    ("tokenize", TEXT, HI),
    ("tokenize", None, HI),
    ("tokenize", TEXT, HI | {"meta": META | {"billed_units": {"input_tokens": 0}}}),
    ("tokenize", TEXT | {"text": "é!"}, HI | {"token_strings": ["\ufffd", "\ufffd!"]}),
    ("tokenize", TEXT | {"model": "embed-english-v3.0"}, HI | {"token_strings": ["hi", "you"]}),
    ("tokenize", TEXT | {"text": "tide" * 16_384}, {"tokens": [1], "token_strings": ["tide" * 16_384]}),
    ("tokenize", TEXT, None),
    ("detokenize", {"tokens": [0, 7]}, SAID),
    ("detokenize", None, {"text": ""}),
    ("check-api-key", None, {"valid": True, "organization_id": UUID}),
    ("check-api-key", None, None),
    ("audio", form("model", "language", "file"), {"text": " Hi."}),
    ("audio", b"", {"text": ""}),
    ("audio", None, None),
]
VIOLATING: list[tuple[str, Any, Any]] = [
    ("tokenize.strings", TEXT, HI | {"tokens": [0, 7, 8]}),
    ("tokenize.ids", TEXT, HI | {"tokens": [-1, 7]}),
    ("tokenize.joined", TEXT, HI | {"token_strings": ["hi", "you"]}),
    ("tokenize.free", TEXT, HI | BILLED),
    ("tokenize.text-empty", TEXT | {"text": ""}, {"tokens": [], "token_strings": []}),
    ("tokenize.text-empty", {"model": "command-a-03-2025"}, HI),
    ("tokenize.text-longest", {"text": "a" * 65_537}, HI),
    ("detokenize.free", {"tokens": [0, 7]}, SAID | BILLED),
    ("check-api-key.valid", None, {"valid": False}),
    ("audio.text-alone", form("model", "language", "file"), {"text": "Hi", "id": UUID}),
    ("audio.file-last", form("model", "file", "language"), {"text": "Hi"}),
]


def seen(group: str, sent: Any, body: Any, headers: Headers = JSON) -> list[str]:
    sent_headers = FORM if group == "audio" else JSON
    made = exchange(CALLS[group], body, headers=headers, request=sent, request_headers=sent_headers)
    return violated(made, group)


@pytest.mark.parametrize(("group", "sent", "body"), CONFORMING)
def test_valid_responses_violate_nothing(group: str, sent: Any, body: Any) -> None:
    assert seen(group, sent, body) == []


@pytest.mark.parametrize(("name", "sent", "body"), VIOLATING)
def test_each_violation_is_reported(name: str, sent: Any, body: Any) -> None:
    group, _, rest = name.partition(".")
    assert seen(group, sent, body) == [rest]


def test_a_count_of_tokens_is_not_the_text_alone() -> None:
    assert seen("audio", b"", {"text": ""}, (*JSON, ("num_tokens", "3"))) == ["text-alone"]


@pytest.mark.parametrize("group", CALLS)
def test_every_check_has_a_violation(group: str) -> None:
    names = [row[0].partition(".") for row in VIOLATING]
    assert {rest for own, _, rest in names if own == group} == looked_at(group)


@pytest.mark.parametrize("group", CALLS)
def test_shipped_examples_can_be_judged(group: str) -> None:
    assert [violated(one, group) for one in shipped(group)]
