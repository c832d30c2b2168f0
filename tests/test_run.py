"""`run` as its users meet it: the command, its exit code, and what lies in the folder afterwards."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from commands import parse
from hostile import Hostile, Talk, answer
from running import HANGS, Done, called, environment, ran, running

from cohere_conformance.data import folder
from cohere_conformance.reference import ServerState
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from pathlib import Path

KEY = "co-test-3f9c1e77d2b84a50-not-a-real-key"
QUICK = "check-api-key,rerank"
SECOND = ("--only", "rerank", "--declares", "v2.rerank")


def test_a_faultless_server_conforms_and_the_report_lies_in_three_forms(tmp_path: Path) -> None:
    done = ran(tmp_path, "--only", QUICK)
    assert done.code == 0, done.output
    lines = done.output.strip().splitlines()
    assert len(lines) <= 12, "the output of a run that passes is short"
    assert lines[-1].startswith("CONFORMS: ")
    assert "report.html" in done.output
    report = done.report
    assert report["header"]["arguments"][:2] == ["run", f"--only={QUICK}"], "no option of pytest itself"
    assert report["footer"]["complete"] is True
    assert report["findings"] == []
    assert report["coverage"]["unseen"] == []
    assert report["coverage"]["cases"]["passed"] > 40
    page = (tmp_path / "conformance-report" / "report.html").read_text(encoding="utf-8")
    assert "CONFORMS" in page
    assert "POST /v2/rerank" in page


def test_a_fault_is_red_and_names_the_case_and_the_command_that_shows_it(tmp_path: Path) -> None:
    done = ran(tmp_path, "--only", "rerank", "--fault", "rerank.unsorted")
    assert done.code == 1, done.output
    assert done.output.count("DEVIATES: ") == 1
    rows = [row for row in done.report["findings"] if row["amendment"] is None]
    assert rows
    assert done.output.strip().splitlines()[-1].startswith(f"DEVIATES: {len(rows)} breaking findings in ")
    assert {row["operation"] for row in rows} == {"POST /v1/rerank", "POST /v2/rerank"}
    assert all(row["cases"] and row["example"]["curl"].startswith("curl ") for row in rows)
    command = shlex.join(["cohere-conformance", *done.report["header"]["target"]["serve"]])
    with parse(command) as again:
        assert (again.info_name, again.params["faults"]) == ("serve", ("rerank.unsorted",))


SUITES = (
    str(folder("suites")), "-p", "cohere_conformance.pytest_plugin", "-q", "--conformance-only=rerank"
)  # fmt: skip
"""What pytest is called with instead of `run --only rerank`."""


def test_the_suites_by_pytest_alone_have_the_same_verdict(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *SUITES, "--conformance-fault=rerank.score-above-one"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False, timeout=HANGS,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert Done(1, "", tmp_path).report["header"]["arguments"][:2] == ["run", "--only=rerank"]
    assert "curl -sS -X POST" in done.stdout


def test_so_they_have_without_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert pytest.main([*SUITES]) == 0
    assert Done(0, "", tmp_path).report["header"]["arguments"][:2] == ["run", "--only=rerank"]
    assert "curl -sS -X POST" not in capfd.readouterr().out


def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    found = []
    for number, more in enumerate(((), ("-n", "2"))):
        home = tmp_path / str(number)
        home.mkdir()
        done = ran(home, *SECOND, "--fault", "rerank.score-above-one", *more)
        assert done.code == 1, done.output
        found.append({(row["fingerprint"], row["count"]) for row in done.report["findings"]})
    assert found[0] == found[1]
    assert found[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--only", "rerrank"), "did you mean rerank"),
        (("--declares", "chats"), "did you mean chat"),
        (("--case", "rerank.v2.plane"), "did you mean rerank.v2.plain"),
        (("--fault", "rerank.unsortet"), "did you mean rerank.unsorted"),
        (("--profile", "live"), "live-2026"),
        (("--url", "https://api.cohere.com"), "--live"),
        (("--url", "https://api.cohere.com", "--live"), "CO_API_KEY"),
        (("--url", "localhost"), "base URL"),
        (("--max-requests", "0"), "max-requests"),
        (("--no-such-option",), "No such option"),
    ],
)
def test_a_wrong_call_is_exit_code_4(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = ran(tmp_path, *arguments)
    assert done.code == 4, done.output
    assert words in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "conformance-report").exists()


def hang(talk: Talk) -> None:
    talk.hear()
    talk.hang()


def garble(talk: Talk) -> None:
    talk.hear()
    talk.say(b"HELO nobody.example\r\n\r\n")


def reset(talk: Talk) -> None:
    talk.hear()
    talk.reset()


def test_a_port_that_nobody_listens_on_is_exit_code_3_in_one_message(tmp_path: Path) -> None:
    done = ran(tmp_path, "--url", "http://127.0.0.1:9")
    assert done.code == 3, done.output
    assert "expected a server that responds, got refused" in done.output
    assert len(done.output.strip().splitlines()) == 1


@pytest.mark.parametrize("script", [hang, garble, reset])
def test_a_server_that_speaks_no_http_is_exit_code_3(script: Any, tmp_path: Path) -> None:
    with Hostile(script) as server:
        done = ran(tmp_path, "--url", server.url)
    assert done.code == 3, done.output
    assert "expected a server that responds" in done.output
    assert server.connections <= 2, "one question is enough"


def test_a_server_that_answers_everything_alike_deviates(tmp_path: Path) -> None:
    def script(talk: Talk) -> None:
        while talk.hear():
            talk.say(answer(b'{"ok": true}', "content-type: application/json"))

    with Hostile(script) as server:
        done = ran(tmp_path, "--url", server.url, "--only", QUICK)
    assert done.code == 1, done.output
    assert {"property-missing", "status-unexpected"} <= done.kinds


def test_what_a_target_does_not_declare_is_left_out_and_said_to_be(tmp_path: Path) -> None:
    with ServerThread(ServerState()) as server:
        done = ran(tmp_path, "--url", server.url, "--only", QUICK, "--declares", "rerank")
    assert done.code == 0, done.output
    cases = done.report["coverage"]["cases"]
    assert cases["skipped"] > 0
    assert cases["skipped_reasons"] == {"group check-api-key not declared by the target": cases["skipped"]}
    assert "check-api-key not declared" in done.output
    assert done.report["header"]["target"]["declares"] == ["rerank"]


def test_a_target_may_declare_one_version_of_a_group(tmp_path: Path) -> None:
    with ServerThread(ServerState()) as server:
        done = ran(tmp_path, "--url", server.url, *SECOND)
    assert done.code == 0, done.output
    assert {row["operation"] for row in done.report["coverage"]["operations"]} == {"POST /v2/rerank"}
    assert done.report["coverage"]["unseen"] == []
    assert "POST /v1/rerank not declared by the target" in done.report["coverage"]["cases"]["skipped_reasons"]
    assert done.report["header"]["target"]["declares"] == ["v2.rerank"]


def test_nothing_selected_is_nothing_run(tmp_path: Path) -> None:
    done = ran(tmp_path, "--only", "rerank", "--", "-k", "no_such_case")
    assert done.code == 5, done.output


def test_a_report_that_cannot_be_written_is_exit_code_3(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    done = ran(tmp_path, "--only", "rerank", "--report-dir", "file/report")
    assert done.code == 3, done.output
    assert "--report-dir" in done.output
    assert "Traceback" not in done.output


def test_no_more_is_sent_than_allowed(tmp_path: Path) -> None:
    def script(talk: Talk) -> None:
        while talk.hear():
            talk.say(answer(b'{"models": []}', "content-type: application/json"))

    with Hostile(script) as server:
        done = ran(tmp_path, "--url", server.url, "--only", "rerank", "--max-requests", "10")
    assert done.code == 1, done.output
    assert len(server.requests) == 10, "the first question counts as well"
    reasons = done.report["coverage"]["cases"]["inconclusive_reasons"]
    assert sum(reasons.values()) > 20
    assert any("at most 9 requests" in reason for reason in reasons), "what is left after the first question"


def test_the_key_is_sent_and_never_written(tmp_path: Path) -> None:
    def script(talk: Talk) -> None:
        while received := talk.hear():
            echoed = json.dumps({"message": f"no such thing {received.decode('utf-8', 'replace')}"})
            talk.say(answer(echoed.encode(), "content-type: application/json", f"x-echo: {KEY}"))

    with Hostile(script) as server:
        done = ran(tmp_path, "--url", server.url, "--only", QUICK, key=KEY)
    assert done.code == 1, done.output
    assert any(KEY.encode() in request for request in server.requests)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 4
    assert [path.name for path in written if KEY.encode() in path.read_bytes()] == []
    assert KEY not in done.output


def test_a_stale_report_does_not_outlive_a_run_that_could_not_begin(tmp_path: Path) -> None:
    assert ran(tmp_path, "--only", "check-api-key").code == 0
    assert ran(tmp_path, "--only", "check-api-key", "--", "-k", "none_of_these").code == 5
    assert Done(0, "", tmp_path).report["footer"]["exit_code"] == 5


# -- a run that is stopped


@pytest.mark.parametrize(("fault", "sockets"), [("rerank.unsorted", False), ("transport.close-early", True)])
def test_only_a_faulty_transport_of_the_embedded_server_has_a_socket(
    fault: str, sockets: bool, tmp_path: Path
) -> None:
    (tmp_path / "noting.py").write_text(
        "import sys\n"
        "sys.addaudithook(lambda event, _: event == 'socket.connect' and open('connected', 'a').write('x'))\n"
    )
    done = ran(tmp_path, "--case", "rerank.v2.plain", "--fault", fault, "--", "-p", "noting")
    assert done.code == 1, done.output
    assert (tmp_path / "connected").exists() == sockets


def records(home: Path) -> int:
    journal = home / "conformance-report" / "journal-main.jsonl"
    return journal.read_bytes().count(b'"line": "record"') if journal.exists() else 0


def until_records(home: Path, number: int, process: subprocess.Popen[str]) -> None:
    while records(home) < number:
        assert process.poll() is None, "the run ended before it was stopped"
        time.sleep(0.01)


def test_a_killed_run_has_a_report_and_is_never_green(tmp_path: Path) -> None:
    def script(talk: Talk) -> None:
        while talk.hear():
            if len(server.requests) > 12:
                talk.hang()
            talk.say(answer(b'{"message": "x"}', "content-type: application/json", status="404 Not Found"))

    with Hostile(script) as server, running(tmp_path, "--url", server.url, "--only", "rerank") as process:
        until_records(tmp_path, 8, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "conformance-report" / "report.json").exists()
    done = called(tmp_path, "report")
    assert done.code == 2, done.output
    assert "INCOMPLETE: the run did not come to its end" in done.output
    assert (tmp_path / "conformance-report" / "report.html").exists()


def test_an_interrupted_run_removes_what_it_has_made(tmp_path: Path) -> None:
    with (
        ServerThread(ServerState()) as server,
        running(tmp_path, "--url", server.url, "--only", "datasets") as process,
    ):
        until_records(tmp_path, 30, process)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=HANGS)
        listed = httpx.get(f"{server.url}/v1/datasets", headers={"authorization": f"Bearer {PRODUCTION}"})
    assert process.returncode == 2, output
    report = Done(2, output, tmp_path).report
    assert report["footer"]["exit_code"] == 2
    journal = (tmp_path / "conformance-report" / "journal-main.jsonl").read_text(encoding="utf-8")
    sent = [line for line in map(json.loads, journal.splitlines()) if line.get("exchange")]
    answered = [
        (line["operation"], line["exchange"])
        for line in sent
        if line["exchange"]["response"]["status"] == 200
    ]
    created = {
        json.loads(exchange["response"]["body"])["id"]
        for operation, exchange in answered
        if operation == "POST /v1/datasets"
    }
    # The response to a removal may be what was interrupted, so the journal does not show all of them.
    assert created
    assert listed.json()["datasets"] == []
