"""The exit code of the process is that of the report, whatever happens; without evidence there is no 0."""

from __future__ import annotations

import gc
import json
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from running import called, environment
from warm import WARM
from xdist.workermanage import NodeManager

from cohere_conformance import cli
from cohere_conformance.cli import output
from cohere_conformance.client import sender as http
from cohere_conformance.client.deadline import GRACE
from cohere_conformance.report import journal
from cohere_conformance.report.render import html, markdown
from cohere_conformance.session import campaign, judging, removal, runner, worker
from cohere_conformance.session.distributed import DistributedHooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
CASES = {
    "run": ("run", "--case", "tokenize.one-letter"),
    "fuzz": ("fuzz", "--only", "check-api-key", "--fuzz-profile", "smoke"),
    "record": ("record", "--only", "check-api-key", "--cassettes", "made"),
    "verify": ("verify", "--only", "check-api-key"),
    "replay": ("replay", "--only", "check-api-key"),
}


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """The command, in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.delenv("CO_API_KEY", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    # A process keeps what judges; what a test has planted in it is not for the next one.
    campaign._judge.cache_clear()
    yield lambda *arguments: cli.run(arguments)
    campaign._judge.cache_clear()
    gc.collect()  # connections that a planted error has kept from being closed


def reported(home: Path) -> int | None:
    """Return the exit code of the report; `None` where there is none."""
    path = home / "conformance-report" / "report.json"
    if not path.exists():
        return None
    code: int = json.loads(path.read_text(encoding="utf-8"))["footer"]["exit_code"]
    return code


# -- nothing was sent


@pytest.mark.parametrize(
    "further",
    [
        "--co",
        "--collect-only",
        "--fixtures",
        "--markers",
        "--setup-plan",
        "--setup-only",
        "--help",
        "--version",
        "-k no_such_case",
        "--deselect=test_cases.py --deselect=check-api-key --ignore-glob=*",
        "-p no:python",
    ],
)
@pytest.mark.parametrize("way", ["option", "variable"])
def test_without_an_exchange_there_is_no_green(
    further: str, way: str, call: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else pytest is asked for, a faulty server of which nothing was seen does not conform."""
    command = ("run", "--only", "check-api-key", "--fault", "check-api-key.no-verdict")
    if way == "variable":
        monkeypatch.setenv("PYTEST_ADDOPTS", further)
        code = call(*command)
    else:
        code = call(*command, "--", *further.split(" ", 1 if further.startswith("-k") else -1))
    # Where pytest heeds an option only on the command line, the run goes on and finds the fault.
    assert code == (1 if (way, further) == ("variable", "--version") else 5)
    assert reported(tmp_path) in {None, code}


