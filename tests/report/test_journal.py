from __future__ import annotations

import json
import os
from itertools import islice, permutations
from typing import TYPE_CHECKING

import msgspec
import pytest

from cohere_conformance.errors import ReportError
from cohere_conformance.model import (
    Aspect,
    Element,
    Exchange,
    Failure,
    FailureKind,
    Finding,
    Kind,
    Request,
    Response,
    Source,
    StreamEvent,
)
from cohere_conformance.report import (
    CaseEnd,
    Closing,
    Exercise,
    Header,
    Journal,
    Mode,
    Opening,
    Record,
    Target,
    clear_journals,
    read_journals,
    render_json,
    report_of,
    run_part,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.report.conftest import MakeExchange, MakeFinding

    from cohere_conformance.report import Report

CHAT, EMBED = "POST /v2/chat", "POST /v2/embed"
HEADER = Header(
    tool="cohere-conformance",
    version="0.2.0",
    contract_version="2026-08-20",
    contract_digest="sha256:e5ae7eef90c2",
    mode=Mode.AMENDED,
    inputs=(),
    started_at="2026-11-22T22:00:00Z",
    target=Target(url="http://user:pw@127.0.0.1:8080/x", profile="contract", declares=("chat",), workers=2),
    arguments=("run", "--target", "http://user:pw@127.0.0.1:8080/x"),
)
STATUS = [Element(CHAT, Aspect.STATUS, name) for name in ("200", "400", "404")]


def _opening(worker: str = "main", planned: tuple[str, ...] | None = None, run: str = "") -> Opening:
    return Opening(worker=worker, header=HEADER, planned=planned, run=run)


def _report(folder: Path) -> Report:
    part = run_part(folder)
    return report_of(
        [part],
        part.header,
        operations={CHAT: "chat", EMBED: "embed"},
        declared=STATUS,
        exercised=lambda one: [Element(CHAT, Aspect.STATUS, str(one.response.status))],
        finished_at="2026-11-22T22:00:09Z",
    )


def _write(
    folder: Path, *records: Record, worker: str = "main", planned: tuple[str, ...] | None = None
) -> Path:
    with Journal(folder, _opening(worker, planned)) as journal:
        for record in records:
            journal.add(record)
    return journal.path


@pytest.fixture
def passed(exchange: MakeExchange) -> Record:
    return Record(case="chat.v2.plain", operation=CHAT, outcome="passed", exchange=exchange())


@pytest.fixture
def failed(exchange: MakeExchange, finding: MakeFinding) -> Record:
    found = (finding(Kind.TYPE_CHANGED, "/id"),)
    return Record(case="chat.v2.odd", operation=CHAT, outcome="failed", exchange=exchange(), findings=found)


# -- lines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [None, b"", b"{}", "caf\xe9 \u2028\x85\U0001f600".encode(), b"\xff\x00", b"\xed\xa0\x80", b"a\r\nb\n"],
)
def test_a_record_is_read_back_as_it_was(tmp_path: Path, body: bytes | None) -> None:
    response = Response(
        200,
        (("content-type", "text/event-stream"),),
        body,
        (StreamEvent("x\ny", "message", 0.25),),
        Failure(FailureKind.LENGTH, "too short"),
        1.5,
        ((3, 0.5), (9, 1.25)),
    )
    exchange = Exchange(Request("POST", "http://a.example/v2/chat", (), body), response, Source("run", "1"))
    finding = Finding(Kind.ENUM_UNKNOWN, "breaking", CHAT, 200, "/\ud800", "a", "\ud800\x1b\n", "\udfff")
    record = Record(
        case="a.b", operation=CHAT, outcome="failed", exchange=exchange, findings=(finding,), setup=True
    )
    path = _write(tmp_path, record)
    (journal,) = read_journals(tmp_path)
    opening, read, closing = journal.lines()
    assert (opening, read, closing) == (_opening(), record, Closing(records=1))
    assert journal.worker == "main"
    assert isinstance(read, Record)
    assert read.findings[0].fingerprint == finding.fingerprint
    raw = path.read_bytes()
    assert raw.count(b"\n") == 3
    assert not set(raw.decode()) & set("\x1b\x85\u2028")


def test_text_stays_readable(tmp_path: Path, passed: Record) -> None:
    lines = _write(tmp_path, passed).read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[1])["exchange"]["request"]["body"] == '{"model": "command-a"}'


