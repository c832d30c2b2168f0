"""Which model each role of the cases means."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.errors import UsageError
from cohere_conformance.model import Response
from cohere_conformance.session.role_models import check_models, parse_models, resolved

if TYPE_CHECKING:
    from collections.abc import Mapping


def listing(*models: dict[str, Any], status: int = 200, body: object = None) -> Response:
    content = {"models": list(models)} if body is None else body
    return Response(status=status, headers=(), body=json.dumps(content).encode())


def entry(name: object, *endpoints: str, **further: object) -> dict[str, Any]:
    return {"name": name, "endpoints": list(endpoints), **further}


def chosen(role: str, response: Response | None, given: Mapping[str, str] | None = None) -> tuple[str, str]:
    (found,) = resolved([role], given or {}, "contract", response)
    return found.model, found.source


LISTED, PROFILE = "GET /v1/models", "profile contract"


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        # The default of the profile, if it is listed.
        ((entry("command-r-08-2024", "chat"), entry("command-a-03-2025", "chat")), "command-a-03-2025"),
        # Else a model that we know.
        ((entry("a-first", "chat"), entry("command-r-08-2024", "chat")), "command-r-08-2024"),
        # Else any that serves the endpoint, its default first.
        ((entry("b", "chat"), entry("a", "chat"), entry("0", "embed")), "a"),
        ((entry("a", "chat"), entry("z", "chat", default_endpoints=["chat"])), "z"),
        # Never one that is retired, deprecated or fine-tuned.
        ((entry("command-r-plus", "chat"), entry("llama", "chat")), "llama"),
        ((entry("command-a-03-2025", "chat", is_deprecated=True), entry("llama", "chat")), "llama"),
        ((entry("a-ft", "chat", finetuned=True), entry("llama", "chat")), "llama"),
    ],
)
def test_a_listed_model_is_chosen_whatever_the_order(
    models: tuple[dict[str, Any], ...], expected: str
) -> None:
    assert chosen("chat", listing(*models)) == (expected, LISTED)
    assert chosen("chat", listing(*reversed(models))) == (expected, LISTED)


def test_what_we_know_of_a_model_counts_more_than_its_entry() -> None:
    """Transcription models have no endpoint in the list, and features may be missing there."""
    assert chosen("vision", listing(entry("command-a-vision-07-2025", "chat"))) == (
        "command-a-vision-07-2025",
        LISTED,
    )
    assert chosen("transcribe", listing(entry("cohere-transcribe-03-2026")))[1] == LISTED
    assert chosen("embed", listing(entry("embed-english-v3.0", "embed")))[1] == PROFILE, "no output_dimension"
    assert chosen("embed", listing(entry("embed-v5.0-fast", "embed"))) == ("embed-v5.0-fast", LISTED)


def test_an_unknown_model_needs_the_features_of_the_role() -> None:
    seeing, blind = entry("s", "chat", features=["vision"]), entry("b", "chat", features=None)
    assert chosen("vision", listing(blind, seeing)) == ("s", LISTED)
    assert chosen("text-only", listing(blind, seeing)) == ("b", LISTED)
    assert chosen("vision", listing(blind)) == ("command-a-vision-07-2025", PROFILE)


@pytest.mark.parametrize(
    "response",
    [
        None,
        listing(status=404),
        listing(entry("command-a-03-2025", "chat"), status=500),
        listing(body=[]),
        listing(body={"models": {}}),
        listing(
            body={"models": [None, 7, {}, {"name": 7}, entry("two words", "chat"), entry("\x1b[31m", "chat")]}
        ),
        Response(status=200, headers=(), body=b"{"),
        Response(status=200, headers=(), body=b"\xff\xfe"),
        Response(status=200, headers=(), body=b"[" * 100_000),
        Response(status=200, headers=(), body=None),
    ],
)
def test_without_a_usable_list_the_profile_decides(response: Response | None) -> None:
    assert chosen("chat", response) == ("command-a-03-2025", PROFILE)


def test_the_caller_decides_first() -> None:
    response = listing(entry("command-a-03-2025", "chat"))
    assert chosen("chat", response, {"chat": "mine"}) == ("mine", "--model")


def test_models_are_given_by_role() -> None:
    assert parse_models(["chat=a", "embed= b=c "]) == {"chat": "a", "embed": "b=c"}
    assert parse_models(["chat=a", "chat=a"]) == {"chat": "a"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["command-a"], "expected ROLE=NAME"),
        (["chat=a", "chat=b"], "one model for chat, got two"),
        (["chad=a"], "did you mean|chat"),
        (["chat="], "expected the name of a model"),
        (["chat=two words"], "expected the name of a model"),
        ([f"chat={'x' * 201}"], "expected the name of a model"),
        (["chat=embed-v4.0"], "expected a model that serves chat"),
    ],
)
def test_a_wrong_role_or_name_is_a_usage_error(given: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_models(parse_models(given))