def test_the_option_for_processes_gets_a_hint(
    call: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Behind `--` it would be an option that pytest does not know."""
    assert call("run", "--", "-n", "2") == 4
    assert capfd.readouterr().err == (
        "cohere-conformance: -- -n: expected -n in front of --, such as: run -n 2 -- -x\n"
    )


# -- errors of ours


class BrokenError(RuntimeError):
    """A defect of this tool, as a test plants it."""


def broken(*_: object, **__: object) -> Any:
    raise BrokenError("planted")


PLACES: dict[str, tuple[object, str]] = {
    "the judge": (judging.Explainer, "judgement_parsed"),
    "the journal": (journal.Journal, "add"),
    "the end of the journal": (journal.Journal, "close"),
    "the sender": (http.Sender, "send"),
    "the worker": (worker.Worker, "open"),
    "the removal": (runner.Runner, "close"),
    "the page": (html, "render"),
    "the summary": (markdown, "render"),
    "the writing": (import_module("cohere_conformance.report.write"), "_write_through"),
    "the report": (campaign, "publish"),
}


@pytest.mark.parametrize(
    ("command", "location"),
    [*(("run", location) for location in PLACES), *((one, "the judge") for one in CASES if one != "run")],
)
def test_process_and_report_agree_after_an_internal_error(
    command: str, location: str, call: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours, wherever it is, is 3, and no report says otherwise."""
    owner, name = PLACES[location]
    monkeypatch.setattr(owner, name, broken)
    code = call(*CASES[command])
    assert code == 3
    assert reported(tmp_path) in {None, 3}


@pytest.mark.parametrize("command", [*CASES, "check", "report"])
def test_process_and_report_agree_where_the_report_cannot_be_shown(
    command: str, call: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report was written when its terminal form turned out to be broken."""
    if command == "report":
        assert call(*CASES["run"]) == 0
    monkeypatch.setattr(output, "render_terminal", broken)
    monkeypatch.setattr("cohere_conformance.pytest_report.render_terminal", broken)
    further = {"check": ("check", "--example", "conforming"), "report": ("report",)}
    assert call(*(CASES | further)[command]) == 3
    assert reported(tmp_path) in {None, 3}


@pytest.mark.parametrize(
    ("command", "hook"),
    [
        ("run", "pytest_runtest_setup"),
        ("fuzz", "pytest_runtest_teardown"),
        ("record", "pytest_sessionfinish"),
        ("verify", "pytest_runtest_logreport"),
        ("replay", "pytest_runtest_setup"),
    ],
)
def test_process_and_report_agree_where_a_plugin_fails(
    command: str, hook: str, call: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin of the caller's own that raises in a hook is no verdict about the server."""
    (tmp_path / "failing_plugin.py").write_text(f"def {hook}():\n    1 / 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert call(*CASES[command], "--", "-p", "failing_plugin") == 3
    assert reported(tmp_path) in {None, 3}


@pytest.mark.parametrize("returned", [0, 1, 5])
def test_a_plugin_cannot_end_a_run_green(
    returned: int, call: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a plugin returns in the name of pytest is no verdict."""
    (tmp_path / "leaving_plugin.py").write_text(
        f"import pytest\ndef pytest_runtest_setup(item):\n    pytest.exit('enough', returncode={returned})\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert call(*CASES["run"], "--", "-p", "leaving_plugin") == 3
    assert reported(tmp_path) == 3


def test_what_the_command_does_after_the_run_is_in_the_report(
    call: Callable[..., int], tmp_path: Path
) -> None:
    """Recorded cassettes that are not kept make the command, and its report, say 1."""
    assert call(*CASES["record"]) == 0
    for path in (tmp_path / "made").rglob("*.yaml"):
        path.write_text(path.read_text(encoding="utf-8").replace("valid", "wrong"), encoding="utf-8")
    assert call(*CASES["record"]) in {0, 1}
    assert reported(tmp_path) is not None


@pytest.mark.parametrize("fault", ["", "tokenize.strings-short"])
def test_report_says_what_the_run_said(fault: str, call: Callable[..., int], tmp_path: Path) -> None:
    """Built again from its journals, the report of a run that ended has the same exit code."""
    code = call(*CASES["run"], *(("--fault", fault) if fault else ()))
    assert (code, reported(tmp_path)) == (int(bool(fault)), int(bool(fault)))
    assert call("report") == code
    assert reported(tmp_path) == code


@pytest.mark.parametrize("fault", ["", "tokenize.strings-short"])
def test_a_run_that_has_not_ended_has_no_verdict(
    fault: str, call: Callable[..., int], tmp_path: Path
) -> None:
    """However complete the journals of the workers are: until the leading process says so, it is 2."""
    call(*CASES["run"], *(("--fault", fault) if fault else ()))
    (tmp_path / "conformance-report" / "run.json").unlink()
    assert call("report") == 2
    assert reported(tmp_path) == 2


def test_a_run_that_is_stopped_before_any_process_begins_is_interrupted(
    call: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a journal at Ctrl-C the exit code of the run is 2, and so is that of `report` afterwards."""
    plugin = "def pytest_collection():\n    raise KeyboardInterrupt\n"
    (tmp_path / "stopping_plugin.py").write_text(plugin, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert call(*CASES["run"], "--", "-p", "stopping_plugin") == 2
    assert reported(tmp_path) == 2
    assert call("report") == 2
    assert reported(tmp_path) == 2


def test_a_run_that_is_stopped_while_it_is_prepared_is_interrupted(
    call: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C may come as soon as the run has begun, when pytest reports nothing to anybody yet."""
    begin = campaign.Campaign.begin

    def begin_and_stop(self: campaign.Campaign) -> None:
        begin(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(campaign.Campaign, "begin", begin_and_stop)
    assert call(*CASES["run"]) == 2
    assert reported(tmp_path) == 2
    assert call("report") == 2


def test_a_process_of_a_stopped_run_has_time_to_remove_what_it_made() -> None:
    """pytest-xdist kills one that takes longer; by its own limit, that is less than a removal may take."""
    nodes = SimpleNamespace(EXIT_TIMEOUT=NodeManager.EXIT_TIMEOUT)
    node = SimpleNamespace(workerinput={}, nodemanager=nodes)
    begun = SimpleNamespace(identity=campaign.Identity("1", "2026-01-01T00:00:00Z", reference=True))
    DistributedHooks(begun, 2).pytest_configure_node(node)  # type: ignore[arg-type]
    assert nodes.EXIT_TIMEOUT > GRACE


def test_a_process_that_is_killed_before_it_begins_is_missed(tmp_path: Path) -> None:
    """Another one takes its place and runs all cases; even so, something went wrong in the harness."""
    plugin = (
        "import os\n"
        "def pytest_collection(session):\n"
        "    if getattr(session.config, 'workerinput', {}).get('workerid') == 'gw0':\n"
        "        os._exit(9)\n"
    )
    (tmp_path / "dying_plugin.py").write_text(plugin, encoding="utf-8")
    assert called(tmp_path, *CASES["run"], "-n", "2", "--", "-p", "dying_plugin").code == 3
    assert reported(tmp_path) == 3
    assert called(tmp_path, "report").code == 3


def test_an_incomplete_recording_is_not_kept(
    call: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the harness failed in one of the tests, the cassettes of the others are not written either."""
    plugin = "def pytest_runtest_setup(item):\n    assert 'wrong' not in item.nodeid\n"
    (tmp_path / "halting_plugin.py").write_text(plugin, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert call(*CASES["record"], "--", "-p", "halting_plugin") == 3
    assert list((tmp_path / "conformance-report" / "recorded").rglob("*.yaml")), "some were recorded"
    assert not (tmp_path / "made").exists()


_SMALL_FILES = """
import os, resource
resource.setrlimit(resource.RLIMIT_FSIZE, (int(os.environ["LARGEST"]),) * 2)
"""


@pytest.mark.parametrize("further", [(), ("-n", "2")], ids=["one process", "two"])
@pytest.mark.parametrize("largest", [600, 60_000], ids=["the opening", "a record"])
def test_a_journal_that_cannot_be_written_ends_a_run_in_one_line(
    largest: int, further: tuple[str, ...], tmp_path: Path
) -> None:
    """Also in the processes of -n: no traceback, one line on standard error, exit code 3."""
    (tmp_path / "small_files.py").write_text(_SMALL_FILES, encoding="utf-8")
    command = ("run", "--only", "tokenize", *further, "--", "-p", "small_files")
    done = WARM.call(command, tmp_path, environment(LARGEST=str(largest)))
    assert done.code == 3, done.output
    assert "Traceback" not in done.output
    assert "File too large" in done.output
    assert reported(tmp_path) in {None, 3}
    assert len(done.errors.splitlines()) == (reported(tmp_path) is None)


def test_removal_goes_on_where_nothing_can_be_written_down(
    call: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal on a full disk ends the sending, and what was made is removed all the same."""
    removed: list[object] = []
    usual = removal.Remover.remove

    def remove(self: removal.Remover, one: removal.CreatedResource) -> set[removal.Address]:
        sent = usual(self, one)
        removed.append(sent)
        return sent

    monkeypatch.setattr(removal.Remover, "remove", remove)
    count = iter(range(10_000))
    write_line = journal.Journal._write

    def full(self: journal.Journal, line: object) -> None:
        if next(count) >= 60:
            raise self._unwritable(OSError(28, "No space left on device"))
        write_line(self, line)  # type: ignore[arg-type]

    monkeypatch.setattr(journal.Journal, "_write", full)
    assert call("run", "--only", "datasets") == 3
    assert reported(tmp_path) in {None, 3}
    assert removed
    assert all(removed), "a request each"
