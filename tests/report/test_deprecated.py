"""The calendar: what is deprecated, what of it was seen, and how many days are left."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from cohere_conformance.model import Exchange, Request, Response, Source, StreamEvent
from cohere_conformance.report import (
    Background,
    DeprecatedKind,
    Deprecation,
    Header,
    KnownDeprecation,
    Mode,
    Report,
    Tally,
    render_html,
    render_markdown,
)
from cohere_conformance.report.deprecated import SeenDeprecation, calendar, counted, united
from cohere_conformance.report.notices import Notices

GENERATE, CHAT = "POST /v1/generate", "POST /v1/chat"
OLD = KnownDeprecation(
    kind=DeprecatedKind.MODEL, name="old", source="models.yaml", ends="2026-12-09", successor="new"
)
ENDED = KnownDeprecation(kind=DeprecatedKind.OPERATION, name=GENERATE, source="document", ends="2026-11-19")
FLAGGED = KnownDeprecation(kind=DeprecatedKind.PROPERTY, name=f"{CHAT} request.a", source="document")
DAY = "2026-11-29"
NOTICE = "model 'old' is deprecated and will be removed December 9 2026. Use a newer one"


def exchange(
    *,
    headers: tuple[tuple[str, str], ...] = (),
    body: Any = None,
    model: str = "",
    at: str | None = "2026-11-28T10:00:00Z",
    events: tuple[StreamEvent, ...] | None = None,
) -> Exchange:
    sent = json.dumps({"model": model} if model else {}).encode()
    received = None if events is not None else json.dumps(body).encode()
    return Exchange(
        Request("POST", "http://127.0.0.1:1/v1/chat", (), sent),
        Response(200, headers, received, events),
        Source("a", "line 1", at),
    )


def seen(*exchanges: Exchange, operation: str = CHAT) -> list[SeenDeprecation]:
    notices = Notices(["old", GENERATE])
    for one in exchanges:
        notices.add(operation, one)
    return list(notices.seen("2026-11-29T00:00:00Z"))


def sighting(name: str, kind: DeprecatedKind = DeprecatedKind.NOTICE, count: int = 1) -> SeenDeprecation:
    return SeenDeprecation(kind=kind, name=name, operation=CHAT, channel="x-api-warning", count=count)


# -- what traffic shows


def test_a_notice_in_header_and_body_is_one() -> None:
    both = exchange(headers=(("x-api-warning", NOTICE),), body={"meta": {"warnings": [NOTICE]}})
    (one,) = seen(both)
    assert (one.kind, one.name, one.channel, one.count) == ("notice", NOTICE, "x-api-warning", 1)


def test_a_notice_is_found_in_a_body_and_in_the_events_of_a_stream() -> None:
    payload = {"response": {"meta": {"warnings": [NOTICE, 'with "quotes" and [brackets]']}}}
    event = StreamEvent(json.dumps(payload), "stream-end")
    for one in (exchange(body=payload), exchange(events=(event,))):
        found = seen(one)
        assert {sighting.name for sighting in found} == {NOTICE, 'with "quotes" and [brackets]'}
        assert {sighting.channel for sighting in found} == {"meta.warnings"}


def test_what_a_generated_text_says_is_no_notice() -> None:
    assert seen(exchange(body={"text": json.dumps({"warnings": [NOTICE]})})) == []


def test_times_are_the_first_and_the_last_one() -> None:
    early, late = (exchange(model="old", at=f"2026-11-{day}T10:00:00Z") for day in (12, 20))
    (one,) = seen(late, early, exchange(model="other"))
    assert (one.count, one.first_seen, one.last_seen) == (2, "2026-11-12T10:00:00Z", "2026-11-20T10:00:00Z")


def test_an_exchange_without_a_time_was_seen_when_the_run_began() -> None:
    (one,) = seen(exchange(model="old", at=None))
    assert one.first_seen == "2026-11-29T00:00:00Z"


def test_a_deprecated_operation_is_seen_when_it_is_called() -> None:
    (one,) = seen(exchange(), operation=GENERATE)
    assert (one.kind, one.name) == ("operation", GENERATE)


def test_the_work_may_be_split_in_any_way() -> None:
    many = [exchange(headers=(("x-api-warning", f"notice {number:04}"),)) for number in range(300)]
    whole = seen(*many)
    first, second = Notices(["old"]), Notices(["old"])
    for number, one in enumerate(many):
        (first if number % 3 else second).add(CHAT, one)
    second.merge(first)
    assert list(second.seen("2026-11-29T00:00:00Z")) == whole
    assert [one.name for one in whole] == [f"notice {number:04}" for number in range(200)]


def test_a_key_in_a_notice_is_removed() -> None:
    secret = "Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789ABCD"
    (one,) = seen(exchange(headers=(("x-api-warning", f"deprecated: {secret}"),)))
    assert "abcdefghij" not in one.name


# -- the calendar


def test_only_what_was_seen_is_listed_unless_everything_is_wanted() -> None:
    used = sighting("old", DeprecatedKind.MODEL)
    assert [row.name for row in calendar([OLD, ENDED], [used], DAY)] == ["old"]
    assert [row.name for row in calendar([OLD, ENDED], [used], DAY, all_known=True)] == [GENERATE, "old"]


def test_what_ends_first_comes_first_and_what_has_no_day_last() -> None:
    rows = calendar([FLAGGED, OLD, ENDED], [], DAY, all_known=True)
    assert [(row.name, row.days_left) for row in rows] == [
        (GENERATE, -10),
        ("old", 10),
        (f"{CHAT} request.a", None),
    ]


def test_a_model_that_is_not_deprecated_is_not_listed() -> None:
    assert calendar([OLD], [sighting("new", DeprecatedKind.MODEL)], DAY) == ()


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (NOTICE, "2026-12-09"),
        ("This is deprecated until 2027-01-31.", "2027-01-31"),
        ("It was removed on September 15, 2025.", "2025-09-15"),
        ("It is deprecated since February 31 2026", ""),
        ("The endpoint is deprecated.", ""),
    ],
)
def test_the_day_of_a_notice_is_in_its_text(text: str, ends: str) -> None:
    (row,) = calendar([], [sighting(text)], DAY)
    assert row.ends == ends


def test_a_notice_has_the_successor_of_the_model_that_it_names() -> None:
    (row,) = calendar([OLD], [sighting(NOTICE)], DAY)
    assert (row.successor, row.source, row.days_left) == ("new", "x-api-warning", 10)


def test_a_warning_about_something_else_is_not_listed() -> None:
    assert calendar([], [sighting("unknown field: parameter a is not a valid field")], DAY) == ()


def test_calendars_of_several_reports_are_united() -> None:
    one, other = (
        Deprecation(
            kind=DeprecatedKind.MODEL,
            name="old",
            source="models.yaml",
            operations=(operation,),
            count=count,
            first_seen=first,
            last_seen=last,
        )
        for operation, count, first, last in (
            (CHAT, 2, "2026-11-02", "2026-11-03"),
            (GENERATE, 3, "2026-11-01", "2026-11-01"),
        )
    )
    (row,) = counted(united([one, other]), DAY)
    assert (row.operations, row.count, row.first_seen, row.last_seen) == (
        (CHAT, GENERATE),
        5,
        "2026-11-01",
        "2026-11-03",
    )


# -- in a report


def report(*exchanges: Exchange) -> Report:
    tally = Tally(watched=["old"])
    for one in exchanges:
        tally.add(one, CHAT, (), "application/json")
    header = Header(
        tool="t",
        version="1",
        contract_version="1",
        contract_digest="sha256:0",
        mode=Mode.AMENDED,
        inputs=(),
        started_at="2026-11-29T00:00:00Z",
    )
    background = Background(deprecations=(OLD, ENDED))
    return tally.finish(header, [CHAT], finished_at="2026-11-29T00:00:01Z", background=background)


def test_reports_have_a_section_of_what_was_seen() -> None:
    made = report(exchange(model="old"))
    line = f"| 10 | 2026-12-09 |  | `model old` | 1 exchange, 2026-11-28, {CHAT} | `new` | models.yaml |"
    assert line in render_markdown(made)
    assert '<section id="deprecated">' in render_html(made).decode("utf-8")


def test_reports_without_anything_deprecated_have_no_such_section() -> None:
    made = report(exchange(model="new"))
    assert made.deprecated == ()
    assert "Deprecated" not in render_markdown(made)
    assert "Deprecated" not in render_html(made).decode("utf-8")


# -- deprecated properties of requests


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (b'{"connectors": [{"id": "web"}], "other": 1}', ["connectors"]),
        (b'{"connectors": null, "message": "connectors"}', []),
        (b'{"options": {"old": false}}', ["options.old"]),
        (b'{"old": 1}', []),
        (b'["connectors"', []),
    ],
)
def test_a_property_is_seen_where_a_request_has_it(sent: bytes, found: list[str]) -> None:
    notices = Notices([f"{CHAT} request.connectors", f"{CHAT} request.options.old"])
    made = exchange()
    request = msgspec.structs.replace(made.request, body=sent)
    notices.add(CHAT, msgspec.structs.replace(made, request=request))
    assert [(one.kind, one.name) for one in notices.seen("")] == [
        ("property", f"{CHAT} request.{path}") for path in found
    ]
