"""`compare` as a command: a gateway beside its upstream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gateways import collecting_gateway
from running import called
from scripted import Setup

from cohere_conformance.cli import run
from cohere_conformance.reference import ServerState
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CASES = ("--case", "rerank.v2.plain", "--case", "chat.v2.stream")


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with ServerThread(ServerState(pause=0.1)) as server:
        yield server.url


def test_a_gateway_that_passes_everything_on_changes_nothing(upstream: str, tmp_path: Path) -> None:
    with Setup(upstream) as setup:
        done = called(tmp_path, "compare", "--upstream", upstream, "--gateway", setup.url, *CASES)
        assert done.code == 0, done.output
        assert f"gateway  {setup.url}, compared with 2 responses of the upstream" in done.output
        assert len(setup.witness.seen) >= 2
    assert done.report["findings"] == []


def test_what_a_gateway_changes_is_found(upstream: str, tmp_path: Path) -> None:
    gateway = collecting_gateway(upstream, {"content-type", "num_tokens"})
    with ServerThread(ServerState(), gateway) as server:
        done = called(tmp_path, "compare", "--upstream", upstream, "--gateway", server.url, *CASES)
    found = {(row["kind"], row["location"]): row["severity"] for row in done.report["findings"]}
    assert done.code == 1
    assert found["stream-buffered", ""] == "additive"
    assert found["golden-changed", "header:x-debug-trace-id"] == "breaking"
    assert found["golden-changed", "header:cache-control"] == "notice"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--upstream", "http://localhost:1"], "expected --gateway URL"),
        (["--upstream", "http://localhost:1", "--gateway", "http://localhost:1/"], "another address"),
        (
            ["--upstream", "http://localhost:1", "--gateway", "http://localhost:2", "--live"],
            "two of yours",
        ),
    ],
)
def test_wrong_calls_are_rejected(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["compare", "--no-config", "--report-dir", str(tmp_path), *arguments]) == 4
    assert says in capsys.readouterr().err


def test_an_upstream_that_is_not_there_ends_the_comparison(tmp_path: Path) -> None:
    with ServerThread(ServerState()) as server:
        url = server.url
    done = called(tmp_path, "compare", "--upstream", url, "--gateway", "http://127.0.0.1:1", *CASES)
    assert done.code == 3
    assert "gateway " not in done.output
