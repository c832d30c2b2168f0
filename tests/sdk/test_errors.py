"""Refusals arrive as the exceptions that the SDK has for them, from plain calls and from streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.reference.keys import EXPIRED, PRODUCTION, TRIAL

cohere = pytest.importorskip("cohere", reason="the official SDK is an optional extra")

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Made, Sdk

CHAT = "command-a-03-2025"
TURN = {"role": "user", "content": "When does the ferry leave?"}
UNKNOWN_FIELD = {"additional_body_parameters": {"colour": "red"}}
CLIENTS = ("ClientV2", "AsyncClientV2")

REFUSALS: tuple[tuple[type[Exception], int, str, Callable[[Any], Any], str], ...] = (
    (cohere.UnauthorizedError, 401, "nobody's-key", lambda one: one.models.list(), "Incorrect API key"),
    (cohere.UnauthorizedError, 401, EXPIRED, lambda one: one.models.list(), "expired"),
    (cohere.NotFoundError, 404, PRODUCTION, lambda one: one.datasets.get("none"), "not found"),
    (cohere.NotFoundError, 404, PRODUCTION, lambda one: one.chat(model="none", messages=[TURN]), "not found"),
    (
        cohere.NotFoundError,
        404,
        PRODUCTION,
        lambda one: one.chat_stream(model="none", messages=[TURN]),
        "not found",
    ),
    (
        cohere.BadRequestError,
        400,
        PRODUCTION,
        lambda one: one.tokenize(text="", model=CHAT, offline=False),
        "text",
    ),
    (
        cohere.UnprocessableEntityError,
        422,
        PRODUCTION,
        lambda one: one.chat(model=CHAT, messages=[TURN], request_options=UNKNOWN_FIELD),
        "colour",
    ),
)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(("error", "status", "key", "work", "words"), REFUSALS)
def test_a_refusal_is_the_exception_of_its_status(
    sdk: Sdk,
    client: str,
    error: type[Exception],
    status: int,
    key: str,
    work: Callable[[Any], Any],
    words: str,
) -> None:
    async def refused(one: Any) -> Any:
        with pytest.raises(error) as caught:
            await sdk.got(work(one))
        return caught.value

    refusal, wire = sdk.do(client, refused, key=key)
    assert refusal.status_code == status
    assert words in refusal.body["message"]
    assert [one for one in wire.findings if one.kind != "request-invalid"] == []


@pytest.mark.parametrize("client", CLIENTS)
def test_a_trial_key_is_forbidden_what_needs_another_one(sdk: Sdk, made: Made, client: str) -> None:
    with pytest.raises(cohere.ForbiddenError, match="production key"):
        sdk.do(client, lambda one: one.batches.create(request=made.batch_request()), key=TRIAL)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_trial_key_has_its_limit(sdk: Sdk, made: Made, client: str) -> None:
    given = {"model": "cohere-transcribe-03-2026", "language": "en", "file": ("tone.wav", made.tone(1))}

    async def work(one: Any) -> list[str]:
        answers = [await sdk.got(one.audio.transcriptions.create(**given)) for _ in range(5)]
        return [answer.text for answer in answers]

    sdk.state.clock.advance(60)
    texts, _ = sdk.do(client, work, key=TRIAL)
    assert len(set(texts)) == 1
    with pytest.raises(cohere.TooManyRequestsError, match="limited to 5 API calls / minute"):
        sdk.do(client, work, key=TRIAL)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "work",
    [
        lambda one: one.summarize(text="A ferry. " * 40),
        lambda one: one.classify(inputs=["a boat"], examples=[]),
        lambda one: one.generate(prompt="A ferry"),
        lambda one: one.connectors.get("papers"),
    ],
    ids=["summarize", "classify", "generate", "connectors"],
)
def test_what_the_live_service_took_away_is_not_found(live: Sdk, client: str, work: Any) -> None:
    with pytest.raises(cohere.NotFoundError, match="removed"):
        live.do(client, work)
