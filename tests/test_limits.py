"""What a run costs at most, whatever the target does; and who only reads its first line."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hostile import Hostile, Talk, answer
from running import COMMAND, called, environment
from warm import WARM

from cohere_conformance.data import folder

CONFORMING = folder("cassettes") / "rerank" / "rerank.v2.plain.yaml"
WRONG = {
    "a port beyond all": "http://127.0.0.1:99999",
    "a blank behind": "http://127.0.0.1:99999 ",
    "a blank within": "http://local host",
    "no host": "http://:80",
    "half a bracket": "http://[::1",
    "letters for a port": "http://localhost:abc",
    "port 0": "http://localhost:0",
    "a negative port": "http://localhost:-1",
    "digits of another script": "http://localhost:\uff18\uff10",
    "no name by IDNA": "http://xn--a-ecp.ru",
    "a label too long": f"http://{'a' * 64}.example",
    "a line break": "http://localhost\n:80",
    "a control character": "http://localhost/\x1b[2J",
    "half an IPv4 address": "http://127.1",
}


@pytest.mark.parametrize("url", WRONG.values(), ids=WRONG)
def test_an_address_that_is_none_is_a_wrong_call_in_one_line(url: str, tmp_path: Path) -> None:
    """It is refused before anything is sent, read or written."""
    done = called(tmp_path, "run", "--url", url)
    assert done.code == 4
    assert len(done.output.strip().splitlines()) == 1, done.output
    assert "expected a base URL such as" in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        ("fuzz", "--url"),
        ("record", "--url"),
        ("verify", "--url"),
        ("check", "--example", "conforming", "--server"),
        ("cassettes", "import", "nothing.har", "--server"),
    ],
)
def test_every_command_refuses_it(command: tuple[str, ...], tmp_path: Path) -> None:
    """There is one rule for addresses."""
    done = called(tmp_path, *command, "http://127.0.0.1:99999")
    assert (done.code, len(done.output.strip().splitlines())) == (4, 1)
    assert "the port '99999', no number from 1 to 65535" in done.output


@pytest.mark.parametrize("time", ["0", "-1", "nan", "inf", "1e3", "5 minutes", "", "9999999999", "\u0661"])
def test_a_time_that_is_none_is_a_wrong_call(time: str, tmp_path: Path) -> None:
    """Seconds, minutes or hours, more than none of them."""
    done = called(tmp_path, "run", "--time-limit", time)
    assert done.code == 4
    assert "expected a time such as 90 (seconds), 5m or 1h" in done.output


def hanging(talk: Talk) -> None:
    """Answer the first question of a run, and leave every other one without a response."""
    while asked := talk.hear():
        if asked.startswith(b"GET /v1/models?page_size=1"):
            talk.say(answer(b'{"models": []}', "content-type: application/json"))
        else:
            talk.hang()


@pytest.mark.parametrize("further", [(), ("-n", "2")], ids=["one process", "two"])
@pytest.mark.parametrize("command", ["run", "fuzz", "record", "verify"])
def test_a_run_ends_at_its_time_limit_while_a_response_hangs(
    command: str, further: tuple[str, ...], tmp_path: Path
) -> None:
    """What was cut off at the limit is no fault of the target; the run is incomplete."""
    with Hostile(hanging) as server:
        done = called(
            tmp_path, command, "--url", server.url, "--only", "tokenize", "--time-limit", "2s", *further
        )
    assert done.code == 2, done.output
    report = done.report
    assert report["footer"]["exit_code"] == 2
    assert report["footer"]["verdict"].startswith("INCOMPLETE: the time limit is reached")
    assert report["findings"] == []


def test_a_target_that_never_answers_is_not_waited_for_beyond_the_limit(tmp_path: Path) -> None:
    """The first question of a run is part of it."""
    with Hostile(lambda talk: talk.hang()) as server:
        done = called(tmp_path, "run", "--url", server.url, "--only", "tokenize", "--time-limit", "1")
    assert (done.code, done.report["footer"]["exit_code"]) == (2, 2)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("check", str(CONFORMING)), 0),
        (("check", "--example", "deviating"), 1),
        (("run", "--case", "check-api-key.valid"), 0),
        (("list", "operations"), 0),
        (("contract", "bundle"), 0),
    ],
)
def test_a_reader_that_leaves_early_changes_nothing(
    arguments: tuple[str, ...], code: int, unbuffered: str, tmp_path: Path
) -> None:
    """`… | head -1` has the exit code of the verdict, says nothing else, and the report is written."""
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=tmp_path, env=environment(PYTHONUNBUFFERED=unbuffered),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert (process.stderr.read(), process.wait(100)) == ("", code)
    process.stderr.close()
    if arguments[0] in {"check", "run"}:
        assert (tmp_path / "conformance-report" / "report.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [("check", "--example", "conforming"), ("run", "--case", "check-api-key.valid"), ("list", "operations")],
)
def test_a_full_disk_behind_the_output_is_one_line_and_3(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """What could not be shown is no verdict, and no report says otherwise."""
    done = WARM.call(arguments, tmp_path, environment(), device=Path("/dev/full"))
    assert (done.code, done.errors) == (
        3,
        "cohere-conformance: [Errno 28] No space left on device\n",
    )
    report = tmp_path / "conformance-report" / "report.json"
    assert not report.exists() or '"exit_code": 3' in report.read_text(encoding="utf-8")
