"""The worked example of CONTRIBUTING.md, followed to the letter in a copy of the repository."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
COPIED = ("src", "contracts", "suites", "reports", "cassettes")
_STEP = re.compile(
    r"^(?:At the end|Below the line `(?P<anchor>[^`]+)`) of `(?P<path>[^`]+)`, add:\n\n"
    r"```\w+\n(?P<added>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


def section() -> str:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.partition("## Add a requirement in ten minutes")[2].partition("\n## ")[0]


def commands() -> Iterator[str]:
    for block in re.findall(r"^```console\n(.*?)^```$", section(), re.DOTALL | re.MULTILINE):
        yield from (line.removeprefix("$ ") for line in block.splitlines())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the repository with the changes of the example."""
    # With the bytecode, which remains valid for every file that the example does not change.
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("_data"))
    steps = list(_STEP.finditer(section()))
    assert len(steps) == 3
    for step in steps:
        path = tmp_path / step["path"]
        text = path.read_text(encoding="utf-8")
        if step["anchor"] is None:
            text += f"\n\n{step['added']}"
        else:
            assert text.count(f"{step['anchor']}\n") == 1, step["anchor"]
            text = text.replace(f"{step['anchor']}\n", f"{step['anchor']}\n{step['added']}")
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_the_example_works_as_described(copy: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
    shown = {}
    for command in commands():
        name, *arguments = shlex.split(command)
        assert name == "cohere-conformance"
        done = subprocess.run(
            [sys.executable, "-m", "cohere_conformance", *arguments],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        shown[arguments[0]] = done.stdout
    assert "0 problems" in shown["contract"]
    assert "The text does not begin with the marker <BOS_TOKEN>." in shown["explain"]
    assert shown["run"].splitlines()[-1].startswith("CONFORMS")
    assert "PASSED: 1 of 1 fault caught (100.0 %), 1 by exactly what they break" in shown["selftest"]


def test_the_added_code_is_formatted(copy: Path) -> None:
    changed = [copy / step["path"] for step in _STEP.finditer(section()) if step["path"].endswith(".py")]
    options = ("--config", str(ROOT / "pyproject.toml"))
    for check in (("check", "--no-cache"), ("format", "--check", "--no-cache")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, *options, *map(str, changed)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
