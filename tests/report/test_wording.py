from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from cohere_conformance.model import Kind
from cohere_conformance.report import Tally
from cohere_conformance.report.render.wording import expected, place

if TYPE_CHECKING:
    from tests.report.conftest import Finish, MakeExchange, MakeFinding


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("", "the body"),
        ("/message/content/*/text", "`message.content[].text`"),
        ("/content/0/text", "`content[0].text`"),
        ("/*/id", "`[].id`"),
        ("/a~1b/{}/c d", '`["a/b"].{}["c d"]`'),
        ("<message-end>", "the event `message-end`"),
        ("<message-end>/delta/usage", "`delta.usage` of the event `message-end`"),
        ("header:retry-after", "the header `retry-after`"),
        ("query:limit", "the query parameter `limit`"),
    ],
)
def test_a_location_is_named_as_in_a_program(location: str, words: str) -> None:
    assert place(location) == words


@pytest.mark.parametrize(
    ("kind", "location", "wanted", "words"),
    [
        (Kind.TYPE_CHANGED, "/content/0/text", "a string", "`content[0].text` to be a string"),
        (Kind.EXPECTATION_FAILED, "/id", "absent", "`id` to be absent"),
        (Kind.EXPECTATION_FAILED, "", "a stream", "a stream"),
        (Kind.HEADER_INVALID, "header:x", "a UUID", "the header `x` to be a UUID"),
        (Kind.PROPERTY_MISSING, "/id", "a required property", "`id` to be present"),
        (Kind.PROPERTY_UNDOCUMENTED, "/extra", "one of a, b", "`extra` to be absent; declared: a, b"),
        (Kind.STATUS_UNEXPECTED, "", "status 200", "status 200"),
        (Kind.REQUIREMENT_VIOLATED, "/results/1", "no score above", "no score above"),
    ],
)
def test_an_expectation_is_a_sentence(
    exchange: MakeExchange,
    finding: MakeFinding,
    finish: Finish,
    kind: Kind,
    location: str,
    wanted: str,
    words: str,
) -> None:
    tally = Tally()
    found = msgspec.structs.replace(finding(kind, location), expected=wanted)
    tally.add(exchange(), "POST /v2/chat", [found], "application/json")
    (row,) = finish(tally).findings
    assert expected(row) == words
