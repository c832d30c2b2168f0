"""The script of `action.yml`: which inputs it takes, and what it calls the command with."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cohere_conformance.cli import run
from cohere_conformance.client.ledger import CreationLedger

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: dict[str, dict[str, Any]] = {step.get("name", ""): step for step in ACTION["runs"]["steps"]}
COMMAND = """#!{python}
import json, os, pathlib, shutil, sys
if sys.argv[1] == "sweep":
    pathlib.Path(os.environ["CALLED"] + ".sweep").write_text(json.dumps(sys.argv[1:]))
    sys.exit(1)
pathlib.Path(os.environ["CALLED"]).write_text(json.dumps(sys.argv[1:]))
folder = next(one for one in sys.argv if one.startswith("--report-dir=")).partition("=")[2]
if os.environ.get("REPORT"):
    shutil.copytree(os.environ["REPORT"], folder, dirs_exist_ok=True)
sys.exit(int(os.environ.get("EXIT", "0")))
"""
GH = """#!{python}
import json, os, pathlib, sys
calls = pathlib.Path(os.environ["CALLS"])
body = sys.stdin.read() if "--body-file" in sys.argv else ""
with calls.open("a") as file:
    file.write(json.dumps([*sys.argv[1:], body]) + "\\n")
if sys.argv[1:3] == ["issue", "list"]:
    print(os.environ.get("ISSUES", "[]"))
if sys.argv[1:3] == ["issue", "create"]:
    print("https://github.example/issues/1")
"""


class Action:
    """A runner with a workspace, on which the command only writes down how it was called."""

    def __init__(self, home: Path) -> None:
        self.printed = ""
        self.workspace = home / "work" / "space"
        self.workspace.mkdir(parents=True)
        self.output, self.summary, self._called = home / "output", home / "summary", home / "called.json"
        tools = home / "temp" / "conformance" / "bin"
        tools.mkdir(parents=True)
        # No link, with which it would not know its packages.
        (tools / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n', encoding="utf-8")
        (tools / "python").chmod(0o755)
        (tools / "cohere-conformance").write_text(COMMAND.format(python=sys.executable), encoding="utf-8")
        (tools / "cohere-conformance").chmod(0o755)
        self._environment = {
            "PATH": os.environ["PATH"],
            "RUNNER_TEMP": str(home / "temp"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_JOB": "nightly",
            "GITHUB_RUN_ATTEMPT": "2",
            "CALLED": str(self._called),
        }

    def run(self, **inputs: str) -> tuple[int, str]:
        """Run the script with inputs (`_` for `-` in their names); return its exit code and its errors."""
        done = self.done({}, **inputs)
        self.printed = done.stdout
        return done.returncode, done.stderr

    def done(self, environment: dict[str, str], **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run the script with inputs, and with variables for the command."""
        given = {name: declared["default"] for name, declared in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        named = {name: _filled(text, given) for name, text in STEPS["Run"]["env"].items()}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS["Run"]["run"]],
            cwd=self.workspace, env=self._environment | named | environment,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of the step; a line that is none fails."""
        lines = self.output.read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def called(self) -> list[str] | None:
        """The arguments of the command, if it was called."""
        if not self._called.exists():
            return None
        arguments: list[str] = json.loads(self._called.read_text(encoding="utf-8"))
        return arguments

    @property
    def swept(self) -> list[str] | None:
        """The arguments of `sweep`, if it was called."""
        path = Path(f"{self._called}.sweep")
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _filled(text: str, given: dict[str, str]) -> str:
    if text == "${{ github.action_path }}":
        return str(ROOT)
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
    assert action.outputs == {"exit-code": "4"}, "the step that uploads has nothing to upload"
    assert "::error title=Wrong input::" in action.printed
    assert "Wrong input" in action.summary.read_text(encoding="utf-8")


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
    assert action.outputs["report-dir"] == path


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
    assert "secret" not in action.summary.read_text(encoding="utf-8")


def test_every_input_reaches_the_command_as_one_argument(action: Action) -> None:
    """None of them is read as a command or as another option."""
    hostile = '$(touch esc) `touch esc` "; touch esc; --live'
    given = ("url", "only", "declares", "profile", "allow", "max_requests", "time_limit", "seed", "fail_on")
    assert action.run(**dict.fromkeys(given, hostile)) == (0, "")
    assert {f"--{name.replace('_', '-')}={hostile}" for name in given} <= set(action.called or [])
    assert not (action.workspace / "esc").exists()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Reports of one target with a history, by exit code: 1 with a new cause, then 0 without it."""
    home = tmp_path_factory.mktemp("reports")
    found: dict[int, Path] = {}
    for code, faults in ((1, ["--fault", "check-api-key.invalid"]), (0, [])):
        found[code] = home / str(code)
        arguments = ["--report-dir", str(found[code]), "--history", str(home / "history.sqlite"), *faults]
        assert run(["run", "--no-config", "-q", "--only", "check-api-key", *arguments]) == code
    return found


