"""Tokenize: tokens represent the text without loss, and always in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

TOKENIZE, DETOKENIZE = "POST /v1/tokenize", "POST /v1/detokenize"
LONGEST = 65_536
TEXTS = {
    "plain": "Ships wait; tugs don't. 3 x 14 = 42!",
    "scripts": "Žluťoučký Ελλάδα русский עברית العربية हिन्दी ไทย 中文 日本語 한국어 ქართული አማርኛ",
    "signs": "👩🏽\u200d🚀 🇨🇭 é ḍ̇ 𝔘 𓀀 ½ … \u202bשלום\u202c",
    "space": "  two\t\ttabs\r\nand a line \u00a0 ",
    "controls": "a\u0000b\u0001c\u001f\ufeff",
}


def tokenized(api: Api, text: str, status: int | tuple[int, ...] = 200) -> ApiResponse:
    """Tokenize a text."""
    return api.call(TOKENIZE, body={"model": api.models["chat"], "text": text}, status=status)


def require_reversible(api: Api, text: str, kind: str) -> None:
    """Require that the tokens of a text give the text back."""
    tokens = tokenized(api, text).at("/tokens", list[int])
    response = api.call(DETOKENIZE, body={"model": api.models["chat"], "tokens": tokens})
    api.require(
        "tokenize.reversible",
        response.at("/text", str) == text,
        response,
        location="/text",
        expected=repr(text),
        observed=repr(response.at("/text", str)),
        value_class=kind,
    )


def require_repeatable(api: Api, text: str) -> None:
    """Require that a text has the same tokens twice."""
    first, second = tokenized(api, text), tokenized(api, text)
    first_tokens, second_tokens = (
        response.at("/tokens", list[int], despite_requirements=True) for response in (first, second)
    )
    api.require(
        "tokenize.repeatable",
        first_tokens == second_tokens,
        second,
        location="/tokens",
        expected=f"the {len(first_tokens)} tokens of the first response",
        observed=f"{len(second_tokens)} tokens, not the same",
    )


def require_longest(api: Api, repeated: str, beyond: int) -> None:
    """Require that the longest allowed text is tokenized, and one that is so much longer rejected."""
    # Whether it has to be rejected is judged by the requirement tokenize.text-longest.
    text = (repeated * LONGEST)[: LONGEST + beyond]
    tokenized(api, text, (200, 400, 413, 422) if beyond else 200)


@pytest.mark.operations(TOKENIZE, DETOKENIZE)
@pytest.mark.parametrize("kind", TEXTS)
def test_tokens_give_the_text_back(api: Api, kind: str) -> None:
    """Texts in many scripts, with emoji, white space or control characters survive the round trip."""
    require_reversible(api, TEXTS[kind], kind)


@pytest.mark.operations(TOKENIZE)
def test_the_same_text_has_the_same_tokens(api: Api) -> None:
    """Tokenizing a text twice gives the same tokens, so that clients can cache the count."""
    require_repeatable(api, " ".join(TEXTS.values()))


@pytest.mark.operations(TOKENIZE)
@pytest.mark.parametrize("beyond", [0, 1])
def test_the_longest_text_is_tokenized_and_a_longer_one_refused(api: Api, beyond: int) -> None:
    """A text of 65,536 characters is tokenized; one of 65,537 characters is rejected."""
    require_longest(api, "tide ", beyond)
