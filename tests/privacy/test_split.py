"""A key that a server hands out in pieces is in nothing that is read or written, however it is cut."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from builders import JSON, SSE, exchange
from hypothesis import given, settings
from hypothesis import strategies as st

from cohere_conformance.model import StreamEvent
from cohere_conformance.privacy import redact, split
from cohere_conformance.privacy.leaks import leaks
from cohere_conformance.privacy.pieces import TextPiece
from cohere_conformance.privacy.secret import Secret, scrubbed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cohere_conformance.model import Exchange

KEY = "q7WzP2xK9mVbT4cRy1LhJ8sDf6GnA0eUo3iXtHwE"
NDJSON = (("content-type", "application/stream+json"),)
BEARER = (("authorization", f"Bearer {KEY}"),)


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def v2(pieces: Sequence[str]) -> list[Any]:
    deltas = [{"message": {"content": {"text": piece}}} for piece in pieces]
    return [{"type": "content-delta", "index": 0, "delta": delta} for delta in deltas]


def v1(pieces: Sequence[str]) -> list[Any]:
    return [{"event_type": "text-generation", "is_finished": False, "text": piece} for piece in pieces]


def tool(pieces: Sequence[str]) -> list[Any]:
    parts = ['{"city": "', *pieces, '"}']
    calls = [{"message": {"tool_calls": {"function": {"arguments": part}}}} for part in parts]
    return [{"type": "tool-call-delta", "index": 1, "delta": call} for call in calls]


def items(pieces: Sequence[str]) -> list[Any]:
    return [{"content": [{"type": "text", "text": piece} for piece in pieces]}]


def interleaved(pieces: Sequence[str]) -> list[Any]:
    other = [{"index": 1, "text": f"word{number}"} for number in range(len(pieces))]
    mine = [{"index": 0, "text": piece} for piece in pieces]
    return [event for pair in zip(mine, other, strict=True) for event in pair]


def unknown(pieces: Sequence[str]) -> list[Any]:
    return [{"a": {"b": [[{"strange name": piece}]]}} for piece in pieces]


def locations(pieces: Sequence[str]) -> list[Any]:
    return [{("left", "right")[number % 2]: piece} for number, piece in enumerate(pieces)]


def sse(events: Sequence[Any]) -> bytes:
    return b"".join(b"event: e\ndata: " + json.dumps(event).encode() + b"\n\n" for event in events)


def escaped(events: Sequence[Any]) -> bytes:
    text = sse(events).decode()
    for letter in "qWPK9":
        text = text.replace(letter, f"\\u{ord(letter):04x}") if f'"{letter}' in text else text
    return text.encode()


def plain_sse(events: Sequence[Any]) -> bytes:
    return b"".join(f"data: {text}\n".encode() for event in events for text in texts(event))


def ndjson(events: Sequence[Any]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def texts(value: Any) -> list[str]:
    """Return every text of a value that is not the value of a name such as `type`."""
    match value:
        case str():
            return [value]
        case dict():
            return [text for name, one in value.items() if "type" not in name for text in texts(one)]
        case list():
            return [text for one in value for text in texts(one)]
    return []


def shown(data: bytes) -> str:
    """Return the texts of a stream as a client joins them."""
    lines = [line.removeprefix("data: ") for line in data.decode().split("\n")]
    return "".join(
        text for line in lines for text in (texts(json.loads(line)) if line[:1] == "{" else [line])
    )


def longest_piece(text: str) -> int:
    """Return how many characters of the key are in a text in one piece."""
    return max(
        end - start
        for start in range(len(KEY))
        for end in range(start, len(KEY) + 1)
        if KEY[start:end] in text
    )


SHAPES = [v2, v1, tool, items, interleaved, unknown]


@pytest.mark.parametrize("size", [1, 2, 4, 7, 9, 31])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("written", "headers"), [(sse, SSE), (escaped, SSE), (ndjson, NDJSON)], ids=["sse", "escapes", "ndjson"]
)
def test_the_key_of_the_run_is_redacted_in_every_event(
    written: Callable[[Sequence[Any]], bytes],
    headers: Any,
    shape: Callable[[Sequence[str]], list[Any]],
    size: int,
) -> None:
    """No two characters of it that follow one another remain, and what is around it does."""
    sent = written(shape(["before ", *cut(KEY, size), " after"]))
    cleaned = scrubbed(exchange("POST /v2/chat", sent, headers=headers), Secret(KEY)).response.body or b""
    left = shown(cleaned)
    assert longest_piece(left) < 3
    assert "[redacted]" in left
    assert "before " in left
    assert " after" in left


@pytest.mark.parametrize("size", [3, 5, 8])
def test_parts_at_different_locations_are_found_in_order(size: int) -> None:
    """They have no place in common, so only pieces of three characters or more are recognised."""
    sent = sse(locations(cut(KEY, size)))
    cleaned = scrubbed(exchange("POST /v2/chat", sent, headers=SSE), Secret(KEY)).response.body or b""
    assert longest_piece(shown(cleaned)) < 3


def test_data_lines_that_are_not_json_are_joined() -> None:
    sent = plain_sse(v1(cut(KEY, 4)))
    cleaned = scrubbed(exchange("POST /v1/chat", sent, headers=SSE), Secret(KEY)).response.body or b""
    assert longest_piece(cleaned.decode().replace("data: ", "").replace("\n", "")) < 3


def test_half_a_key_is_redacted_if_the_stream_ends_early() -> None:
    sent = sse(v2(cut(KEY[:20], 3)))[:-9]
    cleaned = scrubbed(exchange("POST /v2/chat", sent, headers=SSE), Secret(KEY)).response.body or b""
    assert longest_piece("".join(json.loads(line[6:])["delta"]["message"]["content"]["text"]
                                 for line in cleaned.decode().split("\n")[1:-3:3])) < 3  # fmt: skip


@pytest.mark.parametrize("size", [1, 4, 31])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_key_of_the_recorded_request_is_redacted(
    shape: Callable[[Sequence[str]], list[Any]], size: int
) -> None:
    """Of recorded traffic the key is only known by the request's header."""
    for original in (
        exchange("POST /v2/chat", sse(shape(cut(KEY, size))), headers=SSE, request_headers=BEARER),
        exchange(
            "POST /v2/chat",
            None,
            headers=SSE,
            request_headers=BEARER,
            events=tuple(StreamEvent(json.dumps(event)) for event in shape(cut(KEY, size))),
        ),
    ):
        response = redact.exchange(original).response
        data = response.body or ndjson([json.loads(event.data) for event in response.events or ()])
        assert longest_piece(shown(data)) < 3