@pytest.mark.parametrize("code", [0, 1])
def test_a_report_gives_outputs_a_summary_and_annotations(
    action: Action, reports: dict[int, Path], code: int
) -> None:
    """A later step can decide by the outputs; nobody has to open the log."""
    done = action.done({"REPORT": str(reports[code]), "EXIT": str(code)})
    assert done.returncode == code
    outputs = action.outputs
    assert re.fullmatch(r"conformance-report-nightly-2-[0-9a-f]{6}", outputs.pop("artifact"))
    verdict = outputs.pop("verdict")
    assert verdict.startswith("DEVIATES: " if code else "CONFORMS: ")
    assert outputs == {
        "report-dir": "conformance-report",
        "exit-code": str(code),
        "report": "conformance-report/report.json",
        "causes": str(code),
        "new": str(code),
    }
    assert verdict in action.summary.read_text(encoding="utf-8")
    assert ("::error " in done.stdout) == bool(code)


@pytest.mark.parametrize("code", [2, 3, 4, 5])
def test_every_exit_code_without_a_report_is_explained(action: Action, code: int) -> None:
    done = action.done({"EXIT": str(code)})
    assert done.returncode == code
    assert f"::error title=No report (exit code {code})::" in done.stdout
    assert f"No report, exit code {code}" in action.summary.read_text(encoding="utf-8")
    assert action.outputs["exit-code"] == str(code)
    assert "report" not in action.outputs


def test_a_damaged_report_is_no_report(action: Action) -> None:
    """What is in the folder may be anything: a branch can have committed it."""
    (action.workspace / "conformance-report").mkdir()
    (action.workspace / "conformance-report" / "report.json").write_text(
        '{"a": "::error::b"}', encoding="utf-8"
    )
    done = action.done({"EXIT": "3"})
    assert "::error title=Unreadable report::" in done.stdout
    assert "::error::b" not in done.stdout
    assert action.outputs["exit-code"] == "3"


def test_two_runs_of_one_job_have_artifacts_of_different_names(action: Action) -> None:
    """The same name twice makes the upload fail."""
    names = set()
    for _ in range(2):
        action.run()
        names.add(action.outputs["artifact"])
        action.output.unlink()
    assert len(names) == 2


def test_the_history_and_the_ledger_are_kept_and_the_baseline_outlives_the_checkout(action: Action) -> None:
    """A job without a checkout uses the baseline of the last one with it."""
    (action.workspace / "conformance-baseline.yaml").write_text("accepted: []\n", encoding="utf-8")
    action.run()
    state = ".cohere-conformance"
    assert {f"--history={state}/history.sqlite", f"--ledger={state}/ledger.jsonl"} <= set(action.called or [])
    (action.workspace / "conformance-baseline.yaml").unlink()
    action.run()
    assert f"--baseline={state}/baseline.yaml" in (action.called or [])
    action.run(history="false")
    assert not [one for one in action.called or [] if state in one]


