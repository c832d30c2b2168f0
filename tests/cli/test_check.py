"""`check`: each exit code by a cause of its own, and what is written and shown."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from cohere_conformance import session
from cohere_conformance.cli import run
from cohere_conformance.data import folder
from cohere_conformance.report import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cohere_conformance.report import Report

ASKED = {"model": "m", "query": "q", "documents": ["a"]}
RERANK = {"results": [{"index": 0, "relevance_score": 0.5}]}
ADDED = RERANK | {"new": 1}
BROKEN = {"results": "none"}
API = "https://api.cohere.com"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


@pytest.fixture
def traffic(here: Path) -> Callable[..., str]:
    """Write lines of traffic and return the name of the file."""

    def write(
        *bodies: Any, name: str = "traffic.jsonl", url: str = f"{API}/v2/rerank", sent: Any = ASKED
    ) -> str:
        rows = (
            body
            if isinstance(body, str)
            else json.dumps(
                {
                    "method": "POST",
                    "url": url,
                    "status": 200,
                    "content_type": "application/json",
                    "request_body": sent,
                    "response_body": body,
                }
            )
            for body in bodies
        )
        (here / name).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        return name

    return write


def report(here: Path) -> Report:
    return load(here / "conformance-report")


# -- exit codes


def test_what_conforms_is_0(
    here: Path, traffic: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", traffic(RERANK, RERANK)]) == 0
    assert report(here).footer.exit_code == 0
    assert "CONFORMS: 2 exchanges of 1 operation" in capsys.readouterr().out


def test_what_only_an_sdk_declares_conforms_and_is_counted(
    here: Path, traffic: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    sent = {
        "model": "rerank-v5.0-fast",
        "query": "Which fruit is red?",
        "documents": ["Cherries are red. The sky is not.", "Monday"],
        "relevant_spans": {"mode": "enabled", "max_spans": 1, "threshold": 0.3},
    }
    results = [
        {"index": 0, "relevance_score": 0.8, "relevant_spans": [{"start": 0, "end": 17, "score": 0.85}]},
        {"index": 1, "relevance_score": 0.01},
    ]
    units = {"billed_units": {"search_units": 1, "text_tokens": 14}}
    assert run(["check", traffic({"results": results, "meta": units}, sent=sent)]) == 0
    shown = capsys.readouterr().out
    assert "CONFORMS: 1 exchange of 1 operation" in shown
    assert {one.amendment for one in report(here).known_defects} == {
        "common.text-tokens",
        "rerank.relevant-spans",
    }


@pytest.mark.parametrize(("example", "code"), [("conforming", 0), ("deviating", 1)])
def test_the_examples_that_ship_with_the_package(here: Path, example: str, code: int) -> None:
    assert run(["check", "--example", example]) == code
    assert report(here).footer.totals.unreadable == 0


@pytest.mark.parametrize(
    ("bodies", "fail_on", "code"),
    [
        ([RERANK, ADDED], [], 1),
        ([RERANK, BROKEN], [], 1),
        ([ADDED], ["--fail-on", "breaking"], 0),
        ([ADDED, BROKEN], ["--fail-on", "breaking"], 1),
        ([ADDED], ["--fail-on", "additive"], 1),
        ([ADDED], ["--fail-on", "notice"], 1),
        ([RERANK], ["--fail-on", "notice"], 0),
    ],
    ids=["additive", "breaking", "only-additive", "both", "additive-named", "notice", "clean"],
)
def test_findings_are_1_from_a_severity_on(
    here: Path, traffic: Callable[..., str], bodies: list[Any], fail_on: list[str], code: int
) -> None:
    assert run(["check", traffic(*bodies), *fail_on]) == code
    assert report(here).footer.exit_code == code


def test_a_mistake_of_the_client_fails_nothing_unless_asked(here: Path, traffic: Callable[..., str]) -> None:
    row = json.loads((here / traffic(RERANK)).read_text(encoding="utf-8"))
    refused = {"status": 400, "response_body": {"message": "model and documents are required"}}
    file = traffic(json.dumps(row | refused | {"request_body": {"query": "q"}}))
    assert (run(["check", file]), run(["check", file, "--fail-on", "notice"])) == (0, 1)
    assert report(here).footer.totals.client == 2


def test_an_interrupt_is_2_with_a_partial_report(
    here: Path,
    traffic: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(paths: Any, ours: session.Judge, tally: Any, **more: Any) -> None:
        real(paths, ours, tally, **more)
        raise KeyboardInterrupt

    real = session.check
    monkeypatch.setattr(session, "check", interrupted)
    assert run(["check", traffic(RERANK, BROKEN)]) == 2
    assert (report(here).footer.exit_code, report(here).footer.totals.exchanges) == (2, 2)
    assert "INTERRUPTED" in capsys.readouterr().out


def test_an_interrupt_before_anything_is_judged_is_2(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "Judge", interrupted)
    assert run(["check", "--example", "conforming"]) == 2


def test_a_missing_file_is_3(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "nowhere.jsonl"]) == 3
    assert [(one.file, one.reason) for one in report(here).coverage.unreadable] == [
        ("nowhere.jsonl", "there is no such file or folder")
    ]
    assert "nowhere.jsonl" in capsys.readouterr().out


def test_a_line_that_cannot_be_read_is_3_and_the_rest_is_judged(
    here: Path, traffic: Callable[..., str]
) -> None:
    assert run(["check", traffic(RERANK, "{broken", BROKEN, name="a.jsonl"), "--fail-on", "notice"]) == 3
    written = report(here)
    assert [(one.file, one.where) for one in written.coverage.unreadable] == [("a.jsonl", "line 2")]
    assert [row.location for row in written.findings] == ["/results"]
    assert written.footer.totals.exchanges == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.jsonl", b""),
        ("binary.yaml", bytes(range(256))),
        ("cut.har", b'{"log": {"entries": [{"request": {'),
        ("cut.yaml", b"interactions:\n- request:\n    body: 'x\n"),
        ("cut.jsonl.gz", gzip.compress(b'{"method": "GET"}\n' * 100, mtime=0)[:-9]),
        ("other.json", b'{"name": "something else"}'),
    ],
    ids=["empty", "binary", "har", "yaml", "gzip", "other"],
)
def test_a_file_that_cannot_be_read_is_3_and_others_are_judged(
    here: Path, traffic: Callable[..., str], name: str, content: bytes
) -> None:
    (here / name).write_bytes(content)
    assert run(["check", name, traffic(RERANK)]) == 3
    assert {one.file for one in report(here).coverage.unreadable} == {name}
    assert report(here).footer.totals.exchanges == 1


def test_a_report_that_cannot_be_written_is_3(
    here: Path, traffic: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "taken").write_text("a file", encoding="utf-8")
    assert run(["check", traffic(RERANK), "--report-dir", "taken/below"]) == 3
    assert "name another folder with --report-dir" in capsys.readouterr().err


def test_a_defect_of_the_tool_is_3_and_no_verdict(
    here: Path,
    traffic: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(session, "check", failing)
    assert run(["check", traffic(RERANK)]) == 3
    said = capsys.readouterr().err
    assert "RuntimeError: no such thing" in said
    assert "this is a bug in cohere-conformance" in said
    assert not (here / "conformance-report").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["check"], "name at least one file or folder"),
        (["check", "--nonsense"], "No such option"),
        (["check", "x", "--fail-on", "anything"], "anything"),
        (["check", "x", "--jobs", "0"], "0"),
        (["check", "x", "--jobs", "many"], "many"),
        (["check", "--example", "nonsense"], "nonsense"),
        (["check", "x", "--server", "gateway.example"], "expected a base URL such as http"),
        (["nonsense"], "nonsense"),
        (["explain"], "SUBJECT"),
        (["explain", "x", "y"], "y"),
        (["list"], "Usage"),
        ([], "Usage"),
        (["contract", "bundle", "--root", "nowhere"], "nowhere"),
    ],
    ids=[
        "no-path",
        "unknown-option",
        "unknown-severity",
        "no-process",
        "no-number",
        "unknown-example",
        "no-url",
        "unknown-command",
        "no-subject",
        "two-subjects",
        "list-of-nothing",
        "nothing",
        "no-folder",
    ],
)
@pytest.mark.usefixtures("here")
def test_a_wrong_call_is_4(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 4
    assert complaint in capsys.readouterr().err


def test_a_report_folder_that_is_a_file_is_4(here: Path, traffic: Callable[..., str]) -> None:
    (here / "taken").write_text("a file", encoding="utf-8")
    assert run(["check", traffic(RERANK), "--report-dir", "taken"]) == 4


def test_traffic_of_other_hosts_only_is_5(
    here: Path, traffic: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", traffic(RERANK, BROKEN, url="https://example.com/v2/rerank")]) == 5
    assert report(here).coverage.other_hosts.hosts == {"example.com": 2}
    assert "NOTHING JUDGED" in capsys.readouterr().out


def test_unknown_routes_only_is_5(here: Path, traffic: Callable[..., str]) -> None:
    assert run(["check", traffic(RERANK, url=f"{API}/v2/scan")]) == 5
    assert [row.kind.value for row in report(here).findings] == ["route-unknown"]


def test_an_empty_folder_is_5(here: Path) -> None:
    (here / "empty").mkdir()
    assert run(["check", "empty"]) == 5


def test_a_folder_without_traffic_is_5_and_says_what_was_skipped(here: Path) -> None:
    (here / "other").mkdir()
    (here / "other" / "data.jsonl").write_text('{"name": "x"}\n', encoding="utf-8")
    (here / "other" / "notes.txt").write_text("x", encoding="utf-8")
    assert run(["check", "other"]) == 5
    skipped = [(one.file, one.reason) for one in report(here).coverage.skipped]
    assert skipped == [
        ("other", "files that are no recordings: 1 .txt"),
        ("other/data.jsonl", "JSON Lines without exchanges"),
    ]


# -- options


def test_another_server_counts_if_named(here: Path, traffic: Callable[..., str]) -> None:
    file = traffic(BROKEN, url="https://gateway.example/cohere/v2/rerank")
    assert run(["check", file]) == 5
    assert run(["check", file, "--server", "https://gateway.example/cohere"]) == 1
    assert (
        run(["check", file, "--server", "https://a.example", "--server", "https://gateway.example/cohere/"])
        == 1
    )


def test_as_published_leaves_the_amendments_out(here: Path, traffic: Callable[..., str]) -> None:
    sent = {"model": "m", "input_type": "search_query", "texts": ["a"], "embedding_types": ["float"]}
    vectors = {"embeddings": {"float": [[0.5]]}, "texts": ["a"]}
    answer = {"response_type": "embeddings_by_type", "id": "x", **vectors}
    file = traffic(answer, url=f"{API}/v2/embed", sent=sent)
    assert run(["check", file]) == 0
    assert {row.amendment for row in report(here).known_defects} == {"embed.api-version"}
    assert run(["check", file, "--as-published"]) == 1
    written = report(here)
    assert {row.amendment for row in written.findings} == {None}
    assert written.header.mode.value == "as-published"


def test_two_processes_write_the_same_findings(here: Path, traffic: Callable[..., str]) -> None:
    files = [traffic(BROKEN, ADDED, name="a.jsonl"), traffic(ADDED, "{broken", name="b.jsonl")]
    written = []
    for jobs in ("1", "2"):
        assert run(["check", *files, "--jobs", jobs, "--report-dir", f"jobs-{jobs}"]) == 3
        made = json.loads((here / f"jobs-{jobs}" / "report.json").read_text(encoding="utf-8"))
        written.append((made["findings"], made["coverage"], made["footer"]["totals"]))
    assert written[0] == written[1]


def test_an_example_and_a_file_are_judged_together(here: Path, traffic: Callable[..., str]) -> None:
    assert run(["check", traffic(RERANK), "--example", "conforming"]) == 0
    assert report(here).footer.totals.exchanges == 93


# -- the report


def test_the_written_report_obeys_its_schema(here: Path, traffic: Callable[..., str]) -> None:
    file = traffic(RERANK, BROKEN, ADDED, "{broken")
    assert (
        run(["check", file, "nowhere.har", "--report-dir", "out/deep", "--server", "http://mock.example"])
        == 3
    )
    made = json.loads((here / "out" / "deep" / "report.json").read_text(encoding="utf-8"))
    schema = json.loads((folder("reports") / "report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(made, schema, cls=jsonschema.Draft202012Validator)
    assert load(here / "out" / "deep").footer.totals.exchanges == 3
    assert sorted(path.name for path in (here / "out" / "deep").iterdir()) == [
        *("history.sqlite", "report.html", "report.json", "report.md")
    ]


def test_the_report_says_what_was_judged_and_against_what(here: Path, traffic: Callable[..., str]) -> None:
    file = traffic(RERANK)
    run(["check", file, "--fail-on", "breaking"])
    header = report(here).header
    assert (header.tool, header.mode.value, header.inputs) == ("cohere-conformance", "amended", (file,))
    assert (header.contract_version, header.fail_on.value) == ("2026-08-20", "breaking")
    assert header.started_at <= report(here).footer.finished_at
    assert header.started_at.endswith("Z")


def test_the_files_are_named_on_the_screen(
    here: Path, traffic: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    run(["check", traffic(BROKEN)])
    said = capsys.readouterr().out
    assert "wrote conformance-report/report.json, conformance-report/report.md" in said
    assert "results" in said
    text = (here / "conformance-report" / "report.md").read_text(encoding="utf-8")
    assert "type-changed" in text


def test_a_second_run_replaces_the_report(here: Path, traffic: Callable[..., str]) -> None:
    run(["check", traffic(BROKEN)])
    run(["check", traffic(RERANK)])
    assert report(here).findings == ()


def test_no_credential_reaches_the_report(here: Path, traffic: Callable[..., str]) -> None:
    row = json.loads((here / traffic(BROKEN)).read_text(encoding="utf-8"))
    row["request_headers"] = {
        "Authorization": "Bearer wo2JxQ-not-a-key-1",
        "content-type": "application/json",
    }
    row["url"] += "?token=wo2JxQ-not-a-key-2"
    row["request_body"] |= {"api_key": "wo2JxQ-not-a-key-3"}
    run(["check", traffic(json.dumps(row))])
    for path in (here / "conformance-report").iterdir():
        assert b"wo2JxQ" not in path.read_bytes(), path.name


def test_a_secret_that_an_answer_shows_does_not_reach_the_report(
    here: Path, traffic: Callable[..., str]
) -> None:
    secrets = {
        "api_key": "wo2JxQ-1",
        "token": "wo2JxQ-2",
        "client_secret": "wo2JxQ-3",
        "password": "wo2JxQ-4",
    }
    assert run(["check", traffic(RERANK | secrets)]) == 1
    assert len(report(here).findings) == 4
    for path in (here / "conformance-report").iterdir():
        assert b"wo2JxQ" not in path.read_bytes(), path.name


# -- with the official SDK


def test_the_effect_on_the_official_sdk_is_shown(
    traffic: Callable[..., str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = traffic({"results": [{"index": 0, "relevance_score": "0.5"}]})
    assert run(["check", name, "--sdk-effect"]) == 1
    assert "; cohere returns a wrong type" in capsys.readouterr().out
    assert run(["check", name, "--sdk-effect", "-v"]) == 1
    assert "SDK      cohere 7" in capsys.readouterr().out
    (cause,) = load(here / "conformance-report").causes
    (effect,) = cause.sdk_effects
    assert (effect.outcome, effect.locations) == (
        "returns a wrong type",
        ("/results/*/relevance_score",),
    )


def test_without_the_sdk_nothing_is_judged(
    traffic: Callable[..., str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cohere_conformance.sdk.installed.find_spec", lambda _: None)
    assert run(["check", traffic(RERANK), "--sdk-effect"]) == 4
    assert "pip install 'cohere-conformance[sdk]'" in capsys.readouterr().err
