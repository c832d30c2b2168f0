"""The shapes of responses without their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from builders import JSON, NDJSON, SSE, block, chat_v2, contract, events, exchange, lines, sse

from cohere_conformance.checks.shapes import ResponseShape, response_shape
from cohere_conformance.model import Exchange, Failure, FailureKind

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract

THING = "POST /v1/thing"
CHAT = "POST /v2/chat"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "results": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}}}},
        "labels": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": {"share": {"type": "number"}}},
        },
        "free": {"type": "object"},
        "vectors": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
    },
}


def locations(body: Any, status: int = 200) -> set[str]:
    shape = response_shape(contract(SCHEMA), exchange(THING, body, status=status))
    assert shape is not None
    return set(shape.parts)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"results": [{"id": "a"}, {"id": "b"}]}, {"/results", "/results/*/id"}),
        (
            {"results": [{"id": None}, {"odd": {"a/b": 1}}]},
            {"/results", "/results/*/id", "/results/*/odd", "/results/*/odd/a~1b"},
        ),
        (
            {"labels": {"cat": {"share": 1}, "dog": {"odd": 2}}},
            {"/labels", "/labels/{}", "/labels/{}/share", "/labels/{}/odd"},
        ),
        (
            {"free": {"a": 1, "b": {"c": [{"d": 1}]}}},
            {"/free", "/free/{}", "/free/{}/{}", "/free/{}/{}/*/{}"},
        ),
        ({"vectors": [[1, 2], [3]]}, {"/vectors"}),
        ({"odd": [[{"b": 1}]]}, {"/odd", "/odd/*/*/b"}),
        ([1], set()),
        (b"{", set()),
        (None, set()),
    ],
    ids=[
        "positions",
        "undocumented",
        "free-keys",
        "free-object",
        "vectors",
        "nested",
        "no-object",
        "no-json",
        "no-body",
    ],
)
def test_names_stay_and_what_differs_from_answer_to_answer_goes(body: Any, expected: set[str]) -> None:
    assert locations(body) == expected


def test_answers_that_differ_in_values_only_have_one_shape() -> None:
    made = contract(SCHEMA)
    answers = [
        {"results": [{"id": str(number)}], "labels": {f"label-{number}": {"share": number}}}
        for number in range(5)
    ]
    assert len({response_shape(made, exchange(THING, answer)) for answer in answers}) == 1


def test_undeclared_names_are_reported() -> None:
    assert locations({"message": "no", "labels": {"cat": {"share": 1}}}, 400) == {
        *("/message", "/labels", "/labels/cat", "/labels/cat/share")
    }
    stray = response_shape(contract(SCHEMA), exchange("GET /v3/odd", {"a": {"b": 1}}, status=404))
    assert stray == ResponseShape(404, "application/json", frozenset({"/a", "/a/b"}))


def test_an_answer_may_be_nested_deeply() -> None:
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    assert len(locations(deep, 400)) == 900


def test_status_and_media_type_distinguish_responses() -> None:
    made = contract(SCHEMA)
    kinds = [
        JSON,
        (("content-type", "Application/JSON; charset=utf-8"),),
        (("content-type", "text/plain"),),
        (),
    ]
    shapes = [response_shape(made, exchange(THING, {}, status=200, headers=kind)) for kind in kinds]
    assert [shape.media_type for shape in shapes if shape] == [*["application/json"] * 2, "text/plain", ""]
    assert response_shape(made, exchange(THING, {}, status=201)) not in shapes


def test_a_stream_is_recognised_by_its_events(amended: Contract) -> None:
    short, long = chat_v2(*block("Hi")), chat_v2(*block("Hi", "there"), *block("again", index=1))
    odd = chat_v2({"type": "unheard-of"})
    types = {f"<{one['type']}>" for one in short}
    for made in (
        exchange(CHAT, sse(short), headers=SSE),
        exchange(CHAT, sse(long), headers=SSE),
        exchange(CHAT, headers=SSE, events=events(long)),
    ):
        assert response_shape(amended, made) == ResponseShape(200, "text/event-stream", frozenset(types))
    by_line = response_shape(amended, exchange(CHAT, lines(long), headers=NDJSON))
    assert by_line == ResponseShape(200, "application/stream+json", frozenset(types))
    other = response_shape(amended, exchange(CHAT, sse(odd), headers=SSE))
    assert other is not None
    assert other.parts == {"<message-start>", "<message-end>", "<unheard-of>"}


@pytest.mark.parametrize(("status", "kind"), [(0, FailureKind.TIMEOUT), (200, FailureKind.LENGTH)])
def test_an_answer_that_is_not_whole_has_no_shape(status: int, kind: FailureKind) -> None:
    sent = exchange(THING, {"free": {}}, status=status)
    response = msgspec.structs.replace(sent.response, failure=Failure(kind, "it ended"))
    assert response_shape(contract(SCHEMA), Exchange(sent.request, response, sent.source)) is None
