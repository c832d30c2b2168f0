"""Golden cassettes as their users meet them: recorded, replayed, verified, and looked after."""

from __future__ import annotations

import json
import shutil
import signal
import socket
from typing import TYPE_CHECKING

import pytest
import yaml
from running import called

from cohere_conformance.cases import shipped_suite
from cohere_conformance.contract import load_contract
from cohere_conformance.data import folder
from cohere_conformance.golden import Cassette, find, load
from cohere_conformance.reference import ServerState
from cohere_conformance.reference.keys import EXPIRED, PRODUCTION, TRIAL
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from pathlib import Path

    from running import Done

GROUPS = "tokenize,check-api-key"
RECORDED = ("--only", GROUPS)
"""Selects what the fixtures record: only that is worth looking at in most tests."""
SHIPPED = folder("cassettes")
PLAIN = "tokenize.plain"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """A folder with the cassettes of two groups, and the call that has made them."""
    home = tmp_path_factory.mktemp("recorded")
    return home, called(home, "record", "--only", GROUPS)


@pytest.fixture
def home(recorded: tuple[Path, Done], tmp_path: Path) -> Path:
    """A folder of one's own with those cassettes."""
    shutil.copytree(recorded[0] / "cassettes", tmp_path / "cassettes")
    return tmp_path


def texts(home: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in find(home / "cassettes").items()}


# -- those that ship


@pytest.fixture(scope="module")
def shipped() -> list[Cassette]:
    return [load(path) for path in find(SHIPPED).values()]


