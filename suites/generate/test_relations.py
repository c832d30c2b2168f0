"""Generate: what several answers must have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

GENERATE = "POST /v1/generate"
pytestmark = pytest.mark.operations(GENERATE)


def written(api: Api, **further: object) -> ApiResponse:
    if api.profile == "live-2026":
        pytest.skip("retired")
    body = {
        "model": "command",
        "prompt": "Three sentences about the tides of the North Sea.",
        "max_tokens": 60,
    }
    return api.call(GENERATE, body=body | {"temperature": 0, "seed": 7} | further)


def text_of(response: ApiResponse) -> str:
    return response.at("/generations/0/text", str)


def test_a_stop_sequence_stays_where_an_end_sequence_goes(api: Api) -> None:
    ended, stopped = written(api, end_sequences=["."]), written(api, stop_sequences=["."])
    api.require(
        "generate.stop-is-end-and-sequence",
        text_of(stopped) == f"{text_of(ended)}.",
        stopped,
        location="/generations/*/text",
        expected=f"{text_of(ended)!r} and a full stop",
        observed=text_of(stopped),
    )


def test_a_stream_writes_the_same_text(api: Api) -> None:
    at_once, streamed = written(api), written(api, stream=True)
    api.require(
        "generate.stream-same",
        text_of(streamed) == text_of(at_once),
        streamed,
        location="/generations/*/text",
        expected=repr(text_of(at_once)),
        observed=text_of(streamed),
    )
