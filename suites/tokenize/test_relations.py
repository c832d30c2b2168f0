"""Tokenize: what its tokens must have in common, among themselves and with the text that they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

TOKENIZE, DETOKENIZE = "POST /v1/tokenize", "POST /v1/detokenize"
MODEL = "command-a-03-2025"
LONGEST = 65_536
TEXTS = {
    "plain": "Ships wait; tugs don't. 3 x 14 = 42!",
    "scripts": "Žluťoučký Ελλάδα русский עברית العربية हिन्दी ไทย 中文 日本語 한국어 ქართული አማርኛ",
    "signs": "👩🏽\u200d🚀 🇨🇭 é ḍ̇ 𝔘 𓀀 ½ … \u202bשלום\u202c",
    "space": "  two\t\ttabs\r\nand a line \u00a0 ",
    "controls": "a\u0000b\u0001c\u001f\ufeff",
}


def tokenized(api: Api, text: str, status: int | tuple[int, ...] = 200) -> ApiResponse:
    return api.call(TOKENIZE, body={"model": MODEL, "text": text}, status=status)


@pytest.mark.operations(TOKENIZE, DETOKENIZE)
@pytest.mark.parametrize("kind", TEXTS)
def test_tokens_give_the_text_back(api: Api, kind: str) -> None:
    text = TEXTS[kind]
    tokens = tokenized(api, text).at("/tokens", list[int])
    response = api.call(DETOKENIZE, body={"model": MODEL, "tokens": tokens})
    api.require(
        "tokenize.reversible",
        response.at("/text", str) == text,
        response,
        location="/text",
        expected=repr(text),
        observed=repr(response.at("/text", str)),
        value_class=kind,
    )


@pytest.mark.operations(TOKENIZE)
def test_the_same_text_has_the_same_tokens(api: Api) -> None:
    text = " ".join(TEXTS.values())
    first, second = tokenized(api, text), tokenized(api, text)
    one, other = (response.at("/tokens", list[int]) for response in (first, second))
    api.require(
        "tokenize.repeatable",
        one == other,
        second,
        location="/tokens",
        expected=f"the {len(one)} tokens of the answer before",
        observed=f"{len(other)} tokens, or others",
    )


@pytest.mark.operations(TOKENIZE)
@pytest.mark.parametrize("beyond", [0, 1])
def test_the_longest_text_is_tokenized_and_a_longer_one_refused(api: Api, beyond: int) -> None:
    # The check over one exchange looks at what is answered all the same: tokenize.text-longest.
    text = ("tide " * LONGEST)[: LONGEST + beyond]
    tokenized(api, text, (200, 400, 413, 422) if beyond else 200)
