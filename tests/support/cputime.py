"""Names the files of tests that take the most CPU time, of themselves and of the processes they start.

`CPU_TIMES=tests/cpu_times.tsv make test` measures them anew, for the order in which they are run.
"""

from __future__ import annotations

import math
import os
import resource
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from warm import WARM

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

TIMES = Path(__file__).parents[1] / "cpu_times.tsv"
"""Seconds of CPU time that each file of tests has taken, as measured last."""
_UNKNOWN = math.inf
"""Of a file that was not measured: it may be a long one."""
_PROPERTY, _COLLECTING = "cpu-seconds", "cpu-seconds of collecting"
_SHOWN = 12


def used() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime + WARM.cpu


def measured(path: Path = TIMES) -> dict[str, float]:
    """Return the seconds of each file of tests."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {name: float(seconds) for seconds, name in (line.split("\t") for line in lines)}


def longest_first(items: list[pytest.Item], times: Mapping[str, float]) -> None:
    """Sort the tests by the time of their files, so that no process runs a long one when others are done."""
    items.sort(key=lambda item: -times.get(item.nodeid.partition("::")[0], _UNKNOWN))


class CpuTime:
    """A pytest plugin; with pytest-xdist each worker measures, and the controller adds up."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._began = 0.0
        self._files: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        collected = yield
        self._files["(start and collection)"] += used()
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput[_COLLECTING] = used()
        return collected

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        self._files["(start and collection)"] += getattr(node, "workeroutput", {}).get(_COLLECTING, 0.0)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        self._began = used()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        result = yield
        # The report of the teardown, which takes these along, is made after this.
        item.user_properties.append((_PROPERTY, used() - self._began))
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            self._files[report.nodeid.partition("::")[0]] += sum(
                value for name, value in report.user_properties if name == _PROPERTY
            )

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        total = sum(self._files.values())
        terminalreporter.section(f"CPU time: {total:.0f} s", sep="-")
        for name, seconds in self._files.most_common(_SHOWN):
            terminalreporter.write_line(f"{seconds:8.1f} s  {seconds / total:4.0%}  {name}")
        if path := os.environ.get("CPU_TIMES"):
            lines = [f"{seconds:.2f}\t{name}\n" for name, seconds in self._files.most_common()]
            Path(path).write_text("".join(lines), encoding="utf-8")
