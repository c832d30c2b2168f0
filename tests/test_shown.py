"""What a server says reaches no terminal and no log of a CI service in a form that they obey."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING

import pytest
from hostile import Hostile, Talk
from running import called

from cohere_conformance.privacy.secret import Secret
from cohere_conformance.report.render.safe import lines, plain
from cohere_conformance.session.shown import Cleaner, guard_logs

if TYPE_CHECKING:
    from pathlib import Path

    from running import Done

KEY = "k3yOfNobody8d21c07eQz"
HOSTILE = (
    "\x1b[31mred\x1b]0;title\x07 \x9b1m \u202edlo\u2066 \u200b\u2028\u2029\ufeff \ud800 over\rwritten\ttab "
    "::error::one ##[error]two ##vso[task.complete]three\r\n::add-mask::four\n  ::stop-commands::five\n"
)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_COMMAND = re.compile(r"^\s*::[A-Za-z]|##\w*\[", re.MULTILINE)


def obeyed(text: str) -> list[str]:
    """Return what of a text a terminal or a CI service would obey."""
    return _UNPRINTABLE.findall(text) + _COMMAND.findall(text)


def hostile(talk: Talk) -> None:
    """Answer every request with what must not be printed as it is (a script)."""
    while talk.hear():
        said = json.dumps({"message": HOSTILE, "id": HOSTILE, KEY: HOSTILE}).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-odd: \x1b[31m ::error::{KEY}\r\n"
        talk.say(f"{head}set-cookie: s={KEY}\r\ncontent-length: {len(said)}\r\n\r\n".encode() + said)


# -- the sanitiser


def test_a_value_is_on_one_line_and_commands_nothing() -> None:
    shown = plain(HOSTILE)
    assert obeyed(shown) == []
    assert shown.isprintable()
    assert shown.startswith(r"\x1b[31mred\x1b]0;title\x07")
    assert r"\x3a:error::one \x23#[error]two \x23#vso[task.complete]three" in shown


@pytest.mark.parametrize(
    "text", ["::error::x", " ::group::x", "a ::set-output name=a::b", "x::debug file=a::b"]
)
def test_a_command_is_broken_wherever_a_line_may_be_wrapped(text: str) -> None:
    assert re.search(r"(?<!\\x3a)::[a-z-]+[ :]", plain(text)) is None


@pytest.mark.parametrize("text", ["[::1]:8080", "tests/test_a.py::test_b", "a::b", "# heading", "12:30:00"])
def test_what_commands_nothing_stays(text: str) -> None:
    assert plain(text) == text
    assert lines(text) == text


def test_a_text_keeps_its_lines() -> None:
    shown = lines(HOSTILE)
    assert obeyed(shown) == []
    assert shown.count("\n") == HOSTILE.count("\n")


# -- log records


def test_log_records_are_cleaned_whatever_they_hold(caplog: pytest.LogCaptureFixture) -> None:
    """Message, arguments, traceback and stack, of every logger, and broken ones as well."""
    end = guard_logs(Cleaner([Secret(KEY)]))
    try:
        logger = logging.getLogger("httpcore.http11")
        with caplog.at_level(logging.DEBUG):
            logger.debug(
                "return_value=%r", [(b"set-cookie", b"s=quite-a-secret-cookie"), (b"x", KEY.encode())]
            )
            logger.debug("%s", HOSTILE)
            logger.debug("%d of %d", KEY)
            try:
                raise ValueError(f"{KEY} {HOSTILE}")
            except ValueError:
                logger.exception("failed", stack_info=True)
    finally:
        end()
    assert len(caplog.records) == 4
    assert KEY not in caplog.text
    assert "quite-a-secret-cookie" not in caplog.text
    assert obeyed(caplog.text) == []


# -- what is printed


def failed(home: Path, *further: str) -> Done:
    """Run against the hostile server, with further arguments of pytest."""
    with Hostile(hostile) as server:
        where = ("--url", server.url, "--only", "check-api-key,models", "--max-requests", "30")
        done = called(home, "run", *where, "--", *further, key=KEY)
    assert done.code == 1, done.output
    return done


@pytest.mark.parametrize("style", ["short", "long", "line", "native"])
def test_a_failing_run_prints_nothing_that_is_obeyed(style: str, tmp_path: Path) -> None:
    """Neither in tracebacks, locals and logs, nor in the summary, nor in the file for the CI service."""
    logged = ("-o", "log_cli=true", "-o", "log_level=DEBUG", "--showlocals", "-rA", "--junitxml=junit.xml")
    done = failed(tmp_path, f"--tb={style}", *logged)
    assert obeyed(done.output) == []
    assert KEY not in done.output
    assert obeyed((tmp_path / "junit.xml").read_text(encoding="utf-8")) == []
    assert obeyed((tmp_path / "conformance-report" / "report.md").read_text(encoding="utf-8")) == []


def test_neither_does_the_explanation_of_what_was_found(tmp_path: Path) -> None:
    done = failed(tmp_path)
    kinds = {row["kind"]: row["fingerprint"] for row in done.report["findings"]}
    assert {"property-undocumented", "status-unexpected"} <= kinds.keys(), "they quote what was received"
    for fingerprint in kinds.values():
        output = called(tmp_path, "explain", fingerprint).output
        assert "Reproduce" in output
        assert obeyed(output) == []


def test_recordings_with_hostile_names_and_values_print_nothing_that_is_obeyed(tmp_path: Path) -> None:
    """The name of the file, the method, the address, the status and broken text are quoted by errors."""
    rows = [
        {"method": f"GET{HOSTILE}", "url": "https://api.cohere.com/v1/models", "status": 200},
        {"method": "GET", "url": f"https://api.cohere.com/v1/{HOSTILE}", "status": 200},
        {"method": "GET", "url": f"https://{HOSTILE}/v1/models", "status": HOSTILE},
        {"method": "GET", "url": "https://api.cohere.com/v1/models", "status": 200, "response_body": HOSTILE},
    ]
    name = "\x1b[31m::error::x ##[error]y\u202e.jsonl"
    (tmp_path / name).write_text(
        "".join(json.dumps(row) + "\n" for row in rows) + f'{{"{HOSTILE}', "utf-8", "replace"
    )
    done = called(tmp_path, "check", name)
    assert done.code in {1, 3}, done.output
    assert obeyed(done.output) == []
    assert obeyed(called(tmp_path, "check", f"{name}.none").output) == []
    assert obeyed(called(tmp_path, "run", "--only", "\x1b[31m\n::error::x").output) == []
    assert obeyed(called(tmp_path, "run", "--\x1b[31m\n::error::x").output) == []
