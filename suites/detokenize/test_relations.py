"""Detokenize: token ids of a text give that text again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

TOKENIZE, DETOKENIZE = "POST /v1/tokenize", "POST /v1/detokenize"
BEFORE, AFTER = "Rain fell on ", "the harbour of Reykjavík, 12 °C."


def tokens(api: Api, text: str) -> list[int]:
    """Tokenize a text and return the token ids."""
    return api.call(TOKENIZE, body={"model": api.models["chat"], "text": text}).at("/tokens", list[int])


def detokenized(api: Api, ids: list[int], status: int | tuple[int, ...] = 200) -> ApiResponse:
    """Detokenize token ids."""
    return api.call(DETOKENIZE, body={"model": api.models["chat"], "tokens": ids}, status=status)


def require_joined(api: Api, before: str, after: str) -> None:
    """Require that two token lists joined give their two texts joined."""
    first, second = tokens(api, before), tokens(api, after)
    parts = [detokenized(api, ids).at("/text", str) for ids in (first, second)]
    response = detokenized(api, first + second)
    api.require(
        "detokenize.joined",
        response.at("/text", str) == "".join(parts),
        response,
        location="/text",
        expected=f"the texts of both lists, {''.join(parts)!r}",
        observed=repr(response.at("/text", str)),
    )


def require_refused(api: Api, token: int) -> None:
    """Require that a token id outside the vocabulary gets a status from 400 to 499."""
    response = detokenized(api, [token], (200, 400, 404, 422, 500))
    api.require(
        "detokenize.foreign",
        400 <= response.status < 500,
        response,
        expected="a status from 400 to 499",
        observed=str(response.status),
        value_class=str(response.status),
    )


def require_inverse(api: Api, text: str) -> None:
    """Require that detokenizing the tokens of a text returns the text."""
    response = detokenized(api, tokens(api, text))
    api.require(
        "detokenize.inverse",
        response.at("/text", str) == text,
        response,
        location="/text",
        expected=repr(text),
        observed=repr(response.at("/text", str)),
    )


@pytest.mark.operations(TOKENIZE, DETOKENIZE)
@pytest.mark.parametrize("text", [AFTER, f" {BEFORE}"], ids=["word", "space"])
def test_tokens_give_the_text_that_they_come_from(api: Api, text: str) -> None:
    """Detokenizing the tokens of a text returns the text, also with umlauts and a leading space."""
    require_inverse(api, text)


@pytest.mark.operations(TOKENIZE, DETOKENIZE)
def test_lists_of_tokens_can_be_joined(api: Api) -> None:
    """Two token lists joined give their two texts joined: clients detokenize streams piece by piece."""
    require_joined(api, BEFORE, AFTER)


@pytest.mark.operations(DETOKENIZE)
@pytest.mark.parametrize("token", [-1, 2**31 - 1], ids=["negative", "large"])
def test_a_token_that_nobody_has_is_refused(api: Api, token: int) -> None:
    """A token id outside the vocabulary gets a status from 400 to 499, not a server error."""
    require_refused(api, token)
