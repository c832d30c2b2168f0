"""The script of `action.yml`: which inputs it takes, and what it calls the command with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ACTION: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent.parent / "action.yml").read_text(encoding="utf-8")
)
STEPS: dict[str, dict[str, Any]] = {step.get("name", ""): step for step in ACTION["runs"]["steps"]}
COMMAND = """#!{python}
import json, os, pathlib, sys
pathlib.Path(os.environ["CALLED"]).write_text(json.dumps(sys.argv[1:]))
"""


class Action:
    """A runner with a workspace, on which the command only writes down how it was called."""

    def __init__(self, home: Path) -> None:
        self.workspace = home / "work" / "space"
        self.workspace.mkdir(parents=True)
        self.output, self.summary, self._called = home / "output", home / "summary", home / "called.json"
        tools = home / "temp" / "conformance" / "bin"
        tools.mkdir(parents=True)
        (tools / "python").symlink_to(sys.executable)
        (tools / "cohere-conformance").write_text(COMMAND.format(python=sys.executable), encoding="utf-8")
        (tools / "cohere-conformance").chmod(0o755)
        self._environment = {
            "PATH": os.environ["PATH"],
            "RUNNER_TEMP": str(home / "temp"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "CALLED": str(self._called),
        }

    def run(self, **inputs: str) -> tuple[int, str]:
        """Run the script with inputs (`_` for `-` in their names); return its exit code and its errors."""
        given = {name: declared["default"] for name, declared in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        named = {name: _filled(text, given) for name, text in STEPS["Run"]["env"].items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS["Run"]["run"]],
            cwd=self.workspace, env=self._environment | named,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        return done.returncode, done.stderr

    @property
    def called(self) -> list[str] | None:
        """The arguments of the command, if it was called."""
        if not self._called.exists():
            return None
        arguments: list[str] = json.loads(self._called.read_text(encoding="utf-8"))
        return arguments


def _filled(text: str, given: dict[str, str]) -> str:
    name = text.removeprefix("${{ inputs.").removesuffix(" }}")
    return given[name]


@pytest.fixture
def action(tmp_path: Path) -> Action:
    return Action(tmp_path)


@pytest.mark.parametrize("live", ["true", "True", "TRUE"])
def test_live_is_true_however_yaml_writes_it(action: Action, live: str) -> None:
    """The spellings that GitHub itself takes for true let the target be another host."""
    assert action.run(live=live) == (0, "")
    assert "--live" in (action.called or [])


@pytest.mark.parametrize("live", ["false", "False", "FALSE", ""])
def test_live_is_false_however_yaml_writes_it(action: Action, live: str) -> None:
    """Nothing but true contacts another host."""
    assert action.run(live=live) == (0, "")
    assert "--live" not in (action.called or ["--live"])


@pytest.mark.parametrize("live", ["yes", "1", "on", "tRue", " true", "true\nfalse"])
def test_live_is_nothing_else(action: Action, live: str) -> None:
    """A word that might mean either is a wrong call, not a guess."""
    code, error = action.run(live=live)
    assert (code, action.called) == (4, None)
    assert error == "live: expected true or false\n"


@pytest.mark.parametrize("name", ["report_dir", "cassettes"])
@pytest.mark.parametrize(
    "path",
    [
        "../../../../esc",
        "..",
        ".",
        "a/../..",
        "/etc",
        "/",
        "~/esc",
        "link",
        "link/below",
        "../space-next-door",
        ".git",
        "a/.git/b",
        "report\n/etc",
        "**",
        "!report",
        "a\x1b[2J",
    ],
)
def test_a_folder_outside_the_workspace_is_refused(action: Action, name: str, path: str) -> None:
    """Nothing is called, written, read or uploaded where a path or a link leaves the workspace."""
    (action.workspace / "link").symlink_to(action.workspace.parent)
    code, error = action.run(**{"command": "verify", name: path})
    assert (code, action.called) == (4, None)
    assert error == (
        f"{name.replace('_', '-')}: expected the path of a folder inside the workspace, without patterns\n"
    )
    assert not action.output.exists(), "the step that uploads has nothing to upload"


def test_an_empty_report_dir_is_refused(action: Action) -> None:
    """It would be the workspace itself, which holds more than the report."""
    assert action.run(report_dir="")[0] == 4
    assert action.called is None


@pytest.mark.parametrize("path", ["conformance-report", "a/b c/d", "./report", "a/../report", "inside"])
def test_a_folder_inside_the_workspace_is_used_and_uploaded(action: Action, path: str) -> None:
    """Also one with a blank, one that is not there yet, and a link to a folder inside."""
    (action.workspace / "real").mkdir()
    (action.workspace / "inside").symlink_to(action.workspace / "real")
    assert action.run(report_dir=path) == (0, "")
    assert f"--report-dir={path}" in (action.called or [])
    assert action.output.read_text(encoding="utf-8") == f"report-dir={path}\n"


def test_an_absolute_folder_inside_the_workspace_is_used(action: Action) -> None:
    """What counts is where it leads, not how it is written."""
    assert action.run(report_dir=str(action.workspace / "report")) == (0, "")


def test_only_the_checked_folder_is_uploaded() -> None:
    """The step that uploads takes the folder from the script, not from the input."""
    step = STEPS["Upload the report"]
    assert step["with"]["path"] == "${{ steps.run.outputs.report-dir }}"
    assert "steps.run.outputs.report-dir != ''" in step["if"]
    assert STEPS["Run"]["id"] == "run"


def test_a_summary_that_is_a_link_is_not_shown(action: Action, tmp_path: Path) -> None:
    """A link of that name in the repository must not put another file on the page of the run."""
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    (action.workspace / "conformance-report").mkdir()
    (action.workspace / "conformance-report" / "report.md").symlink_to(tmp_path / "secret")
    assert action.run() == (0, "")
    assert not action.summary.exists()


def test_every_input_reaches_the_command_as_one_argument(action: Action) -> None:
    """None of them is read as a command or as another option."""
    hostile = '$(touch esc) `touch esc` "; touch esc; --live'
    given = ("url", "only", "declares", "profile", "allow", "max_requests", "time_limit", "seed", "fail_on")
    assert action.run(**dict.fromkeys(given, hostile)) == (0, "")
    assert {f"--{name.replace('_', '-')}={hostile}" for name in given} <= set(action.called or [])
    assert not (action.workspace / "esc").exists()
