"""`check` on recordings without bodies: what was not there is counted, and is no evidence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.cli import run
from cohere_conformance.report import Report, load

if TYPE_CHECKING:
    from pathlib import Path

API = "https://api.cohere.com"
SENT = {"model": "m", "query": "q", "documents": ["a"]}
VALID = {"id": "1", "results": [{"index": 0, "relevance_score": 0.5}]}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def row(**changes: Any) -> dict[str, Any]:
    fields = {"method": "POST", "url": f"{API}/v2/rerank", "status": 200, "content_type": "application/json"}
    return fields | {"request_body": SENT} | changes


def checked(here: Path, *rows: dict[str, Any], options: tuple[str, ...] = ()) -> tuple[int, Report]:
    (here / "traffic.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    code = run(["check", "traffic.jsonl", "--report-dir", "report", *options])
    return code, load(here / "report")


def test_without_any_body_nothing_was_judged(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A recorder that keeps no bodies leaves nothing that could conform: exit code 5, and none is clean."""
    code, report = checked(here, *[row()] * 3)
    (operation,) = report.coverage.operations
    assert (code, report.footer.exit_code) == (5, 5)
    assert (operation.judged, operation.clean, operation.unrecorded) == (3, 0, 3)
    assert report.footer.totals.unrecorded == 3
    shown = capsys.readouterr().out
    assert "body not recorded: 3" in shown
    assert "CONFORMS" not in shown


def test_a_missing_body_beside_a_judged_one_is_counted_and_fails_nothing(here: Path) -> None:
    """One body was judged, the other was not there: the first conforms, the second is counted."""
    code, report = checked(here, row(), row(response_body=VALID))
    (operation,) = report.coverage.operations
    assert code == 0
    assert (operation.judged, operation.clean, operation.unrecorded) == (2, 1, 1)
    assert report.footer.verdict.endswith("; body not recorded: 1")


def test_a_deviation_without_a_body_is_a_deviation(here: Path) -> None:
    """A status that no operation declares needs no body to be wrong."""
    code, report = checked(here, row(status=299))
    assert code == 1
    assert [found.kind for found in report.findings] == ["status-undeclared"]


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "HEAD"},
        {"method": "DELETE", "url": f"{API}/v1/datasets/x", "status": 204},
        {"status": 304},
    ],
    ids=["HEAD", "204", "304"],
)
def test_what_has_no_body_by_http_lacks_none(here: Path, changes: dict[str, Any]) -> None:
    """HEAD, 204 and 304 come without a body: it is not missing."""
    _, report = checked(here, row(**changes), row(response_body=VALID))
    assert report.footer.totals.unrecorded == 0


def test_several_processes_count_the_same(here: Path) -> None:
    """The counts and the remarks do not depend on how the work is spread."""
    rows = [row(responseBody=VALID), row(response_body=VALID)]
    once, twice = (checked(here, *rows, options=("--jobs", jobs))[1] for jobs in ("1", "2"))
    assert once.coverage == twice.coverage
    assert once.coverage.remarks


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("responseBody", "response_body"),
        ("response-body", "response_body"),
        ("resp_body", "response_body"),
        ("responseText", "response_body"),
        ("body", "response_body"),
        ("payload", "response_body"),
    ],
)
def test_a_key_that_looks_like_a_body_is_named_once_a_file(here: Path, key: str, name: str) -> None:
    """The recorder calls it otherwise: the user is asked once whether that is what was meant."""
    code, report = checked(here, *[row(**{key: VALID})] * 3)
    (remark,) = report.coverage.remarks
    assert code == 5
    assert (remark.where, remark.text) == ("line 1", f"`{key}` is not read: did you mean `{name}`?")


def test_a_key_beside_the_body_is_nobodys_business(here: Path) -> None:
    """Where the body is there under its name, other keys are comments."""
    _, report = checked(here, row(response_body=VALID, body_size=7, payload="x"))
    assert report.coverage.remarks == ()


def test_a_body_that_cannot_be_decoded_is_no_evidence(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counted apart from those that were not recorded; alone it gives no verdict, and no finding."""
    packed = {
        "request": {"method": "POST", "url": f"{API}/v2/rerank", "body": json.dumps(SENT)},
        "response": {
            "status": 200,
            "headers": {"content-type": ["application/json"], "content-encoding": ["dcz"]},
            "body": {"base64_string": "//79/A=="},
        },
    }
    code, report = checked(here, packed)
    assert code == 5
    assert (report.footer.totals.undecoded, report.footer.totals.unrecorded) == (1, 0)
    assert report.findings == ()
    assert "body not decoded: 1" in capsys.readouterr().out


def test_addresses_without_a_host_get_a_hint_and_a_server(here: Path) -> None:
    """An access log has paths only: the hint says how to name the server, and then the rows are judged."""
    rows = [row(url="/v2/rerank", response_body=VALID)] * 2
    code, report = checked(here, *rows)
    (remark,) = report.coverage.remarks
    assert code == 5
    assert "--server URL" in remark.text
    code, report = checked(here, *rows, options=("--server", "https://gateway.example/cohere"))
    assert code == 0
    assert report.footer.totals.exchanges == 2
    assert report.coverage.remarks == ()