def test_each_line_is_there_before_the_next_exchange(tmp_path: Path, passed: Record) -> None:
    journal = Journal(tmp_path, _opening())
    for number in range(1, 4):
        journal.add(passed)
        assert journal.path.read_bytes().count(b"\n") == 1 + number
    journal.close()
    journal.close()
    assert journal.path.read_bytes().count(b"closing") == 1
    with pytest.raises(ReportError, match="expected an open journal"):
        journal.add(passed)


def test_an_exception_leaves_the_journal_without_its_end(tmp_path: Path, passed: Record) -> None:
    def crash() -> None:
        with Journal(tmp_path, _opening()) as journal:
            journal.add(passed)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        crash()
    assert b"closing" not in (tmp_path / "journal-main.jsonl").read_bytes()
    assert _report(tmp_path).coverage.cases.unclosed == ("main",)


def test_findings_need_their_proof(tmp_path: Path, failed: Record) -> None:
    with Journal(tmp_path, _opening()) as journal, pytest.raises(ReportError, match="proves the findings"):
        journal.add(msgspec.structs.replace(failed, exchange=None))


def test_the_journal_of_another_run_is_neither_extended_nor_lost(tmp_path: Path) -> None:
    path = _write(tmp_path)
    with pytest.raises(ReportError, match="expected no journal before the run"):
        Journal(tmp_path, _opening())
    clear_journals(tmp_path)
    assert not path.exists()
    with pytest.raises(ReportError, match="got none"):
        read_journals(tmp_path)


def test_a_full_disk_raises_an_error_and_ends_the_journal(
    tmp_path: Path, passed: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, _opening())

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(ReportError, match="No space left on device; name another folder"):
            journal.add(passed)
    with pytest.raises(ReportError, match="closed"):
        journal.add(passed)
    journal.close()
    assert _report(tmp_path).footer.exit_code == 3


def test_a_line_is_written_whole_although_the_system_takes_it_in_parts(
    tmp_path: Path, passed: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[:7]))
    _write(tmp_path, passed)
    assert _report(tmp_path).coverage.cases.passed == 1


# -- killed runs ---------------------------------------------------------------------------------------------


def test_a_journal_that_is_cut_anywhere_gives_a_partial_report(
    tmp_path: Path, passed: Record, failed: Record
) -> None:
    path = _write(tmp_path, passed, failed, planned=("chat.v2.plain", "chat.v2.odd"))
    whole = path.read_bytes()
    ends = [number for number, byte in enumerate(whole) if byte == 0x0A]
    for cut in range(ends[0] + 1, len(whole), 97):
        path.write_bytes(whole[:cut])
        report = _report(tmp_path)
        ran = sum(end < cut for end in ends) - 1
        assert report.footer.exit_code == 3
        assert report.footer.verdict.startswith("INCOMPLETE: 1 worker did not end")
        assert report.coverage.cases.run == ran
        assert report.coverage.cases.not_run == 2 - ran
        assert not report.coverage.unreadable
    path.write_bytes(whole)
    assert _report(tmp_path).footer.exit_code == 1


def test_without_an_opening_nothing_is_known(tmp_path: Path) -> None:
    path = _write(tmp_path)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(ReportError, match="begins with its opening"):
        _report(tmp_path)
    _write(tmp_path, worker="gw0")
    assert _report(tmp_path).coverage.cases.unclosed == ("main",)


@pytest.mark.parametrize("line", [b"\x00\x00", b"[]", b'{"line": "odd"}', b'{"line": "closing"}', b"\xff"])
def test_a_line_that_is_damaged_hides_nothing_else(tmp_path: Path, passed: Record, line: bytes) -> None:
    path = _write(tmp_path, passed, passed)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], line + b"\n", *lines[2:]]))
    report = _report(tmp_path)
    assert [(one.file, one.where) for one in report.coverage.unreadable] == [("journal-main.jsonl", "line 3")]
    assert report.footer.exit_code == 3
    assert report.footer.verdict.startswith("INCOMPLETE: 1 line of the journal unreadable")
    assert report.exchanges_judged == 2


