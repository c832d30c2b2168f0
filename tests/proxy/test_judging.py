"""What becomes of the exchanges that passed: a report, cassettes, an archive, and no key in any of them."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cohere_conformance.cli import run
from cohere_conformance.golden import find, load
from cohere_conformance.model import Failure, FailureKind, Kind
from cohere_conformance.proxy import judging
from cohere_conformance.proxy.judging import ProxySettings, ReportQuestion, TrafficJudge
from cohere_conformance.proxy.observed import ObservedExchange, exchange_of
from cohere_conformance.recordings import parse_recording
from cohere_conformance.report import Header, Mode, Report
from cohere_conformance.sdk.parsers import SdkParsers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UPSTREAM = "http://127.0.0.1:4000/base"
KEY = "kD93hf7Qm2sLx0Zp4Rt6"
VALID = b'{"valid":true,"organization_id":"c1403aad-c917-5bd6-95f0-557c4f0fc91f","owner_id":"ca5fe4b1"}'
HEADER = Header(
    tool="cohere-conformance",
    version="0",
    contract_version="",
    contract_digest="",
    mode=Mode.AMENDED,
    inputs=(UPSTREAM,),
    started_at="2026-11-29T12:00:00Z",
)


def observed(body: bytes | None = VALID, number: int = 1, **further: Any) -> ObservedExchange:
    return ObservedExchange(
        **{
            "number": number,
            "at": "2026-11-29T12:00:00+00:00",
            "method": "POST",
            "target": "/base/v1/check-api-key",
            "request_headers": ((b"Authorization", f"Bearer {KEY}".encode()),),
            "request_body": b"",
            "status": 200,
            "response_headers": (
                (b"Content-Type", b"application/json"),
                (b"X-Debug-Trace-Id", b"cd5d7f1dc76f571898afafeda09bf822"),
            ),
            "body": body,
            "arrivals": () if body is None else ((len(body), 0.1),),
            **further,
        }
    )


@pytest.fixture
def judge(tmp_path: Path) -> Iterator[TrafficJudge]:
    record, har = str(tmp_path / "cassettes"), str(tmp_path / "traffic.har")
    made = TrafficJudge(ProxySettings(upstream=UPSTREAM, header=HEADER, record=record, har=har))
    yield made
    made.close()


def report_of(judge: TrafficJudge, **question: Any) -> Report:
    content = judge.reply(ReportQuestion(form="value", **question)).content
    return msgspec.json.decode(content, type=Report)


def test_report_cassettes_and_archive_have_no_keys(judge: TrafficJudge, tmp_path: Path) -> None:
    echoed = json.dumps({"message": f"invalid api token {KEY}", "id": "ca5fe4b1-6cc8-52bb-a31d-3ccc364789ab"})
    judge.take(observed())
    judge.take(observed(echoed.encode(), 2, status=401))
    judge.take(observed(b'{"valid":"yes"}', 3))
    report = report_of(judge, final=True)

    assert report.footer.exit_code == 1
    assert {row.kind for row in report.findings} >= {Kind.TYPE_CHANGED}
    assert report.header.contract_digest
    cassettes = [load(path) for path in find(tmp_path / "cassettes").values()]
    assert sorted(one.exchange.response.status for one in cassettes) == [200, 200, 401]
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 4
    assert not any(KEY.encode() in content for content in [*written, msgspec.json.encode(report)])


def test_the_archive_is_parsed_again_as_the_same_exchanges(judge: TrafficJudge, tmp_path: Path) -> None:
    packed = gzip.compress(VALID, mtime=0)
    coded = ((b"Content-Type", b"application/json"), (b"Content-Encoding", b"gzip"))
    judge.take(observed())
    judge.take(observed(packed, 2, response_headers=coded))
    judge.take(observed(b"\xff\xfe", 3, request_body=b"\x00\xff"))
    # The archive is complete after each exchange, so that a proxy that is killed leaves a valid one.
    parsed = list(parse_recording(str(tmp_path / "traffic.har")))
    assert [one.response.body for one in parsed] == [VALID, VALID, b"\xff\xfe"]
    assert [one.request.url for one in parsed] == ["http://127.0.0.1:4000/base/v1/check-api-key"] * 3
    assert parsed[2].request.body == b"\x00\xff"


def test_responses_of_the_proxy_itself_are_no_findings(judge: TrafficJudge, tmp_path: Path) -> None:
    judge.take(observed(b"", status=502, unreachable="the connection was refused", response_headers=()))
    report = report_of(judge, final=True)
    assert report.findings == ()
    assert report.footer.exit_code == 3
    assert [one.reason for one in report.coverage.inconclusive] == [
        "the upstream gave no response: the connection was refused"
    ]
    assert find(tmp_path / "cassettes") == {}


def test_what_was_not_judged_is_in_the_report(judge: TrafficJudge) -> None:
    judge.take(observed())
    assert report_of(judge, unjudged={"too large": 2}).footer.exit_code == 0
    report = report_of(judge, unjudged={"too large": 2}, lost=3)
    assert [one.text for one in report.coverage.remarks] == ["2 exchanges: too large"]
    assert report.footer.exit_code == 3
    assert "3 exchanges passed on, not judged: the judge was too slow" in report.coverage.unreadable[0].reason


@pytest.mark.parametrize(
    ("coding", "body", "failure", "content"),
    [
        (b"gzip", gzip.compress(VALID, mtime=0), None, VALID),
        (b"gzip", b"no gzip at all", FailureKind.ENCODING, b""),
        (b"gzip", gzip.compress(VALID, mtime=0)[:-4], FailureKind.ENCODING, VALID),
        (b"identity", VALID, None, VALID),
    ],
    ids=["packed", "not packed", "cut", "plain"],
)
def test_bodies_are_decoded_beside_the_traffic(
    coding: bytes, body: bytes, failure: FailureKind | None, content: bytes
) -> None:
    response = exchange_of(
        observed(body, response_headers=((b"content-encoding", coding),)), UPSTREAM
    ).response
    assert (response.failure and response.failure.kind) == failure
    assert response.body == content


def test_times_of_a_packed_stream_are_those_of_its_decoded_bytes() -> None:
    head = ((b"content-type", b"text/event-stream"), (b"content-encoding", b"gzip"))
    one, other = gzip.compress(b"data: 1\n\n"), gzip.compress(b"data: 2\n\n")
    arrivals = ((len(one), 0.5), (len(one + other), 1.5))
    response = exchange_of(observed(one + other, response_headers=head, arrivals=arrivals), UPSTREAM).response
    assert response.arrivals == ((9, 0.5), (18, 1.5))


def test_an_incomplete_response_is_a_finding_about_the_server(judge: TrafficJudge) -> None:
    judge.take(observed(b'{"val', failure=Failure(FailureKind.RESET, "the connection was reset")))
    assert [row.kind for row in report_of(judge).findings] == [Kind.ANSWER_BROKEN]


def test_an_exchange_that_cannot_be_judged_does_not_hide_the_others(
    judge: TrafficJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge.take(observed(method="no method"))
    with monkeypatch.context() as broken:
        broken.setattr(judging, "exchange_of", lambda *_: 1 // 0)
        judge.take(observed(number=2))
    judge.take(observed(number=3))
    report = report_of(judge)
    assert report.footer.totals.exchanges == 1
    assert [(one.where, one.reason.partition(";")[0]) for one in report.coverage.unreadable] == [
        (
            "exchange 1 (no method /base/v1/check-api-key)",
            "expected a method of HTTP such as POST, found 'no meth'...",
        ),
        ("exchange 2 (POST /base/v1/check-api-key)", "judging failed (ZeroDivisionError)"),
    ]


def test_official_sdks_and_observed_shapes_are_used_as_by_check(tmp_path: Path) -> None:
    """What deviates is parsed, and a property that was always there is missed."""
    nights = [
        {
            "method": "POST",
            "url": "http://127.0.0.1:4000/base/v1/check-api-key",
            "recorded_at": f"2026-11-{day:02}T02:00:00Z",
            "request_headers": {},
            "request_body": "",
            "status": 200,
            "response_headers": {"content-type": "application/json"},
            "response_body": json.loads(VALID),
        }
        for day in range(1, 13)
    ]
    (tmp_path / "nights.jsonl").write_text("\n".join(map(json.dumps, nights)), encoding="utf-8")
    shapes = str(tmp_path / "observed.yaml")
    assert run(["learn", str(tmp_path / "nights.jsonl"), "--server", UPSTREAM, "-o", shapes]) == 0
    settings = ProxySettings(upstream=UPSTREAM, header=HEADER, sdks=SdkParsers(python=True), observed=shapes)
    made = TrafficJudge(settings)
    made.take(observed(b'{"valid":"yes","organization_id":"c1403aad-c917-5bd6-95f0-557c4f0fc91f"}'))
    report = report_of(made)
    assert {row.kind: row.location for row in report.findings} == {
        Kind.TYPE_CHANGED: "/valid",
        Kind.SHAPE_VANISHED: "/owner_id",
    }
    assert report.header.sdks[0].startswith("cohere ")
    assert [one.source for one in report.header.observed] == [shapes]
    (effect,) = next(row.sdk_effects for row in report.findings if row.kind is Kind.TYPE_CHANGED)
    assert (effect.outcome, effect.locations) == ("loses data silently", ("/valid",))
    made.close()
