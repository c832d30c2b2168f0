"""Whole runs against servers that are reached in unusual ways, or are the user's own on another host."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hostile import Hostile, Talk, answer
from reachable import Certificates, reachable
from running import called, ran

if TYPE_CHECKING:
    from pathlib import Path

    from running import Done

ELSEWHERE = "0.0.0.0"
"""Reaches the loopback interface, but is none of its names: a stand-in for the address of a container."""
CASES = ("--case", "rerank.v2.beyond-latin", "--case", "check-api-key.valid")


def curls(done: Done) -> str:
    journals = (done.home / "conformance-report").glob("**/*.jsonl")
    return "".join(path.read_text(encoding="utf-8") for path in journals)


@pytest.mark.parametrize("command", ["run", "fuzz", "record", "verify"])
@pytest.mark.parametrize("kind", ["base", "unix", "tls"])
def test_commands_that_send_reach_every_kind_of_server(tmp_path: Path, command: str, kind: str) -> None:
    certificates = Certificates(tmp_path)
    further = {
        "fuzz": ["--fuzz-profile", "smoke", "--only", "check-api-key"],
        "record": ["--yes", "--cassettes", str(tmp_path / "mine"), "--only", "check-api-key"],
    }.get(command, ["--only", "check-api-key"])
    tls = certificates.context(asks=True) if kind == "tls" else None
    options = ["--ca-file", "ca.pem", "--client-cert", "client.pem", "--client-key", "key.pem"]
    base = "/cohere" if kind != "tls" else ""
    with reachable(base=base, unix=kind == "unix", tls=tls) as server:
        done = called(tmp_path, command, "--url", server.url, *(options if tls else []), *further)
    assert done.code == 0, done.output
    assert len(server.seen) > 2
    assert {path.startswith(f"{base}/v1/") for _, path, _ in server.seen} == {True}
    assert done.report["header"]["target"]["url"] == server.url


def test_a_host_of_the_users_own_may_do_what_this_machine_may(tmp_path: Path) -> None:
    with reachable(host=ELSEWHERE) as server:
        refused = ran(tmp_path, "--url", server.url, "--only", "connectors")
        assert (refused.code, server.seen) == (4, [])
        assert "--own-server if the host is yours" in refused.output
        done = ran(tmp_path, "--url", server.url, "--own-server", "--only", "connectors", "-n", "2")
    assert done.code == 0, done.output
    assert {"POST", "DELETE", "PATCH"} <= {method for method, _, _ in server.seen}
    assert done.report["coverage"]["cases"]["passed"] > 10
    assert "--own-server" in done.report["header"]["arguments"]


@pytest.mark.parametrize("command", ["run", "fuzz", "record", "verify"])
def test_the_vendors_host_is_refused_before_anything_is_sent(tmp_path: Path, command: str) -> None:
    done = called(tmp_path, command, "--url", "https://API.cohere.com.", "--own-server", key="x" * 20)
    assert done.code == 4, done.output
    assert "got api.cohere.com, which is the vendor's; use --live instead" in done.output


def test_a_server_without_keys(tmp_path: Path) -> None:
    with reachable(keyless=True) as server:
        done = called(
            tmp_path, "run", "--url", server.url, "--key-variable", "", *CASES, key="vendor-key-0123456789"
        )
    assert done.code == 0, done.output
    assert "without a key" in done.output
    assert "vendor-key-0123456789" not in repr(server.seen)


def test_further_fields_and_another_key(tmp_path: Path) -> None:
    secret = "gateway-secret-81c2"
    options = ("--header", "X-Gateway-Token: ${GATEWAY}", "--key-variable", "OUR_KEY", *CASES, "-n", "2")
    with reachable(field=("x-gateway-token", secret)) as server:
        done = called(tmp_path, "run", "--url", server.url, *options, GATEWAY=secret, OUR_KEY="reference-key")
        missing = called(tmp_path / "conformance-report", "run", "--url", server.url, *options)
    assert done.code == 0, done.output
    assert '"x-gateway-token"' in curls(done)
    assert missing.code == 4, missing.output
    assert "expected a value in the environment variable GATEWAY, got none" in missing.output
    for path in (tmp_path / "conformance-report").rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()


def test_a_slow_server_is_waited_for_as_long_as_the_user_says(tmp_path: Path) -> None:
    def slow(talk: Talk) -> None:
        while talk.hear():
            talk.hang(0.3)
            talk.say(answer(json.dumps({"valid": True}).encode(), "content-type: application/json"))

    def silent(talk: Talk) -> None:
        while heard := talk.hear():
            if b"check-api-key" in heard:
                talk.hang()
            talk.say(answer(b'{"models": []}', "content-type: application/json"))

    case = ("--case", "check-api-key.valid")
    with Hostile(slow) as server:
        done = ran(tmp_path, "--url", server.url, *case)
    assert done.code in {0, 1}, done.output
    assert "timeout" not in curls(done)
    with Hostile(silent) as server:
        done = ran(tmp_path, "--url", server.url, *case, "--request-timeout", "0.2")
    assert "no complete response within the time limit" in curls(done)
