"""`serve`: what it prints, what it rejects, and how it stops; and the faults in `list` and `explain`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from cohere_conformance.cli import run
from cohere_conformance.cli.serve import PROFILES
from cohere_conformance.client.listening import listen
from cohere_conformance.contract import load_declarations
from cohere_conformance.model import Kind
from cohere_conformance.reference import Profile, catalogue
from cohere_conformance.reference.faults import WITHDRAWN, fault

if TYPE_CHECKING:
    from collections.abc import Sequence

Capture = pytest.CaptureFixture[str]
SECRET = "somebody-s-real-key-0123456789"


def serving(arguments: Sequence[str]) -> tuple[subprocess.Popen[str], list[str]]:
    """Start `serve` and return it with the lines that it prints before it waits."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cohere_conformance", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )
    assert process.stdout is not None
    lines = [process.stdout.readline().rstrip()]
    while not lines[-1].startswith("try ") and lines[-1]:
        lines.append(process.stdout.readline().rstrip())
    return process, lines


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_how_to_call_it_and_stops_cleanly(how: signal.Signals) -> None:
    process, lines = serving([])
    with process:
        url = lines[0].split()[2]
        assert lines[0] == f"listening on {url} (Ctrl-C stops)"
        assert url.startswith("http://127.0.0.1:")
        assert [line.split()[0] for line in lines[1:]] == [
            "profile",
            "keys",
            "reference-trial-key",
            "reference-expired-key",
            "faults",
            "try",
        ]
        command = lines[-1].split(maxsplit=1)[1]
        assert command == f"curl -X POST {url}/v1/check-api-key -H 'authorization: Bearer reference-key'"
        key = {"authorization": "Bearer reference-key"}
        assert httpx.post(f"{url}/v1/check-api-key", headers=key).json()["valid"] is True
        process.send_signal(how)
        said, failed = process.communicate(timeout=900)
    assert (process.returncode, said, failed) == (0, "stopped\n", "")


def test_options_reach_the_server_and_secrets_do_not_reach_the_screen() -> None:
    faults = ["--fault", "transport.header-flood", "--fault", "check-api-key.no-verdict"]
    process, lines = serving(["--host", "0.0.0.0", "--profile", "live-2026", "--key", SECRET, *faults])
    with process:
        port = int(lines[0].split()[2].rpartition(":")[2])
        # By hand: header fields by the thousand are too many for clients.
        with socket.create_connection(("127.0.0.1", port), timeout=900) as client:
            asked = f"POST /v1/check-api-key HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n\r\n"
            client.sendall(asked.encode())
            answer = b"".join(iter(lambda: client.recv(2**16), b"")).decode()
        process.send_signal(signal.SIGTERM)
        said, failed = process.communicate(timeout=900)
    banner = "\n".join(lines)
    assert SECRET not in banner + said + failed
    assert "so****89 (production, from --key)" in banner
    assert f"live-2026: {PROFILES['live-2026']}" in banner
    for name in ("transport.header-flood", "check-api-key.no-verdict"):
        assert f"{name}: {catalogue()[name].sentence}" in banner
    assert failed.startswith("warning: 0.0.0.0 is not a loopback address")
    assert process.returncode == 0
    assert answer.count("x-flood-") == 5000
    assert '"organization_id":' in answer
    assert '"valid"' not in answer


def test_requests_move_the_clock_where_that_is_wanted() -> None:
    """Steps of an hour, and an hour a request: a dataset is validated after a few looks at it."""
    process, lines = serving(["--step", "3600", "--time-per-request", "3600"])
    with process:
        url = lines[0].split()[2]
        with httpx.Client(base_url=url, headers={"authorization": "Bearer reference-key"}) as client:
            file = {"data": ("rows.jsonl", b'{"text": "Fog until noon."}\n')}
            identity = client.post(
                "/v1/datasets", params={"name": "a", "type": "embed-input"}, files=file
            ).json()["id"]
            seen = [client.get(f"/v1/datasets/{identity}").json()["dataset"] for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=900)
    assert [one["validation_status"] for one in seen] == ["processing", "validated", "validated"]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--fault", "transport.hnag"], "did you mean transport.hang"),
        (["--fault", "transport.hang", "--fault", "transport.reset"], "at most one fault of the transport"),
        (["--key", ""], "expected a key that a header can carry"),
        (["--key", "two words"], "expected a key that a header can carry"),
        (["--key", "Schlüssel"], "expected a key that a header can carry"),
        (["--step", "nan"], "expected seconds"),
        (["--time-per-request", "nan"], "expected seconds"),
        (["--pause", "-1"], "--pause"),
        (["--port", "65536"], "--port"),
        (["--profile", "yesterday"], "--profile"),
        (["--host", "no-such-host.invalid"], "expected a free address"),
    ],
)
def test_what_does_not_fit_is_a_wrong_call(arguments: list[str], hint: str, capsys: Capture) -> None:
    assert run(["serve", "--port", "0", *arguments]) == 4
    assert hint in capsys.readouterr().err


def test_a_taken_port_is_a_wrong_call(capsys: Capture) -> None:
    with listen("127.0.0.1", 0) as listening:
        port = str(listening.getsockname()[1])
        assert run(["serve", "--port", port]) == 4
    assert f"127.0.0.1:{port}" in capsys.readouterr().err


def test_the_profiles_are_those_of_the_server() -> None:
    assert list(PROFILES) == [profile.value for profile in Profile]


def test_the_command_starts_without_a_web_server() -> None:
    script = "import sys, cohere_conformance.cli as c; print({'uvicorn', 'starlette'} & set(sys.modules))"
    made = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert made.stdout == "set()\n"


def test_faults_are_listed_with_their_sentences(capsys: Capture) -> None:
    assert run(["list", "faults"]) == 0
    table, withdrawn = capsys.readouterr().out.split("\n\n")
    _, *rows = table.splitlines()
    assert [tuple(row.split(maxsplit=2)) for row in rows] == [
        (one.group, one.name, one.sentence) for one in catalogue().values()
    ]
    assert all(f"  {name}: {reason}" in withdrawn for name, reason in WITHDRAWN.items())


@pytest.mark.parametrize("name", WITHDRAWN)
def test_a_withdrawn_fault_is_refused_with_its_reason(name: str, capsys: Capture) -> None:
    """A server cannot be made wrong by what turned out to be right."""
    assert name not in catalogue()
    assert run(["serve", "--fault", name]) == 4
    assert WITHDRAWN[name] in capsys.readouterr().err
    with pytest.raises(ValueError, match="withdrawn"):
        fault(name, "It is so.")


def test_a_fault_is_explained(capsys: Capture) -> None:
    assert run(["explain", "transport.hang"]) == 0
    assert capsys.readouterr().out == (
        f"# transport.hang\n\n{catalogue()['transport.hang'].sentence}\n\nGroup: transport\n"
        "Inject it: cohere-conformance serve --fault transport.hang\n"
    )


def test_a_mistyped_fault_is_recognised(capsys: Capture) -> None:
    assert run(["explain", "transport.hnag"]) == 4
    assert "the fault transport.hang" in capsys.readouterr().err


def test_no_fault_goes_by_the_name_of_something_else() -> None:
    declarations = load_declarations()
    amendments = {one.id for one in (*declarations.amendments, *declarations.tolerances)}
    assert not catalogue().keys() & (amendments | set(Kind))