def test_what_was_learned_is_kept_beside_the_history(action: Action) -> None:
    action.run(learn="true")
    assert {"--observed=.cohere-conformance/observed.yaml", "--learn"} <= set(action.called or [])
    action.run()
    assert "--learn" not in (action.called or [])


@pytest.mark.parametrize("inputs", [{"learn": "yes"}, {"command": "fuzz"}, {"history": "false"}])
def test_only_a_run_with_a_history_can_learn(action: Action, inputs: dict[str, str]) -> None:
    assert action.run(**{"learn": "true", **inputs})[0] == 4
    assert action.called is None


def test_a_state_that_is_a_link_to_the_outside_is_refused(action: Action) -> None:
    (action.workspace / ".cohere-conformance").symlink_to(action.workspace.parent)
    assert action.run()[0] == 4
    assert action.called is None


def test_a_baseline_outside_the_workspace_is_refused(action: Action) -> None:
    code, error = action.run(baseline="/etc/passwd")
    assert (code, action.called) == (4, None)
    assert error == "baseline: expected the path of a file inside the workspace, without patterns\n"


class Issues:
    """Runs the step that updates the issues, with a `gh` that only writes down how it was called."""

    def __init__(self, home: Path) -> None:
        self._calls = home / "calls"
        self._calls.touch()
        (home / "bin").mkdir()
        (home / "bin" / "gh").write_text(GH.format(python=sys.executable), encoding="utf-8")
        (home / "bin" / "gh").chmod(0o755)
        self.environment = {"PATH": f"{home / 'bin'}:{os.environ['PATH']}", "CALLS": str(self._calls)}

    def update(self, folder: Path, issues: Sequence[dict[str, Any]] = ()) -> tuple[int, list[list[str]]]:
        """Update the issues, some of which are there; return the exit code and the calls that change any."""
        self._calls.write_text("", encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(ROOT / ".ci" / "action_issues.py"), str(folder / "report.json"), "PAGE"],
            env=self.environment | {"ISSUES": json.dumps(issues)},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        return done.returncode, self.calls()

    def calls(self) -> list[list[str]]:
        """Return the calls that change something."""
        calls = [json.loads(line) for line in self._calls.read_text(encoding="utf-8").splitlines()]
        return [one for one in calls if one[0] == "issue" and one[1] != "list"]


def test_a_cause_opens_one_issue_updates_it_and_closes_it(tmp_path: Path, reports: dict[int, Path]) -> None:
    """From the first night to the last: opened, updated, closed, and opened again if it is back."""
    issues = Issues(tmp_path)
    code, calls = issues.update(reports[1])
    assert (code, [call[:2] for call in calls]) == (0, [["issue", "create"]])
    title, body = calls[0][calls[0].index("--title") + 1], calls[0][-1]
    cause = json.loads((reports[1] / "report.json").read_text(encoding="utf-8"))["causes"][0]
    assert title == f"{cause['title']} ({cause['id']})"
    assert f"cohere-conformance explain {cause['id']}" in body
    there = {"number": 7, "state": "OPEN", "body": body}

    _, calls = issues.update(reports[1], [there])
    assert [call[:3] for call in calls] == [["issue", "edit", "7"]]
    _, calls = issues.update(reports[0], [there])
    assert [call[:3] for call in calls] == [["issue", "close", "7"]]
    _, calls = issues.update(reports[1], [{**there, "state": "CLOSED"}])
    assert [call[:3] for call in calls] == [["issue", "reopen", "7"], ["issue", "edit", "7"]]


def test_issues_of_other_targets_and_of_people_are_left_alone(
    tmp_path: Path, reports: dict[int, Path]
) -> None:
    other = {
        "number": 1,
        "state": "OPEN",
        "body": "<!-- cohere-conformance cause=12345678 target=elsewhere -->",
    }
    theirs = {"number": 2, "state": "OPEN", "body": "It deviates."}
    assert Issues(tmp_path).update(reports[0], [other, theirs]) == (0, [])


