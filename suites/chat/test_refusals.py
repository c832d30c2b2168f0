"""Chat: statuses of rejected requests, and headers that count tokens and characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

CHAT = "POST /v2/chat"
BODY = {
    "messages": [{"role": "user", "content": "Say hello."}],
    "max_tokens": 8,
}
ANY = (200, 400, 404, 422)
pytestmark = [pytest.mark.operations(CHAT), pytest.mark.protocol]


def small(api: Api, **further: object) -> dict[str, object]:
    """Return the body of a small request."""
    return {"model": api.models["chat"], **BODY, **further}


def test_tokens_and_characters_are_told(api: Api) -> None:
    """Each response has the headers `num_tokens` and `num_chars`, by which users watch their consumption."""
    response = api.call(CHAT, body=small(api))
    missing = [name for name in ("num_tokens", "num_chars") if response.header(name) is None]
    api.require(
        "common.counts-told",
        not missing,
        response,
        location=f"header:{missing[0]}" if missing else "",
        expected="num_tokens and num_chars",
        observed=f"{', '.join(missing)} missing",
    )


def test_unknown_fields_are_refused_with_422(api: Api) -> None:
    """An unknown property is rejected with 422, not with another status."""
    response = api.call(CHAT, body=small(api, conformance_colour="blue"), status=ANY)
    api.require(
        "common.v2-unknown-field-status",
        response.status in {200, 422},  # another requirement judges a 200
        response,
        expected="status 422",
        observed=str(response.status),
    )


def test_an_unknown_model_is_not_found(api: Api) -> None:
    """A model name that does not exist gets 404."""
    # The request of the case chat.v2.unknown-model: a night sends it once.
    body = {"model": "conformance-no-such-model", "messages": BODY["messages"]}
    response = api.call(CHAT, body=body, status=ANY)
    api.require(
        "common.unknown-model-status",
        response.status == 404,
        response,
        expected="status 404",
        observed=str(response.status),
    )
