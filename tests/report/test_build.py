from __future__ import annotations

import pickle
from itertools import permutations
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import SEVERITY, Exchange, Finding, Kind, Request, Response, Severity, Source
from cohere_conformance.report import Tally, render_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.report.conftest import Finish, MakeExchange, MakeFinding

CHAT = "POST /v2/chat"
JSON = "application/json"

_few = st.sampled_from
_findings = st.builds(
    lambda kind, severity, location, observed, amendment, status: Finding(
        kind, severity or SEVERITY[kind], CHAT, status, location, "one thing", observed, "", None, amendment
    ),
    _few([Kind.TYPE_CHANGED, Kind.PROPERTY_UNDOCUMENTED, Kind.REQUEST_INVALID]),
    _few([None, Severity.NOTICE]),
    _few(["/id", "/usage"]),
    _few(['"a"', "\ud800"]),
    _few([None, "known"]),
    _few([200, 201]),
)
_exchanges = st.builds(
    lambda file, position, at, status, body: Exchange(
        Request("POST", "https://api.cohere.com/v2/chat", (), body),
        Response(status),
        Source(file, position, at),
    ),
    _few(["a.yaml"]),
    _few(["line 9", "line 10", "line 09"]),
    _few([None, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+02:00", "2026-01-01", "yesterday"]),
    _few([200, 201]),
    _few([None, b"{}", b'{"model": "x"}']),
)
_Step = tuple[str, tuple[object, ...]]
_steps = st.one_of(
    st.tuples(
        st.just("add"),
        st.tuples(_exchanges, _few([CHAT, None]), st.lists(_findings, max_size=4), _few([JSON, ""])),
    ),
    st.tuples(st.just("add_foreign"), st.tuples(_few(["a.example", "b.example"]))),
    st.tuples(st.just("add_skipped"), st.tuples(_few(["x", "y"]), st.just("no traffic"))),
    st.tuples(st.just("add_unreadable"), st.tuples(st.just(TrafficError("z", "line 1", "cut off")))),
)


def _tally(steps: Sequence[_Step]) -> Tally:
    tally = Tally()
    for name, arguments in steps:
        getattr(tally, name)(*arguments)
    return tally


def _merged(*tallies: Tally) -> Tally:
    whole = Tally()
    for tally in tallies:
        whole.merge(pickle.loads(pickle.dumps(tally)))
    return whole


@given(steps=st.lists(_steps, max_size=12), cuts=st.tuples(st.integers(0, 12), st.integers(0, 12)))
def test_the_report_does_not_depend_on_how_the_work_was_split(
    finish: Finish, steps: list[_Step], cuts: tuple[int, int]
) -> None:
    first, last = sorted(cuts)
    pieces = (steps[:first], steps[first:last], steps[last:])
    at_once = render_json(finish(_tally(steps)))
    for order in permutations(pieces):
        one, two, three = map(_tally, order)
        assert render_json(finish(_merged(_merged(one, two), three))) == at_once
        assert render_json(finish(_merged(one, _merged(two, three)))) == at_once


def test_merging_leaves_the_other_tally_as_it_was(
    finish: Finish, exchange: MakeExchange, finding: MakeFinding
) -> None:
    mine, other = Tally(), Tally()
    other.add(exchange(), CHAT, [finding(Kind.TYPE_CHANGED)], JSON)
    before = render_json(finish(other))
    mine.merge(other)
    mine.add(exchange(), CHAT, [finding(Kind.TYPE_CHANGED)], JSON)
    assert render_json(finish(other)) == before


def test_a_finding_counts_once_in_an_exchange(
    finish: Finish, exchange: MakeExchange, finding: MakeFinding
) -> None:
    tally = Tally()
    twice = [finding(Kind.TYPE_CHANGED, observed="b"), finding(Kind.TYPE_CHANGED, observed="a")]
    tally.add(exchange(position="line 2"), CHAT, twice, JSON)
    tally.add(exchange(position="line 3"), CHAT, twice[:1], JSON)
    (row,) = finish(tally).findings
    assert (row.count, row.observed) == (2, "a")


def test_the_example_is_the_first_by_file_and_number(
    finish: Finish, exchange: MakeExchange, finding: MakeFinding
) -> None:
    tally = Tally()
    for file, position in [("b", "line 1"), ("a", "line 10"), ("a", "line 9"), ("a", "line 100")]:
        tally.add(exchange(file=file, position=position), CHAT, [finding(Kind.TYPE_CHANGED)], JSON)
    (row,) = finish(tally).findings
    assert (row.example.file, row.example.position) == ("a", "line 9")
    assert row.example.request == "POST https://api.cohere.com/v2/chat"


def test_exchanges_without_a_position_have_an_order_too(
    finish: Finish, exchange: MakeExchange, finding: MakeFinding
) -> None:
    def example(bodies: list[bytes]) -> str | None:
        tally = Tally()
        for body in bodies:
            tally.add(exchange(position="", body=body), CHAT, [finding(Kind.TYPE_CHANGED)], JSON)
        return finish(tally).findings[0].example.curl

    assert example([b"{}", b"[]"]) == example([b"[]", b"{}"])


def test_a_row_has_the_smallest_status_and_the_worst_severity(
    finish: Finish, exchange: MakeExchange, finding: MakeFinding
) -> None:
    tally = Tally()
    mild = finding(Kind.TYPE_CHANGED, status=404, severity=Severity.NOTICE)
    bad = finding(Kind.TYPE_CHANGED, status=422)
    tally.add(exchange(position="1", status=422), CHAT, [bad], JSON)
    tally.add(exchange(position="2", status=404), CHAT, [mild], JSON)
    (row,) = finish(tally).findings
    assert (row.status, row.severity, row.example.position) == (404, Severity.BREAKING, "1")


def test_recording_times_are_compared_across_offsets(
    finish: Finish, exchange: MakeExchange, finding: MakeFinding
) -> None:
    tally = Tally()
    times = ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+02:00", "2026-01-01T00:30:00Z", "no time", None]
    for number, time in enumerate(times):
        tally.add(exchange(position=str(number), recorded_at=time), CHAT, [finding(Kind.TYPE_CHANGED)], JSON)
    (row,) = finish(tally).findings
    assert (row.first_seen, row.last_seen) == ("2026-01-01T01:00:00+02:00", "2026-01-01T00:30:00Z")


def test_rows_are_ordered_by_severity_then_operation_kind_and_place(
    finish: Finish, exchange: MakeExchange, finding: MakeFinding
) -> None:
    tally = Tally()
    rows = [
        finding(Kind.ROUTE_UNKNOWN, operation="A"),
        finding(Kind.PROPERTY_UNDOCUMENTED, operation="A"),
        finding(Kind.TYPE_CHANGED, "/b", operation="B"),
        finding(Kind.TYPE_CHANGED, "/a", operation="B"),
        finding(Kind.ENUM_UNKNOWN, "/z", operation="B"),
        finding(Kind.TYPE_CHANGED, "/z", operation="A"),
    ]
    tally.add(exchange(), CHAT, rows, JSON)
    assert [(row.operation, row.kind.value, row.location) for row in finish(tally).findings] == [
        ("A", "type-changed", "/z"),
        ("B", "enum-unknown", "/z"),
        ("B", "type-changed", "/a"),
        ("B", "type-changed", "/b"),
        ("A", "property-undocumented", "/usage"),
        ("A", "route-unknown", "/usage"),
    ]


def test_coverage_counts_exchanges_and_not_findings(
    finish: Finish, exchange: MakeExchange, finding: MakeFinding
) -> None:
    tally = Tally()
    breaking = [finding(Kind.TYPE_CHANGED, "/a"), finding(Kind.TYPE_CHANGED, "/b")]
    tally.add(exchange(), CHAT, breaking, JSON)
    tally.add(exchange(status=400), CHAT, [finding(Kind.PROPERTY_UNDOCUMENTED)], JSON)
    tally.add(exchange(), CHAT, [finding(Kind.TYPE_CHANGED, "/c", amendment="known")], "text/event-stream")
    tally.add(exchange(), CHAT, [finding(Kind.REQUEST_INVALID)], JSON)
    tally.add(exchange(), CHAT, [], "", request_judged=False)
    coverage = finish(tally).coverage
    (chat,) = coverage.operations
    numbers = (chat.judged, chat.clean, chat.breaking, chat.additive, chat.notice, chat.known_defects)
    assert numbers == (5, 3, 1, 1, 0, 1)
    assert chat.statuses == {"200": 4, "400": 1}
    assert chat.media_types == {JSON: 3, "text/event-stream": 1, "(none)": 1}
    assert chat.streams == 1
    assert (chat.requests.judged, chat.requests.deviating) == (4, 1)
    assert coverage.unseen == ("GET /v1/models", "POST /v2/embed", "POST /v2/rerank")
    assert [(use.amendment, use.findings, use.exchanges) for use in coverage.amendments] == [("known", 1, 1)]


def test_an_exchange_without_an_operation_is_reported_but_not_judged(
    finish: Finish, exchange: MakeExchange, finding: MakeFinding
) -> None:
    tally = Tally()
    tally.add(exchange(), None, [finding(Kind.ROUTE_UNKNOWN)], JSON)
    report = finish(tally)
    assert [row.kind for row in report.findings] == [Kind.ROUTE_UNKNOWN]
    assert (report.footer.totals.exchanges, report.coverage.unrouted) == (0, 1)


def test_an_amendment_does_not_hide_the_same_finding_where_it_is_unexplained(
    finish: Finish, exchange: MakeExchange, finding: MakeFinding
) -> None:
    tally = Tally()
    tally.add(exchange(), CHAT, [finding(Kind.TYPE_CHANGED, amendment="known")], JSON)
    tally.add(exchange(), CHAT, [finding(Kind.TYPE_CHANGED)], JSON)
    report = finish(tally)
    assert [row.amendment for row in report.findings] == [None]
    assert [row.amendment for row in report.known_defects] == ["known"]
    assert (report.footer.totals.breaking, report.footer.totals.known_defects) == (1, 1)


def test_memory_does_not_grow_with_exchanges(exchange: MakeExchange, finding: MakeFinding) -> None:
    def size(exchanges: int) -> int:
        tally = Tally()
        for number in range(exchanges):
            one = exchange(position=f"line {number + 100}", body=b"x" * 1000)
            tally.add(one, CHAT, [finding(Kind.TYPE_CHANGED)], JSON)
        return len(pickle.dumps(tally))

    assert abs(size(500) - size(100)) < 50


def test_unencodable_text_of_recordings_can_be_written(
    finish: Finish, exchange: MakeExchange, finding: MakeFinding
) -> None:
    tally = Tally()
    deviation = finding(Kind.ENUM_UNKNOWN, "/\ud800", observed="\udfff", operation="POST /\ud800")
    tally.add(
        exchange(file="\udcff.yaml", body="ü".encode("latin-1")), "POST /\ud800", [deviation], "a/\ud800"
    )
    tally.add_foreign("\ud800")
    tally.add_skipped("\ud800", "\ud800")
    tally.add_unreadable(TrafficError("\ud800", "\ud800", "\ud800"))
    report = finish(tally, inputs=("\udcff",))
    assert b"\\\\ud800" in render_json(report)


def test_a_command_holds_no_secret_and_a_long_body_gives_no_command(
    finish: Finish, exchange: MakeExchange, finding: MakeFinding
) -> None:
    def curl(body: bytes, make: Callable[[], Tally] = Tally) -> str | None:
        tally = make()
        tally.add(exchange(body=body), CHAT, [finding(Kind.TYPE_CHANGED)], JSON)
        return finish(tally).findings[0].example.curl

    shown = curl(rb'{"service_auth": {"token" : "hush\"hush"}, "client_secret":"hush", "page_token": "p"}')
    assert shown is not None
    assert "hush" not in shown
    assert shown.count("[redacted]") == 2
    assert '"page_token": "p"' in shown
    assert curl(" ".join(map(str, range(5000))).encode()) is None
    assert curl(b"x" * 20_000) is not None, "it repeats one thing"
    assert curl(b"{}", lambda: Tally(curl=False)) is None