def test_every_operation_has_cassettes_of_success_and_of_its_errors(shipped: list[Cassette]) -> None:
    shown: dict[str, set[int]] = {}
    for cassette in shipped:
        provenance, response = cassette.provenance, cassette.exchange.response
        shown.setdefault(provenance.operation, set()).add(response.status)
    labels = set(load_contract().operations)
    assert set(shown) == labels
    for hundred in (2, 4):
        lacking = {label for label, found in shown.items() if all(one // 100 != hundred for one in found)}
        assert lacking == set()


def test_there_is_one_cassette_for_each_written_case() -> None:
    assert {case.id for case in shipped_suite().cases if case.skip("contract") is None} == set(find(SHIPPED))


def test_streams_have_arrivals(shipped: list[Cassette]) -> None:
    responses = [cassette.exchange.response for cassette in shipped]
    streams = [one for one in responses if "stream" in dict(one.headers).get("content-type", "")]
    assert len(streams) > 20
    for response in streams:
        assert response.body is not None
        locations, times = zip(*response.arrivals, strict=True)
        assert locations[-1] == len(response.body)
        assert list(times) == sorted(times)
    assert max(len(response.arrivals) for response in streams) > 10


def test_the_shipped_cassettes_replay_offline_and_pass(tmp_path: Path) -> None:
    done = called(tmp_path, "replay")
    assert done.code == 0, done.output
    number = len(find(SHIPPED))
    line = f"golden: {number} interactions, {number} reference, 0 live"
    assert line in done.output
    report = tmp_path / "conformance-report"
    assert line in (report / "report.md").read_text(encoding="utf-8")
    assert line in (report / "report.html").read_text(encoding="utf-8")
    assert done.report["header"]["golden"]["reference"] == number
    assert done.report["coverage"]["cases"]["passed"] == number
    assert done.report["coverage"]["unseen"] == []
    status = called(tmp_path, "cassettes", "status")
    assert status.code == 0, status.output
    assert line in status.output
    assert "never-replayed" not in status.output


# -- record


def test_a_recorded_cassette_has_its_origin_and_no_key(recorded: tuple[Path, Done]) -> None:
    home, done = recorded
    assert done.code == 0, done.output
    found = find(home / "cassettes")
    assert f"golden: {len(found)} interactions, {len(found)} reference, 0 live" in done.output
    assert {path.parent.name for path in found.values()} == set(GROUPS.split(","))
    raw = yaml.safe_load(found[PLAIN].read_text(encoding="utf-8"))
    assert raw["version"] == 1
    record = raw["conformance"]
    assert (record["origin"], record["profile"]) == ("reference", "contract")
    # Nothing of it changes with the day or with what does not concern the case.
    assert set(record) <= {"id", "operation", "origin", "profile", "case", "values", "arrivals"}
    assert raw["interactions"][0]["request"]["uri"] == "http://localhost/v1/tokenize"
    everything = b"".join(texts(home).values())
    assert not [key for key in (PRODUCTION, TRIAL, EXPIRED) if key.encode() in everything]
    assert b"127.0.0.1" not in everything


def test_recording_the_same_again_changes_nothing(home: Path) -> None:
    before = texts(home)
    done = called(home, "record", "--only", GROUPS)
    assert done.code == 0, done.output
    assert f"recorded: {len(before)} same" in done.output
    assert texts(home) == before


def test_a_recording_depends_on_neither_processes_nor_other_cases(
    recorded: tuple[Path, Done], tmp_path: Path
) -> None:
    one, *others = (
        f"connectors.{name}" for name in ("get.oauth", "get.authorized", "create.oauth", "delete.plain")
    )
    cases = [text for case in (*texts(recorded[0]), one, *others) for text in ("--case", case)]
    spread, alone = tmp_path / "spread", tmp_path / "alone"
    for folder_ in (spread, alone):
        folder_.mkdir()
    assert called(spread, "record", *cases, "-n", "2").code == 0
    whole = texts(spread)
    assert whole.items() >= texts(recorded[0]).items()
    assert called(alone, "record", "--case", one).code == 0
    assert texts(alone) == {one: whole[one]}


def test_a_case_that_fails_leaves_the_old_cassette(home: Path) -> None:
    before = texts(home)
    done = called(home, "record", "--only", "tokenize", "--fault", "tokenize.strings-short", "--yes")
    assert done.code == 1, done.output
    assert texts(home)[PLAIN] == before[PLAIN]
    assert "tokenize.strings-short" not in b"".join(texts(home).values()).decode()


def test_a_changed_meaning_is_shown_before_it_is_written(home: Path) -> None:
    path = find(home / "cassettes")[PLAIN]
    old = path.read_bytes()
    path.write_bytes(old.replace(b'"tokens":[', b'"tokens":[7,').replace(b'"tokens": [', b'"tokens": [7, '))
    assert path.read_bytes() != old
    spoilt = texts(home)
    done = called(home, "record", "--only", "tokenize")
    assert done.code == 1, done.output
    assert f"{PLAIN} (reference -> reference)" in done.output
    assert "kept nothing" in done.output
    assert texts(home) == spoilt
    done = called(home, "record", "--only", "tokenize", "--yes")
    assert done.code == 0, done.output
    assert "1 changed" in done.output
    assert texts(home)[PLAIN] != spoilt[PLAIN]
    assert called(home, "replay", "--case", PLAIN).code == 0


def test_a_cassette_of_another_origin_is_not_replaced_without_consent(home: Path) -> None:
    for path in find(home / "cassettes").values():
        path.write_bytes(path.read_bytes().replace(b"origin: reference", b"origin: live"))
    before = texts(home)
    done = called(home, "record", "--only", "check-api-key")
    number = sum(name.startswith("check-api-key.") for name in before)
    assert done.code == 1, done.output
    assert f"live cassettes replaced by reference ones: {number}" in done.output
    assert texts(home) == before
    done = called(home, "record", "--only", "check-api-key", "--yes")
    assert done.code == 0, done.output
    assert f"{number} reference, {len(before) - number} live" in done.output


def test_replay_with_the_sdk_parses_the_selected_cassettes(home: Path) -> None:
    cohere = pytest.importorskip("cohere")
    done = called(home, "replay", "--sdk", "--only", "tokenize")
    assert done.code == 0, done.output
    number = sum(name.startswith("tokenize.") for name in texts(home))
    assert f"official SDK {cohere.__version__}: {number} responses parsed, 0 failed" in done.output
    lost = json.loads((home / "conformance-report" / "sdk.json").read_text(encoding="utf-8"))
    assert lost["parsed"] == number


SIGNALLING = """
import os, sys
left = int(os.environ["AFTER"])
def counted(event, _):
    global left
    if event == "os.rename":
        left -= 1
        if left == -1:
            os.kill(os.getpid(), int(os.environ["SIGNAL"]))
sys.addaudithook(counted)
"""
"""A plugin that sends a signal to its process instead of renaming one more file."""


def signalled(home: Path, groups: str, number: signal.Signals, after: int) -> Done:
    """Record, and send a signal after so many renamed files: each cassette is one, and later another one."""
    (home / "signalling.py").write_text(SIGNALLING)
    recording = ("record", "--only", groups, "--yes", "--", "-p", "signalling")
    return called(home, *recording, SIGNAL=str(int(number)), AFTER=str(after))


@pytest.mark.parametrize("after", [0, 20, 40, 64])
def test_a_killed_recorder_leaves_every_cassette_complete(after: int, home: Path) -> None:
    new = texts(home)
    for path in find(home / "cassettes").values():
        path.write_bytes(path.read_bytes().replace(b"  profile: ", b"  suite: 0.0.0\n  profile: "))
    old = texts(home)
    assert signalled(home, GROUPS, signal.SIGKILL, after).code == -signal.SIGKILL
    assert set(texts(home)) == set(old)
    for name, path in find(home / "cassettes").items():
        assert load(path).provenance.id == name
        assert texts(home)[name] in {old[name], new[name]}
    assert texts(home) != new
    assert (texts(home) == old) == (after <= len(old)), "they are replaced when all are recorded"


def test_an_interrupted_recording_changes_nothing(home: Path) -> None:
    before = texts(home)
    done = signalled(home, "detokenize", signal.SIGINT, 5)
    assert done.code == 2, done.output
    assert len(find(home / "conformance-report" / "recorded")) == 5
    assert texts(home) == before


def test_a_remote_host_is_recorded_only_with_live(tmp_path: Path) -> None:
    done = called(tmp_path, "record", "--url", "https://api.cohere.com", key="co-test-not-a-real-key")
    assert done.code == 4, done.output
    assert "--live" in done.output
    assert not (tmp_path / "cassettes").exists()


def test_a_reference_server_on_a_url_is_recognised(tmp_path: Path) -> None:
    with ServerThread(ServerState()) as server:
        done = called(tmp_path, "record", "--url", server.url, "--case", PLAIN, key=PRODUCTION)
    assert done.code == 0, done.output
    (path,) = find(tmp_path / "cassettes").values()
    cassette = load(path)
    assert cassette.provenance.origin == "reference"
    assert cassette.exchange.request.url == "http://localhost/v1/tokenize"


# -- replay


def changed(home: Path, name: str, **fields: object) -> None:
    """Change what a cassette says of itself."""
    path = find(home / "cassettes")[name]
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    raw["conformance"] |= fields
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")


def answered(home: Path, name: str, body: bytes) -> None:
    """Change what a cassette answers."""
    path = find(home / "cassettes")[name]
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    raw["interactions"][0]["response"]["body"]["string"] = body.decode()
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")


def test_a_response_that_the_contract_rejects_fails_the_replay(home: Path) -> None:
    answered(home, PLAIN, b'{"tokens": ["one"], "token_strings": ["one"]}')
    done = called(home, "replay", *RECORDED)
    assert done.code == 1, done.output
    assert done.kinds >= {"type-changed"}
    rows = [row for row in done.report["findings"] if row["kind"] == "type-changed"]
    assert rows[0]["cases"] == [PLAIN]


def test_a_case_with_another_request_fails_replay_and_status(home: Path) -> None:
    changed(home, PLAIN, case="0123456789ab")
    done = called(home, "replay", *RECORDED)
    assert done.code == 1, done.output
    ends = {end["case"]: end["reason"] for end in done.report["coverage"]["cases"]["ends"]}
    assert "the case sends another request than the recorded one; record it again" in ends[PLAIN]
    status = called(home, "cassettes", "status")
    assert status.code == 1, status.output
    assert "FAIL case-changed: 1" in status.output


@pytest.mark.parametrize("command", ["replay", "verify"])
def test_a_broken_cassette_is_reported_and_the_others_are_judged(command: str, home: Path) -> None:
    path = find(home / "cassettes")[PLAIN]
    path.write_bytes(path.read_bytes()[:400])
    done = called(home, command, *RECORDED)
    assert done.code == 3, done.output
    assert "1 broken" in done.output
    reasons = [end["reason"] for end in done.report["coverage"]["cases"]["ends"] if end["case"] == PLAIN]
    assert f"{PLAIN}.yaml: expected a cassette as `record` writes it" in reasons[0]
    assert done.report["coverage"]["cases"]["passed"] == len(texts(home)) - 1


@pytest.mark.parametrize("command", ["replay", "verify"])
def test_a_folder_without_cassettes_is_a_usage_error(command: str, tmp_path: Path) -> None:
    done = called(tmp_path, command, "--cassettes", "nowhere")
    assert done.code == 4, done.output
    assert "--cassettes nowhere: expected golden cassettes, got none" in done.output


def test_a_case_without_a_cassette_is_reported_and_hardly_takes_time(home: Path) -> None:
    (home / "noting.py").write_text(
        "def note(*words):\n"
        "    print(*words, file=open('noted', 'a'))\n"
        "def pytest_runtest_setup(item):\n"
        "    note('set up', item.name)\n"
        "def pytest_runtest_logreport(report):\n"
        "    note(report.when, report.outcome)\n"
    )
    cases = [name for name in texts(home) if name.startswith("tokenize.")]
    for name in cases:
        if name != PLAIN:
            find(home / "cassettes")[name].unlink()
    done = called(home, "replay", "--only", "tokenize", "--", "-p", "noting")
    assert done.code == 0, done.output
    ended = done.report["coverage"]["cases"]
    assert (ended["passed"], ended["skipped"]) == (1, len(cases) - 1)
    assert ended["skipped_reasons"] == {"no golden cassette": len(cases) - 1}
    noted = (home / "noted").read_text().splitlines()
    # The last one is set up, after which pytest tears down what the module has.
    assert sum(line.startswith("set up") for line in noted) == 2
    phases = {phase: noted.count(phase) for phase in ("call passed", "call skipped", "teardown passed")}
    assert phases == {"call passed": 1, "call skipped": len(cases) - 1, "teardown passed": len(cases)}


def test_a_replay_cannot_reach_the_network(home: Path) -> None:
    (home / "tries_network.py").write_text(
        "import socket\n"
        "import pytest\n"
        "@pytest.hookimpl(wrapper=True)\n"
        "def pytest_runtest_call(item):\n"
        "    try:\n"
        "        socket.create_connection(('127.0.0.1', int(open('port').read())), 1).close()\n"
        "        outcome = 'connected'\n"
        "    except RuntimeError as error:\n"
        "        outcome = str(error)\n"
        "    open('outcomes', 'a').write(outcome + '\\n')\n"
        "    return (yield)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        (home / "port").write_text(str(listener.getsockname()[1]))
        arguments = ("replay", "--only", "tokenize", "--", "-p", "tries_network")
        done = called(home, *arguments)
    assert done.code == 0, done.output
    outcomes = (home / "outcomes").read_text().splitlines()
    assert len(outcomes) == done.report["coverage"]["cases"]["passed"]
    assert set(outcomes) == {"Network is disabled for host '127.0.0.1'"}


# -- verify


def test_verify_passes_for_the_server_that_was_recorded(home: Path) -> None:
    done = called(home, "verify", *RECORDED)
    assert done.code == 0, done.output
    assert done.report["findings"] == []
    assert done.report["coverage"]["cases"]["passed"] == len(texts(home))
    assert "golden: " in done.output


def test_verify_reports_a_change_with_both_values(home: Path) -> None:
    done = called(home, "verify", *RECORDED, "--fault", "tokenize.strings-changed")
    assert done.code == 1, done.output
    assert done.kinds == {"golden-changed"}
    row = next(row for row in done.report["findings"] if row["location"] == "/token_strings/*")
    assert row["operation"] == "POST /v1/tokenize"
    assert row["expected"] != row["observed"]
    assert row["example"]["curl"].startswith("curl ")


def test_verify_of_another_profile_reports_its_differences(tmp_path: Path) -> None:
    cases = [name for name in find(SHIPPED) if name.startswith(("summarize.", "tokenize."))]
    done = called(tmp_path, "verify", "--profile", "live-2026", "--only", "summarize,tokenize")
    assert done.code == 1, done.output
    rows = done.report["findings"]
    changed_rows = {(row["operation"], row["status"], row["expected"]) for row in rows}
    assert changed_rows == {("POST /v1/summarize", 404, "status 200")}
    assert all("was removed on September 15" in row["observed"] for row in rows)
    ended = done.report["coverage"]["cases"]
    # A case about a model that is retired there says nothing about the server.
    assert ended["inconclusive"] > 0
    assert all("is retired since" in reason for reason in ended["inconclusive_reasons"])
    assert ended["passed"] + ended["failed"] + ended["skipped"] + ended["inconclusive"] == len(cases)


# -- import


def test_a_folder_without_a_policy_need_not_be_complete(home: Path) -> None:
    done = called(home, "cassettes", "status")
    assert done.code == 0, done.output
    assert "WARN replay-unknown" in done.output
    policy = (SHIPPED / "policy.yaml").read_text(encoding="utf-8")
    (home / "cassettes" / "policy.yaml").write_text(policy, encoding="utf-8")
    done = called(home, "cassettes", "status")
    assert done.code == 1, done.output
    assert "FAIL case-missing: " in done.output


def test_recorded_traffic_is_imported_replayed_and_verified(tmp_path: Path) -> None:
    traffic = tmp_path / "traffic.jsonl"
    examples = (SHIPPED / "examples" / "conforming.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [line for line in examples if "tokenize" in line]
    traffic.write_text("\n".join(kept * 2) + "\n", encoding="utf-8")
    done = called(tmp_path, "cassettes", "import", str(traffic))
    assert done.code == 0, done.output
    found = find(tmp_path / "cassettes")
    assert 0 < len(found) <= len(kept)
    assert all(load(path).provenance.imported == "traffic.jsonl" for path in found.values())
    done = called(tmp_path, "cassettes", "import", str(traffic))
    assert (done.code, "wrote 0 cassettes" in done.output) == (0, True), done.output
    done = called(tmp_path, "replay")
    assert done.code == 0, done.output
    assert done.report["coverage"]["cases"]["passed"] == len(found)
    done = called(tmp_path, "verify", "--only", "tokenize,detokenize")
    assert done.code in {0, 1}, done.output
    assert done.report["coverage"]["cases"]["run"] > 0


def test_the_readable_part_of_a_truncated_file_is_imported(tmp_path: Path) -> None:
    examples = (SHIPPED / "examples" / "conforming.jsonl").read_bytes()
    (tmp_path / "traffic.jsonl").write_bytes(examples[: len(examples) // 2])
    done = called(tmp_path, "cassettes", "import", "traffic.jsonl")
    assert done.code == 3, done.output
    assert "unreadable: 1" in done.output
    assert "traffic.jsonl: line" in done.output
    assert len(find(tmp_path / "cassettes")) > 10


def test_an_import_of_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / "traffic.jsonl").write_text(
        json.dumps({"method": "GET", "url": "https://example.com/", "status": 200}) + "\n"
    )
    assert called(tmp_path, "cassettes", "import", "traffic.jsonl").code == 5
