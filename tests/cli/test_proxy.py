"""`proxy` as a command: what it prints and writes, how it stops, what it rejects."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import httpx
import pytest
from running import HANGS, running

from cohere_conformance.cli import run
from cohere_conformance.cli.proxy import banner
from cohere_conformance.client.address import address as upstream_address
from cohere_conformance.client.listening import address, listen
from cohere_conformance.reference import ServerState, chosen
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from pathlib import Path

KEY = "kD93hf7Qm2sLx0Zp4Rt6"
CHAT = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "hi"}], "stream": True}


def test_traffic_passes_and_is_judged_until_ctrl_c(tmp_path: Path) -> None:
    state = ServerState(faults=chosen(["check-api-key.no-verdict"]), keys=(KEY,))
    arguments = ("--listen", "127.0.0.1:0", "--har", "traffic.har", "--record", "kept", "--upstream")
    with (
        ServerThread(state) as server,
        running(tmp_path, *arguments, server.url, command="proxy") as process,
        httpx.Client(headers={"authorization": f"Bearer {KEY}"}, timeout=HANGS, trust_env=False) as client,
    ):
        assert process.stdout is not None
        lines = [process.stdout.readline().rstrip() for _ in range(3)]
        url = lines[0].split()[2]
        assert lines == [
            f"listening on {url} (Ctrl-C stops and writes the report)",
            f"upstream {server.url}",
            f"report   {url}/_conformance (JSON), {url}/_conformance.html",
        ]
        assert client.post(f"{url}/v2/chat", json=CHAT).text.rstrip().endswith("data: [DONE]")
        assert client.post(f"{url}/v1/check-api-key").json().keys() == {"organization_id", "owner_id"}
        footer = client.get(f"{url}/_conformance").json()["footer"]
        assert (footer["exit_code"], footer["totals"]["exchanges"]) == (1, 2)
        assert b"DEVIATES" in client.get(f"{url}/_conformance.html").content
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=HANGS)
    assert process.returncode == 1
    assert "wrote 2 exchanges to traffic.har\nwrote 2 cassettes to kept\n" in said
    assert said.rstrip().splitlines()[-1].startswith("DEVIATES: 1 breaking finding in 2 exchanges")
    files = {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*.*")
             if path.is_file()}  # fmt: skip
    assert len(files) == 7
    assert json.loads(files["conformance-report/report.json"])["header"]["inputs"] == [server.url]
    assert not any(KEY.encode() in content for content in (*files.values(), said.encode()))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "expected --upstream URL"),
        (["--upstream", "ftp://x"], "expected a base URL"),
        (["--upstream", "http://127.0.0.1:1", "--listen", "somewhere"], "expected HOST:PORT"),
        (["--upstream", "https://x.test", "--ca-file", "none.pem"], "expected certificates in PEM form"),
        (["--upstream", "{own}", "--listen", "{own}"], "name another one with --listen"),
    ],
)
def test_wrong_calls_are_rejected(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with listen("127.0.0.1", 0) as taken:
        host = address(taken).removeprefix("http://")
        filled = [
            one.replace("{own}", address(taken) if previous == "--upstream" else host)
            for previous, one in zip(["", *arguments], arguments, strict=False)
        ]
        assert run(["proxy", "--no-config", "--report-dir", str(tmp_path), *filled]) == 4
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--har", "--record", "--report-dir"])
def test_what_cannot_be_written_is_said_before_any_traffic(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    arguments = ["--report-dir", str(tmp_path / "report"), option, str(file / "below")]
    assert run(["proxy", "--no-config", "--upstream", "http://127.0.0.1:1", *arguments]) == 3
    assert "; name another" in capsys.readouterr().err


def test_the_proxy_is_not_its_own_upstream(capsys: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.1", 0) as free:
        host = address(free).removeprefix("http://")
    assert run(["proxy", "--no-config", "--upstream", f"http://{host}", "--listen", host]) == 4
    assert "got the address of this proxy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("upstream", "host", "notes"),
    [
        ("http://localhost:4000", "127.0.0.1", []),
        ("https://api.cohere.com", "127.0.0.1", ["note"]),
        ("http://localhost:4000", "0.0.0.0", ["warning"]),
        ("http://elsewhere.test", "127.0.0.1", ["warning"]),
    ],
)
def test_the_banner_says_who_pays_and_who_can_call(
    upstream: str, host: str, notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    said = list(banner(upstream_address("--upstream", upstream), "http://127.0.0.1:8766", host))
    assert [line.split()[0] for line in said[3:]] == notes
