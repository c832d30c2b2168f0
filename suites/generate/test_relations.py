"""Generate: where a generation ends, and streaming."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

GENERATE = "POST /v1/generate"
pytestmark = pytest.mark.operations(GENERATE)


PROMPT = "Three sentences about the tides of the North Sea."


def generate(api: Api, prompt: str, **further: object) -> ApiResponse:
    """Generate with as little randomness as possible."""
    if api.profile == "live-2026":
        pytest.skip("retired")
    body = {
        "model": api.models["generate"],
        "prompt": prompt,
        "max_tokens": 60,
    }
    return api.call(GENERATE, body=body | {"temperature": 0, "seed": 7} | further)


def text_of(response: ApiResponse) -> str:
    """Return the text of the first generation, wherever it ends."""
    return response.at("/generations/0/text", str, despite_requirements=True)


def require_same_end(api: Api, prompt: str) -> None:
    """Require that `stop_sequences` and `end_sequences` end the same text.

    Whether the sequence is in the text is judged by the requirements generate.end-sequence-cut and
    generate.stop-sequence-kept.
    """
    with_end = generate(api, prompt, end_sequences=["."])
    with_stop = generate(api, prompt, stop_sequences=["."])
    api.require(
        "generate.stop-is-end-and-sequence",
        text_of(with_stop).removesuffix(".") == text_of(with_end).removesuffix("."),
        with_stop,
        location="/generations/*/text",
        expected=f"{text_of(with_end).removesuffix('.')!r} and a full stop",
        observed=text_of(with_stop),
    )


def require_same_stream(api: Api, prompt: str) -> None:
    """Require the same text with and without streaming."""
    complete, streamed = generate(api, prompt), generate(api, prompt, stream=True)
    api.require(
        "generate.stream-same",
        text_of(streamed) == text_of(complete),
        streamed,
        location="/generations/*/text",
        expected=repr(text_of(complete)),
        observed=text_of(streamed),
    )


def test_a_stop_sequence_stays_where_an_end_sequence_goes(api: Api) -> None:
    """`stop_sequences` keeps the sequence in the text, `end_sequences` cuts it off; else both end alike."""
    require_same_end(api, PROMPT)


def test_a_stream_writes_the_same_text(api: Api) -> None:
    """The generation is the same with and without streaming, at temperature 0 with a seed."""
    require_same_stream(api, PROMPT)
