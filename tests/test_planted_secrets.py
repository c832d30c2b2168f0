"""A key in every location of an exchange: no file and no message of a command shows it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hostile import Hostile
from planted import KEY, betrayed, betrays, coded, echoing, forms, planted, record, streaming
from running import called, fuzzed, ran

from cohere_conformance.client.sender import OPEN, Sender
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Exchange
from cohere_conformance.privacy.anonymous import anonymous
from cohere_conformance.privacy.leaks import leaks
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.recordings import parse_recording
from cohere_conformance.session.plan import RunOptions, plan

if TYPE_CHECKING:
    from pathlib import Path


# -- the search itself


@pytest.mark.parametrize("before", [0, 1, 2])
def test_the_search_finds_what_it_looks_for(before: int, tmp_path: Path) -> None:
    (tmp_path / "clean").write_bytes(b"nothing")
    (tmp_path / "dirty").write_text(f"... {coded(before)} ...", encoding="utf-8")
    found = betrayed(tmp_path)
    assert found.keys() == {"dirty"}
    assert f"base64 after {before}" in found["dirty"]


def test_every_form_of_the_key_is_a_leak() -> None:
    for name, form in forms().items():
        assert name in betrays(b"<" + form + b">")
    key = Secret(KEY)
    for form in (KEY, KEY.encode().hex(), *map(coded, range(3)), KEY.replace("/", "\\/")):
        assert leaks(f'{{"message": "{form}"}}'.encode(), [key]) == ["the key of the run"]


# -- recordings


def test_no_parser_returns_a_key(tmp_path: Path) -> None:
    expected = record(tmp_path / "traffic")
    shown: dict[str, int] = {}
    read_ones = [
        one for path in sorted((tmp_path / "traffic").iterdir()) for one in parse_recording(str(path))
    ]
    assert len(read_ones) == expected
    for one, row in zip(read_ones, planted() * 5, strict=True):
        assert isinstance(one, Exchange), one
        for exchange in (one, anonymous(one)):
            assert betrays(repr(exchange).encode()) == [], row.where
            assert betrays(exchange.request.body or b"") == [], row.where
            assert betrays(exchange.response.body or b"") == [], row.where
        shown[row.where] = shown.get(row.where, 0) + ("redacted" in repr(one))
    assert set(shown.values()) == {5}, "each place had one"


def test_check_writes_no_key(tmp_path: Path) -> None:
    expected = record(tmp_path / "traffic")
    # What cannot be parsed is reported as well, without being quoted.
    (tmp_path / "traffic" / "broken.jsonl").write_text(
        json.dumps({"method": "GET", "url": "https://h/v1/models", "status": KEY}) + f'\n{{"status": "{KEY}\n'
    )
    (tmp_path / "traffic" / "broken.yaml").write_text(
        f"interactions:\n- request:\n    uri: '{KEY}\n   {KEY}: [\nversion: 1\n"
    )
    done = called(tmp_path, "check", "traffic")
    assert done.code == 3, done.output
    report = done.report
    assert report["footer"]["totals"]["exchanges"] == expected
    quoted = {row["operation"] for row in report["findings"]}
    assert len(quoted) == len(planted()), "the report quotes each of them"
    assert betrayed(tmp_path, tmp_path / "traffic") == {}
    assert betrays(done.output.encode()) == []


# -- a server that repeats what it was sent


def test_run_writes_no_key(tmp_path: Path) -> None:
    with Hostile(echoing) as server:
        done = ran(tmp_path, "--url", server.url, "--only", "check-api-key", key=KEY)
    assert done.code == 1, done.output
    assert any(KEY.encode() in request for request in server.requests)
    assert b"[redacted]" in (tmp_path / "conformance-report" / "journal-main.jsonl").read_bytes()
    assert betrayed(tmp_path) == {}
    assert betrays(done.output.encode()) == []


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--only", "chat"),
        ("fuzz", "--only", "chat", "--fuzz-profile", "smoke", "--max-examples", "3"),
        ("record", "--only", "chat"),
    ],
    ids=lambda command: command[0],
)
def test_a_key_split_over_a_stream_is_written_nowhere(command: tuple[str, ...], tmp_path: Path) -> None:
    """Neither in the journal, nor in a report, nor in what is printed, half of it included."""
    with Hostile(streaming) as server:
        done = called(tmp_path, *command, "--url", server.url, "--max-requests", "25", key=KEY)
    assert done.code in {1, 3}, done.output
    assert b"it is" in (tmp_path / "conformance-report" / "journal-main.jsonl").read_bytes()
    assert betrayed(tmp_path) == {}
    assert betrays(done.output.encode()) == []


@pytest.mark.parametrize("command", ["run", "fuzz", "record", "verify", "replay"])
def test_no_level_of_logging_shows_a_key(command: str, tmp_path: Path) -> None:
    """What httpcore logs of an exchange is printed while it happens, and once more with each failure."""
    logged = ("--", "-o", "log_cli=true", "-o", "log_level=DEBUG", "--showlocals", "--log-file=all.log")
    own = {"fuzz": ("--only", "check-api-key", "--fuzz-profile", "smoke", "--max-examples", "3")}
    if command in {"replay", "verify"}:
        record(tmp_path / "traffic")
        called(tmp_path, "cassettes", "import", "traffic", key=KEY)
        own[command] = ("--only", "chat,models")
    with Hostile(echoing) as server:
        where = () if command == "replay" else ("--url", server.url, "--max-requests", "60")
        only = own.get(command, ("--only", "check-api-key"))
        done = called(tmp_path, command, *where, *only, *logged, key=KEY)
    assert "DEBUG" in done.output, done.output
    assert command == "replay" or "httpcore" in done.output
    assert betrayed(tmp_path, tmp_path / "traffic") == {}
    assert betrays(done.output.encode()) == []


def test_fuzz_writes_no_key_also_not_to_its_database(tmp_path: Path) -> None:
    options = ("--fuzz-profile", "smoke", "--max-examples", "5", "--example-db", "examples")
    with Hostile(echoing) as server:
        done = fuzzed(tmp_path, "--url", server.url, "--only", "check-api-key", *options, key=KEY)
    assert done.code == 1, done.output
    assert any(KEY.encode() in request for request in server.requests)
    assert any(path.is_file() for path in (tmp_path / "examples").rglob("*")), "examples were kept"
    assert betrayed(tmp_path) == {}
    assert betrays(done.output.encode()) == []


def test_import_replay_and_verify_write_no_key(tmp_path: Path) -> None:
    record(tmp_path / "traffic")
    for command in (["cassettes", "import", "traffic"], ["replay", "--sdk"], ["cassettes", "status"]):
        done = called(tmp_path, *command, key=KEY)
        assert done.code in {0, 1, 3}, done.output
        assert betrays(done.output.encode()) == []
    assert list((tmp_path / "cassettes").rglob("*.yaml")), "something was imported"
    assert (tmp_path / "conformance-report" / "sdk.json").exists()
    with Hostile(echoing) as server:
        done = called(tmp_path, "verify", "--url", server.url, "--report-dir", "verified", key=KEY)
    assert done.code == 1, done.output
    assert any(KEY.encode() in request for request in server.requests)
    assert betrayed(tmp_path, tmp_path / "traffic") == {}
    assert betrays(done.output.encode()) == []


def test_record_writes_no_key(tmp_path: Path) -> None:
    with Hostile(echoing) as server:
        done = called(tmp_path, "record", "--url", server.url, "--only", "check-api-key,models", key=KEY)
    assert done.code == 1, done.output
    assert any(KEY.encode() in request for request in server.requests)
    assert betrayed(tmp_path) == {}
    assert betrays(done.output.encode()) == []


# -- messages


@pytest.mark.parametrize(
    "url",
    [
        "http://user:{}@127.0.0.1:9",
        "http://127.0.0.1:9/?api_key={}",
        "http://127.0.0.1:9#token={}",
        "ftp://user:{}@127.0.0.1",
    ],
)
def test_a_url_with_a_key_is_rejected_without_quoting_it(url: str) -> None:
    with pytest.raises(UsageError, match="--url") as planned:
        plan(RunOptions(url=url.format(quote(KEY, safe=""))), {"POST /v2/rerank": "rerank"}, {})
    with pytest.raises(UsageError, match="expected a base URL") as sent:
        Sender(url.format(quote(KEY, safe="")), gate=OPEN)
    assert betrays(f"{planned.value} {sent.value}".encode()) == []


def test_a_key_that_cannot_be_sent_is_not_quoted(tmp_path: Path) -> None:
    done = called(tmp_path, "run", "--url", "http://127.0.0.1:9", key=f"{KEY} {KEY}")
    assert done.code == 4, done.output
    assert "expected a key of visible ASCII characters" in done.output
    assert betrays(done.output.encode()) == []


def test_a_basic_key_is_known_by_its_user(tmp_path: Path) -> None:
    """Some send a key as the user, with no password behind it."""
    line = {
        "method": "GET",
        "url": "https://api.cohere.com/v1/models",
        "status": 401,
        "request_headers": {"authorization": f"Basic {base64.b64encode(f'{KEY}:'.encode()).decode()}"},
        "response_headers": {"content-type": "application/json"},
        "response_body": json.dumps({"message": f"who is {KEY}?"}),
    }
    (tmp_path / "one.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    (one,) = parse_recording(str(tmp_path / "one.jsonl"))
    assert isinstance(one, Exchange)
    assert one.response.body == b'{"message": "who is [redacted]?"}'