def test_without_a_history_no_issue_is_changed(tmp_path: Path, reports: dict[int, Path]) -> None:
    """Nobody would know what is new."""
    document = json.loads((reports[1] / "report.json").read_text(encoding="utf-8"))
    (tmp_path / "report.json").write_text(json.dumps(document | {"changes": None}), encoding="utf-8")
    assert Issues(tmp_path).update(tmp_path) == (1, [])


def test_what_a_target_has_sent_has_no_effect_in_an_issue(tmp_path: Path, reports: dict[int, Path]) -> None:
    """It mentions nobody, closes no comment and begins no option."""
    document = json.loads((reports[1] / "report.json").read_text(encoding="utf-8"))
    document["causes"][0] |= {"title": "--web @somebody\n::error::x", "change": "<!-- @somebody -->"}
    (tmp_path / "report.json").write_text(json.dumps(document), encoding="utf-8")
    code, calls = Issues(tmp_path).update(tmp_path)
    [call] = calls
    assert code == 0
    assert "@somebody" not in "".join(call)
    assert "\n" not in call[call.index("--title") + 1]
    assert call[-1].count("<!--") == 1


def test_what_earlier_runs_have_left_is_swept_first_if_wanted(action: Action) -> None:
    """Something that stays is a warning: it says nothing about whether the server conforms."""
    (action.workspace / ".cohere-conformance").mkdir()
    assert action.run(sweep="true", url="https://api.cohere.com", live="true")[0] == 0
    assert action.swept is None, "there is no ledger"
    (action.workspace / ".cohere-conformance" / "ledger.jsonl").touch()
    assert action.run(url="https://api.cohere.com", live="true")[0] == 0
    assert action.swept is None, "nobody has asked for it"
    assert action.run(sweep="true", url="https://api.cohere.com", live="true")[0] == 0
    ledger = "--ledger=.cohere-conformance/ledger.jsonl"
    assert action.swept == ["sweep", ledger, "--yes", "--url=https://api.cohere.com", "--live"]
    assert "::warning title=Sweep::" in action.printed


def test_what_is_left_on_the_target_is_a_warning(action: Action) -> None:
    """And the ledger is in the artifact, for whoever sweeps from another machine."""
    ledger = CreationLedger(action.workspace / ".cohere-conformance" / "ledger.jsonl", "http://localhost:1")
    ledger.begin("POST /v1/datasets", "/v1/datasets", name="conformance-1a2b3c")
    ledger.close()
    (action.workspace / "conformance-report").mkdir()
    action.run()
    assert "::warning title=Left on the target::1 that runs have created and not removed" in action.printed
    assert "Left on the target" in action.summary.read_text(encoding="utf-8")
    assert (action.workspace / "conformance-report" / "ledger.jsonl").is_file()


