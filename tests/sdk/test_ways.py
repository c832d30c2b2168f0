"""Responses whose request was not recorded: every way in which the official SDK could parse them."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from builders import JSON, SSE, exchange, sse
from msgspec.structs import replace

from cohere_conformance.data import folder
from cohere_conformance.golden.store import find, load
from cohere_conformance.model import Finding, Kind, Severity
from cohere_conformance.report.finding_effect import effect_of
from cohere_conformance.report.sdk_effect import SdkOutcome
from cohere_conformance.sdk.methods import METHODS
from cohere_conformance.sdk.parsers import SdkParsers
from cohere_conformance.sdk.ways import depends_on_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.model import Exchange
    from cohere_conformance.report import SdkParse

EMBED, CHAT, RERANK = "POST /v1/embed", "POST /v2/chat", "POST /v2/rerank"
FLOATS = {"id": "i", "texts": ["a"], "embeddings": [[0.1]]}
DELTA = {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "a"}}}}
PARSE = SdkParsers(python=True)


def parsed(made: Exchange, label: str) -> tuple[SdkParse, ...]:
    return PARSE(made, label)


def unknown(made: Exchange) -> Exchange:
    return replace(made, request=replace(made.request, body=None))


def test_what_depends_on_the_request_is_known() -> None:
    assert {label for label in METHODS if depends_on_request(label)} == {
        EMBED,
        CHAT,
        "POST /v1/chat",
        "POST /v1/generate",
    }


def test_a_response_that_only_some_requests_make_the_sdk_raise_for_is_not_unaffected() -> None:
    """The SDK joins the embeddings of texts, and fails on a response without its type; not that of images."""
    finding = Finding(
        Kind.PROPERTY_MISSING, Severity.BREAKING, EMBED, 200, "/response_type", "a value", "absent"
    )
    texts = exchange(EMBED, FLOATS, request={"model": "m", "texts": ["a"]})
    images = exchange(EMBED, FLOATS, request={"model": "m", "images": ["a"]})
    assert effect_of(finding, parsed(texts, EMBED)).outcome is SdkOutcome.RAISES
    assert effect_of(finding, parsed(images, EMBED)).outcome is SdkOutcome.UNAFFECTED
    found = parsed(unknown(texts), EMBED)
    assert [(one.assumed, one.raised) for one in found] == [("texts", "AttributeError"), ("no texts", "")]
    assert effect_of(finding, found).outcome is SdkOutcome.MAY_RAISE


@pytest.mark.parametrize(
    ("headers", "body", "assumed"),
    [
        (SSE, sse([DELTA]), [""]),
        (JSON, {"id": "i"}, [""]),
        ((), {"id": "i"}, ["stream", "no stream"]),
        ((("content-type", "text/plain"),), sse([DELTA]), ["stream", "no stream"]),
    ],
)
def test_the_media_type_says_whether_a_stream_was_requested(
    headers: tuple[tuple[str, str], ...], body: Any, assumed: list[str]
) -> None:
    """Without one that does, both are tried."""
    assert [one.assumed for one in parsed(exchange(CHAT, body, headers=headers), CHAT)] == assumed


def test_a_stream_that_was_not_requested_raises() -> None:
    (found,) = parsed(exchange(CHAT, sse([DELTA]), headers=SSE, request={"model": "m"}), CHAT)
    assert found.raised == "ApiError (JSONDecodeError)"


def test_where_the_request_does_not_matter_there_is_one_way() -> None:
    found = parsed(exchange(RERANK, {"results": "none"}), RERANK)
    assert [one.assumed for one in found] == [""]


def _short(value: Any) -> Any:
    """Return a body with its arrays cut: three of the thousand numbers of an embedding show as much."""
    if isinstance(value, dict):
        return {name: _short(inner) for name, inner in value.items()}
    return [_short(inner) for inner in value[:3]] if isinstance(value, list) else value


def _damaged(value: Any) -> Iterator[Any]:
    """Yield a body as it is, without each of its properties, and with each of them as another type."""
    yield value
    for name in value if isinstance(value, dict) else ():
        for change in ("absent", 3, "text", None, {}):
            damaged = copy.deepcopy(value)
            if change == "absent":
                del damaged[name]
            else:
                damaged[name] = change
            yield damaged


def test_a_known_request_never_has_an_outcome_that_an_unknown_one_does_not_have() -> None:
    """For the smallest golden response to each kind of request that matters, and damaged ones."""
    smallest: dict[tuple[object, ...], Exchange] = {}
    for path in find(folder("cassettes")).values():
        if not path.name.startswith(("chat.", "embed.v1", "generate.")):
            continue
        cassette = load(path)
        made, label = cassette.exchange, cassette.provenance.operation
        if made.response.status != 200 or not depends_on_request(label) or not made.response.body:
            continue
        asked = json.loads(made.request.body or b"{}")
        key = label, asked.get("stream"), "texts" in asked, "embedding_types" in asked
        known = smallest.setdefault(key, made)
        if len(made.response.body) < len(known.response.body or b""):
            smallest[key] = made
    assert len(smallest) >= 8
    tried = 0
    for (label, *_), made in smallest.items():
        try:
            whole = _short(json.loads(made.response.body or b""))
            bodies = [json.dumps(one).encode() for one in _damaged(whole)]
        except ValueError:
            bodies = [made.response.body or b""]
        for body in bodies:
            one = replace(made, response=replace(made.response, body=body))
            expected = [replace(found, assumed="") for found in parsed(one, str(label))]
            found = [replace(found, assumed="") for found in parsed(unknown(one), str(label))]
            assert set(expected) <= set(found), (label, body)
            tried += 1
    assert tried > 100