@pytest.mark.parametrize("size", [2, 5, 16])
@pytest.mark.parametrize(
    "text", [f"use Bearer {KEY} now", f'{{"api_key": "{KEY}"}}', f"https://h/?token={KEY}"]
)
def test_joined_text_that_looks_like_a_credential_is_redacted(text: str, size: int) -> None:
    """Nobody knows the key, but a client would read it after the word that says so."""
    sent = exchange("POST /v2/chat", sse(v2(cut(text, size))), headers=SSE)
    cleaned = redact.exchange(sent)
    assert longest_piece(shown(cleaned.response.body or b"")) < 3
    assert redact.exchange(cleaned) == cleaned


def test_a_stream_without_a_credential_is_unchanged() -> None:
    """Byte for byte, and with its times."""
    original = exchange(
        "POST /v2/chat", sse(v2(["a token ", "of my ", "apprecia", "tion: ", "none"])), headers=SSE
    )
    assert redact.exchange(original) == original
    assert scrubbed(original, Secret(KEY)) == original


def test_a_key_split_over_texts_of_one_response_is_redacted() -> None:
    original = exchange("POST /v2/chat", items(cut(KEY, 10))[0], headers=JSON)
    assert longest_piece(shown(scrubbed(original, Secret(KEY)).response.body or b"")) < 3


@given(
    st.lists(st.integers(1, len(KEY) - 1), max_size=12),
    st.sampled_from(SHAPES),
    st.sampled_from([sse, ndjson]),
)
@settings(derandomize=True, max_examples=150, deadline=None)
def test_a_key_split_anywhere_is_redacted(
    cuts: list[int], shape: Callable[[Sequence[str]], list[Any]], written: Callable[[Sequence[Any]], bytes]
) -> None:
    ends = sorted({0, *cuts, len(KEY)})
    pieces = [KEY[start:end] for start, end in pairwise(ends)]
    original = exchange("POST /v2/chat", written(shape(pieces)), headers=SSE)
    assert longest_piece(shown(scrubbed(original, Secret(KEY)).response.body or b"")) < 3


def test_the_search_for_leaks_finds_a_split_key_by_itself() -> None:
    """What is about to be written is searched without the code that has cleaned it."""
    for shape in SHAPES:
        if shape is not interleaved:
            assert leaks(sse(shape(cut(KEY, 5))), [Secret(KEY)]) == ["the key of the run"]
    assert leaks(sse(v2(cut(f"Bearer {KEY}", 8)))) == ["a bearer token"]
    assert leaks(sse(v2(["nothing ", "to ", "see"])), [Secret(KEY)]) == []


def test_redaction_keeps_the_structure() -> None:
    """Only texts change: every event is still JSON with the same names."""
    original: Exchange = exchange("POST /v2/chat", sse(tool(cut(KEY, 6))), headers=SSE)
    cleaned = scrubbed(original, Secret(KEY)).response.body or b""
    lines = [line for line in cleaned.decode().split("\n") if line.startswith("data: ")]
    assert [json.loads(line[6:]).keys() for line in lines] == [event.keys() for event in tool(cut(KEY, 6))]


_ESCAPES = ["a", "\n", "\u00e9", '"', "\ud83d"]
_ESCAPES += ["\\", "\\n", '\\"', "\\x", "\\u", "00e9", "\\u00e9", "\\ud83d", "\\uDE00"]


@given(st.lists(st.sampled_from(_ESCAPES), max_size=6).map("".join))
def test_each_escape_is_one_character_beside_valid_and_invalid_ones(raw: str) -> None:
    piece = TextPiece(0, 0, raw, "", "")
    spans = [piece.written(at, at + 1) for at in range(len(piece.text))]
    units = [raw[start:end] for start, end in spans]
    assert "".join(units) == raw
    assert "".join(TextPiece(0, 0, unit, "", "").text for unit in units) == piece.text


_WORDS = (
    "b B e ea rer bas ic key api_ token \" ' : = \\ %3D @ :// & ? [ { . s3cret-of-some-17 Zm9vOmJhcmJheg=="
)
_CUTS = st.sampled_from([*_WORDS.split(), "Bearer ", " ", "\t", "\n", "\u2028"])


@settings(max_examples=400)
@given(st.lists(st.lists(_CUTS, max_size=5).map("".join), min_size=1, max_size=8), st.booleans())
def test_what_looks_like_a_credential_in_joined_texts_leaves_traces_in_each_of_them(
    texts: list[str], raw: bool
) -> None:
    """The quick search passes over no stream in which the slow one finds something."""
    body = plain_sse(v2(texts)) if raw else sse(v2(texts))
    response = exchange("POST /v2/chat", body, headers=SSE).response
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(split, "_has_traces", lambda response: True)
        slow = split.without_named(response, set())
    assert split.without_named(response, set()) == slow