class Runner:
    """Runs all steps of the action as a runner does: scripts for real, actions of others noted only."""

    def __init__(self, action: Action, home: Path, inputs: dict[str, str]) -> None:
        self._action = action
        self._home = home
        self.inputs = {name: declared["default"] for name, declared in ACTION["inputs"].items()} | inputs
        self.used: dict[str, dict[str, str]] = {}
        self.ran: list[str] = []
        self._failed = False

    def run(self, environment: dict[str, str]) -> None:
        """Run the steps in their order."""
        for step in ACTION["runs"]["steps"]:
            name = step.get("name", step.get("uses", ""))
            if name == "Install" or not self._wanted(step.get("if", "success()")):
                continue
            self.ran.append(name)
            if "uses" in step:
                self.used[name] = {key: self._value(text) for key, text in step.get("with", {}).items()}
                continue
            filled = {key: self._value(text) for key, text in step.get("env", {}).items()}
            if step.get("id") == "run":
                given = {name.replace("-", "_"): value for name, value in self.inputs.items()}
                self._failed = self._action.done(environment, **given).returncode != 0
            else:
                done = subprocess.run(
                    ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                    cwd=self._action.workspace, check=False, timeout=60,
                    env=environment | filled | {"RUNNER_TEMP": str(self._home / "temp")},
                )  # fmt: skip
                self._failed = self._failed or done.returncode != 0

    def _wanted(self, condition: str) -> bool:
        """Evaluate the condition of a step, which uses no more than this."""
        parts = [part.strip() for part in condition.split("&&")]
        if "always()" not in parts and self._failed:
            return False
        return all(self._holds(part) for part in parts if not part.endswith("()"))

    def _holds(self, part: str) -> bool:
        matched = re.fullmatch(r"(\S+) (==|!=) '([^']*)'", part)
        assert matched is not None, part
        return (self._named(matched[1]) == matched[3]) == (matched[2] == "==")

    def _value(self, text: str) -> str:
        return re.sub(r"\$\{\{ (.+?) \}\}", lambda found: self._named(found[1].split(" || ")[0]), str(text))

    def _named(self, name: str) -> str:
        scope, _, rest = name.partition(".")
        if scope == "inputs":
            return self.inputs[rest]
        if scope == "steps":
            outputs = self._action.outputs if self._action.output.exists() else {}
            return outputs.get(rest.removeprefix("run.outputs."), "")
        return {"action_path": str(ROOT)}.get(rest, f"<{rest}>")


HOSTILE = [
    "$(touch esc)",
    "`touch esc`",
    "'; touch esc; '",
    "${{ secrets.CO_API_KEY }}",
    "a\nreport=elsewhere",
    "--report-dir=/etc",
    "::set-output name=report::x",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_inputs_have_no_effect_in_any_step(action: Action, tmp_path: Path, text: str) -> None:
    """Whoever writes an input decides its value, and nothing else."""
    names = [
        name
        for name in ACTION["inputs"]
        if name not in {"history", "sweep", "learn", "issues", "command", "live"}
    ]
    runner = Runner(action, tmp_path, dict.fromkeys(names, text))
    runner.run({})
    assert not list(tmp_path.rglob("esc"))
    assert action.called is None or text in "".join(action.called)
    uploaded = runner.used.get("Upload the report", {}).get("path", "conformance-report")
    assert not Path(uploaded).is_absolute()
    assert "elsewhere" not in action.outputs.get("report", "")


@pytest.mark.parametrize("code", [0, 1, 3])
def test_history_and_report_are_kept_however_the_run_ends(
    action: Action, tmp_path: Path, reports: dict[int, Path], code: int
) -> None:
    """The next night needs them, and so does the person who looks for the cause."""
    runner = Runner(action, tmp_path, {})
    runner.run({"EXIT": str(code)} | ({"REPORT": str(reports[code])} if code in reports else {}))
    assert runner.ran[-3:] == ["Run", "Keep the history", "Upload the report"]
    restored, kept = runner.used["Restore the history"], runner.used["Keep the history"]
    assert kept["key"] == restored["key"]
    assert kept["key"].startswith(restored["restore-keys"])
    assert runner.used["Upload the report"]["name"] == action.outputs["artifact"]


def test_a_wrong_input_keeps_and_uploads_nothing(action: Action, tmp_path: Path) -> None:
    runner = Runner(action, tmp_path, {"report-dir": "/etc"})
    runner.run({})
    assert runner.ran[-1] == "Run"


def test_issues_are_updated_only_if_wanted_and_only_with_a_report(
    action: Action, tmp_path: Path, reports: dict[int, Path]
) -> None:
    issues = Issues(tmp_path)
    for wanted in ("false", "true"):
        runner = Runner(action, tmp_path, {"issues": wanted})
        runner.run({"REPORT": str(reports[1]), "EXIT": "1", **issues.environment})
        assert ("Update the issues" in runner.ran) == (wanted == "true")
    assert [one[:2] for one in issues.calls()] == [["issue", "create"]]
