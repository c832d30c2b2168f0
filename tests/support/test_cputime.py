"""The order of the files of tests: the longest first."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cputime import TIMES, longest_first, measured

ROOT = Path(__file__).parents[2]


def test_the_longest_files_come_first_and_those_not_measured_before_them(tmp_path: Path) -> None:
    path = tmp_path / "times.tsv"
    path.write_text("9.50\ttests/test_long.py\n0.10\ttests/test_short.py\n")
    names = ["short.py::a", "long.py::b", "short.py::c", "new.py::d", "long.py::a"]
    items: list[Any] = [SimpleNamespace(nodeid=f"tests/test_{name}") for name in names]
    longest_first(items, measured(path))
    ordered = [item.nodeid.removeprefix("tests/test_") for item in items]
    assert ordered == ["new.py::d", "long.py::b", "long.py::a", "short.py::a", "short.py::c"]


def test_what_was_measured_is_there() -> None:
    times = measured(TIMES)
    assert [name for name in times if name.startswith("tests/") and not (ROOT / name).is_file()] == []
    assert sum(times.values()) > 100
