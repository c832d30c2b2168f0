"""A month of nightly runs against a server whose faults come and go, with what each report must say.

    python benchmarks/month.py
    python benchmarks/month.py --quick

Thirty nights of `run --history` with simulated dates: faults that are mended, return and flap, an accepted
one whose acceptance expires, a run that is killed half way, a night on which the server is down, and one with
a newer contract. Each night is compared with what its report has to say: exit code, what has changed and
since when. Exits with 1 if one says something else. `--quick` leaves out the nights on which nothing happens.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import types
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

from cohere_conformance.cli import run as command
from cohere_conformance.contract import load
from cohere_conformance.history import stored_runs
from cohere_conformance.reference import ServerState
from cohere_conformance.reference.app import application
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.server import ServerThread
from cohere_conformance.sdk.parsers import VARIABLE
from cohere_conformance.session import campaign

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

# `dated` changes what is loaded: the plugin of the suites is loaded by its name, and later.
importlib.import_module("cohere_conformance.pytest_plugin")

FIRST = date(2026, 12, 1)
HOUR = timedelta(hours=2)
ACCEPTED_UNTIL = 20
"""The last night of the acceptance."""
KILLED_AFTER = 25
"""Requests after which the run of one night is killed: about a third of them."""
GROUPS = "tokenize,detokenize,check-api-key"
EMPTY, STRINGS, BILLED = "tokenize.empty-accepted", "tokenize.strings-changed", "tokenize.billed"
PAGES, VERDICT = "errors.html", "check-api-key.no-verdict"
TITLES = {
    EMPTY: "accepts an empty text",
    STRINGS: "token_strings",
    BILLED: "billed_units",
    PAGES: "HTML page",
    VERDICT: "valid is missing",
}
"""What the title of the only cause of each fault has."""


class Night(NamedTuple):
    """One night, and what its report has to say.

    Attributes:
        day: from 1.
        faults: what is wrong with the server.
        code: the exit code.
        states: what has changed, by fault.
        since: the night that the report compares with; `None` if it has none.
        event: what else happens.
        quiet: nothing does, so the night can be left out.
    """

    day: int
    faults: tuple[str, ...] = ()
    code: int = 0
    states: Mapping[str, str] = types.MappingProxyType({})
    since: int | None = None
    event: str = ""
    quiet: bool = False


STORY = (
    Night(1, event="the first run"),
    Night(2, since=1, quiet=True),
    Night(3, (EMPTY,), 1, {EMPTY: "new"}, since=2),
    Night(4, (EMPTY,), 1, {EMPTY: "persisting"}, since=3),
    Night(5, (EMPTY,), 1, {EMPTY: "persisting"}, since=4, quiet=True),
    Night(6, (), 0, {EMPTY: "resolved"}, since=5),
    Night(7, since=6, quiet=True),
    Night(8, (STRINGS,), 1, {STRINGS: "new"}, since=7),
    Night(9, (), 0, {STRINGS: "resolved"}, since=8),
    Night(10, (STRINGS,), 1, {STRINGS: "regressed"}, since=9),
    Night(11, (), 0, {STRINGS: "flapping"}, since=10),
    Night(12, (STRINGS,), 1, {STRINGS: "flapping"}, since=11),
    Night(13, (), 0, {STRINGS: "flapping"}, since=12),
    Night(14, (BILLED,), 1, {BILLED: "new"}, since=13),
    Night(15, (BILLED,), 0, {}, since=14, event="accept"),
    Night(16, (BILLED,), 0, {}, since=15, quiet=True),
    Night(17, (BILLED,), -signal.SIGKILL, event="killed"),
    Night(18, (BILLED,), 0, {}, since=16),
    Night(19, (BILLED,), 3, event="down"),
    Night(20, (BILLED,), 0, {}, since=18),
    Night(21, (BILLED,), 1, {BILLED: "persisting"}, since=20, event="the acceptance has expired"),
    Night(22, (BILLED,), 1, {BILLED: "new"}, event="newer contract"),
    Night(23, (BILLED,), 1, {BILLED: "persisting"}, since=21),
    Night(24, (), 1, {BILLED: "resolved"}, since=23, event="the entry accepts nothing any more"),
    Night(25, (), 0, {}, since=24, event="prune"),
    Night(26, since=25, quiet=True),
    Night(27, (STRINGS,), 1, {STRINGS: "regressed"}, since=26),
    Night(28, (PAGES,), 1, {PAGES: "new", STRINGS: "resolved"}, since=27),
    Night(29, (PAGES, STRINGS), 1, {PAGES: "persisting", STRINGS: "flapping"}, since=28),
    Night(
        30,
        (EMPTY, STRINGS, VERDICT),
        1,
        {EMPTY: "regressed", STRINGS: "flapping", VERDICT: "new", PAGES: "resolved"},
        since=29,
    ),
)


EVENTFUL = [night.day for night in STORY if not night.quiet]


def day_of(night: int) -> date:
    return FIRST + timedelta(days=night - 1)


@contextlib.contextmanager
def dated(day: date) -> Iterator[None]:
    """Let it be two in the morning of a day for the package; clocks that measure durations are as always."""
    began = datetime.now(UTC)

    class Dated(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            elapsed = datetime.now(UTC) - began
            return datetime(day.year, day.month, day.day, tzinfo=tz) + HOUR + elapsed

    with contextlib.ExitStack() as patches:
        for name, module in [*sys.modules.items()]:
            if not name.startswith("cohere_conformance.") or ".reference" in name:
                continue
            for attribute, value in [*vars(module).items()]:
                if value is datetime:
                    patches.enter_context(mock.patch.object(module, attribute, Dated))
                elif isinstance(value, types.ModuleType) and value.__name__ == "datetime":
                    other = types.SimpleNamespace(**(vars(value) | {"datetime": Dated}))
                    patches.enter_context(mock.patch.object(module, attribute, other))
        yield


@contextlib.contextmanager
def newer_contract(folder: Path) -> Iterator[None]:
    """Judge by a contract in which the version of the document is a later one."""
    if not folder.exists():
        shutil.copytree(load.folder("contracts"), folder)
        document = folder / "openapi" / "openapi.yaml"
        text = document.read_text(encoding="utf-8")
        version = str(load.load_contract().version)
        assert version in text, "the document has its version"
        document.write_text(text.replace(version, "2026-12-20", 1), encoding="utf-8")
    newer = load.load_declarations(folder)
    with mock.patch.object(load, "_shipped", return_value=newer):
        campaign._judge.cache_clear()
        try:
            yield
        finally:
            campaign._judge.cache_clear()


class Server:
    """The server of the month: its faults change, it can be down, and it can kill a client."""

    def __init__(self) -> None:
        self.state = ServerState(step=0.0)
        inner = application(self.state)
        self.victim: Callable[[], None] | None = None
        self.received = 0

        async def app(scope: Any, receive: Any, send: Any) -> None:
            self.received += 1
            if self.victim is not None and self.received == KILLED_AFTER:
                self.victim()
            await inner(scope, receive, send)

        self.thread = ServerThread(self.state, app)


class Month:
    """The nights, one after the other, in a folder as a nightly job has it.

    Args:
        home: the folder.
        groups: what is run.
    """

    def __init__(self, home: Path, groups: str = GROUPS) -> None:
        self.home = home
        self.groups = groups
        self.server = Server()
        self.history = home / "nightly.sqlite"
        self.report = home / "conformance-report" / "report.json"
        (home / "conformance.toml").write_text(
            f'name = "gateway"\nurl = "{self.server.thread.url}"\n', encoding="utf-8"
        )

    def night(self, night: Night) -> NightResult:
        """Run a night."""
        self.server.state.faults = night.faults
        with contextlib.ExitStack() as surroundings:
            surroundings.enter_context(dated(day_of(night.day)))
            if night.event != "down":
                surroundings.enter_context(self.server.thread)
            if night.event == "newer contract":
                surroundings.enter_context(newer_contract(self.home / "newer"))
            if night.event == "accept":
                self._accept()
            if night.event == "prune":
                self._call("baseline", "prune")
            if night.event == "killed":
                return self._killed(night)
            code, text = self._call("run", "--only", self.groups, "--history", str(self.history))
        if night.event == "down":
            report = ["expected no report, got one"] if self.report.exists() else []
            return NightResult(night, code, (), (*_exit(night, code), *report))
        if not self.report.exists():
            return NightResult(night, code, (), (f"expected a report, got exit code {code}: {text}",))
        return NightResult(night, code, opening(text), tuple(self._different(night, code)))

    def _different(self, night: Night, code: int) -> list[str]:
        report = json.loads(self.report.read_text(encoding="utf-8"))
        changes = report["changes"]
        since = (changes["since"] or "")[:10]
        expected = str(day_of(night.since)) if night.since is not None else ""
        wrong = _exit(night, code)
        if report["footer"]["exit_code"] != code:
            wrong.append(f"expected the exit code in the report, got {report['footer']['exit_code']}")
        if report["header"]["started_at"][:10] != str(day_of(night.day)):
            wrong.append(f"expected the date of the night, got {report['header']['started_at']}")
        if since != expected:
            wrong.append(f"expected changes since {expected or 'no run'}, got {since or 'no run'}")
        states = {_fault_of(one["title"]): one["state"] for one in changes["causes"]}
        if states != night.states:
            wrong.append(f"expected {night.states}, got {states}")
        return wrong

    def _accept(self) -> None:
        """Accept the only cause of the last report."""
        (cause,) = json.loads(self.report.read_text(encoding="utf-8"))["causes"]
        until = str(day_of(ACCEPTED_UNTIL))
        code, text = self._call(
            "baseline", "accept", cause["id"], "--reason", "Known at the vendor", "--expires", until
        )
        assert code == 0, text

    def _killed(self, night: Night) -> list[str]:
        """Run in a process that is killed half way; its journals are all that is left."""
        before = len(stored_runs(self.history))
        arguments = [sys.executable, "-m", "cohere_conformance", "run", "--only", self.groups]
        with subprocess.Popen(
            [*arguments, "--history", str(self.history)],
            cwd=self.home,
            env=os.environ | {"CO_API_KEY": PRODUCTION},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            self.server.received, self.server.victim = 0, process.kill
            code = process.wait(timeout=120)
        self.server.victim = None
        partial, text = self._call("report")
        wrong = [*_exit(night, code)]
        wrong += [] if partial == 2 else [f"expected exit code 2 of its partial report, got {partial}"]
        wrong += [] if len(stored_runs(self.history)) == before else ["expected no such run in the history"]
        return NightResult(night, code, (text.splitlines()[-1],), tuple(wrong))

    def _call(self, *arguments: str) -> tuple[int, str]:
        output = io.StringIO()
        variables = {"CO_API_KEY": PRODUCTION, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "110"}
        variables |= {VARIABLE: "0"}  # whether the SDK is installed here does not matter
        with (
            contextlib.chdir(self.home),
            mock.patch.dict(os.environ, variables),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
        ):
            return command(arguments), output.getvalue()


def opening(text: str) -> tuple[str, ...]:
    """Return the lines with which a report on the terminal opens: what has changed."""
    lines = text.strip().splitlines()
    return tuple(lines[: next(at for at, line in enumerate(lines) if line.startswith("contract "))])


def _exit(night: Night, code: int) -> list[str]:
    return [] if code == night.code else [f"expected exit code {night.code}, got {code}"]


def _fault_of(title: str) -> str:
    return next((fault for fault, words in TITLES.items() if words in title), title)


def only(days: Collection[int]) -> list[Night]:
    """Return some nights of the story; each is compared with the last one before it that is left."""
    kept = [night for night in STORY if night.day in days]
    stored = [night.day for night in kept if night.event not in {"killed", "down", "newer contract"}]
    return [
        night
        if night.since is None
        else night._replace(since=max(day for day in stored if day <= night.since))
        for night in kept
    ]


class NightResult(NamedTuple):
    """One night as it was.

    Attributes:
        night: what had to be.
        code: the exit code.
        opening: the lines with which the report opens.
        wrong: what is different.
    """

    night: Night
    code: int
    opening: tuple[str, ...]
    wrong: tuple[str, ...]


def table(results: Iterable[NightResult]) -> list[str]:
    """Return the month as a table in Markdown."""
    lines = ["| night | the server | exit code | the report opens with |", "|---|---|--:|---|"]
    for night, code, opening, _ in results:
        faults = ", ".join(night.faults) or "faultless"
        says = opening[0] if opening else "no report"
        event = f"; {night.event}" if night.event else ""
        lines.append(f"| {day_of(night.day)} | {faults}{event} | {code} | {says} |")
    return lines


def main() -> int:
    """Run the month, and return 1 if a report says something else than it has to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out the nights on which nothing happens")
    parser.add_argument("--no-gate", action="store_true", help="exit with 0 whatever the reports say")
    given = parser.parse_args()
    results: list[NightResult] = []
    with tempfile.TemporaryDirectory(prefix="month-") as folder:
        month = Month(Path(folder))
        for night in only(EVENTFUL) if given.quick else STORY:
            results.append(month.night(night))
            for problem in results[-1].wrong:
                print(f"{day_of(night.day)}: {problem}", file=sys.stderr)
    print(*table(results), "", "The last report opens with:", "", sep="\n")
    print(*results[-1].opening, sep="\n")
    wrong = sum(bool(one.wrong) for one in results)
    print(f"\n{len(results)} nights, {wrong} with a report that says something else than it has to")
    return 1 if wrong and not given.no_gate else 0


if __name__ == "__main__":
    sys.exit(main())