def test_other_formats_and_other_runs_are_refused(tmp_path: Path) -> None:
    path = _write(tmp_path)
    with Journal(tmp_path, _opening("gw1", run="another")) as journal:
        pass
    with pytest.raises(ReportError, match="the journals of one run, got those of several"):
        _report(tmp_path)
    journal.path.unlink()
    path.write_bytes(path.read_bytes().replace(b'"format": 2}\n', b'"format": 9}\n'))
    with pytest.raises(ReportError, match="journal of format 2, got 9"):
        _report(tmp_path)


# -- the report of a run -------------------------------------------------------------------------------------


def _records(exchange: MakeExchange, finding: MakeFinding) -> list[Record]:
    found = (finding(Kind.TYPE_CHANGED, "/id"),)
    return [
        Record(case="r", operation=CHAT, outcome="passed", exchange=exchange(position="1"), setup=True),
        Record(case="a", operation=CHAT, outcome="passed", exchange=exchange(position="2")),
        Record(case="a", operation=CHAT, outcome="failed", exchange=exchange(position="3"), findings=found),
        Record(case="b", operation=CHAT, outcome="failed", exchange=exchange(position="4"), findings=found),
        Record(case="c", operation=EMBED, outcome="inconclusive", reason="429 three times"),
        Record(case="d", operation=EMBED, outcome="skipped", reason="need a trial key"),
        Record(case="e", operation=EMBED, outcome="skipped", reason="need a trial key"),
        Record(case="f", operation="", outcome="error", exchange=exchange(position="5"), reason="boom"),
        Record(case="g", operation=CHAT, outcome="failed"),
    ]


def _spread(folder: Path, records: Sequence[Record]) -> bytes:
    _write(folder, *records[::2], worker="gw0", planned=("a", "h"))
    _write(folder, *records[1::2], worker="gw1", planned=("a", "h"))
    return render_json(_report(folder))


def test_it_does_not_matter_which_worker_wrote_what(
    tmp_path: Path, exchange: MakeExchange, finding: MakeFinding
) -> None:
    records = _records(exchange, finding)
    orders = [records, records[::-1], *islice(permutations(records), 1, 40000, 9973)]
    assert len({_spread(tmp_path / str(number), order) for number, order in enumerate(orders)}) == 1


def test_the_report_counts_cases_by_their_worst_end(
    tmp_path: Path, exchange: MakeExchange, finding: MakeFinding
) -> None:
    _spread(tmp_path, _records(exchange, finding))
    report = _report(tmp_path)
    cases = report.coverage.cases
    assert cases is not None
    assert (cases.run, cases.passed, cases.failed, cases.inconclusive, cases.error) == (5, 0, 3, 1, 1)
    assert (cases.skipped, cases.skipped_reasons) == (2, {"need a trial key": 2})
    assert (cases.failed_bare, cases.not_run, cases.unclosed) == (1, 1, ())
    assert cases.inconclusive_reasons == {"429 three times": 1}
    assert [(one.case, one.outcome) for one in cases.ends] == [
        *(("a", "failed"), ("b", "failed"), ("c", "inconclusive")),
        *(("f", "error"), ("g", "failed"), ("h", "not-run")),
    ]
    assert cases.ends[4] == CaseEnd(
        case="g", operation=CHAT, outcome="failed", reason="failed without a finding and without a reason"
    )
    (row,) = report.findings
    assert (row.cases, row.count) == (("a", "b"), 2)
    (chat,) = report.coverage.operations
    assert (chat.judged, chat.cases) == (4, 3)
    assert report.coverage.groups == {CHAT: "chat", EMBED: "embed"}
    assert report.coverage.unrouted == 1
    assert report.coverage.exercise == (
        Exercise(operation=CHAT, aspect=Aspect.STATUS, declared=3, seen=1, missing=("400", "404")),
    )


def test_the_report_shows_the_target_without_the_password(tmp_path: Path, passed: Record) -> None:
    _write(tmp_path, passed)
    raw = render_json(_report(tmp_path))
    assert b"http://127.0.0.1:8080/x" in raw
    assert b"user:pw" not in raw


def test_the_first_cases_in_alphabetical_order_are_named(
    tmp_path: Path, failed: Record, exchange: MakeExchange
) -> None:
    names = [f"chat.case-{number:02}" for number in range(30)]
    for folder, order in (("up", names), ("down", names[::-1])):
        records = [
            msgspec.structs.replace(failed, case=name, exchange=exchange(position=name)) for name in order
        ]
        _write(tmp_path / folder, *records)
        assert _report(tmp_path / folder).findings[0].cases == tuple(names[:20])
