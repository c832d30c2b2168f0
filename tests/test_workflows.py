"""The files that continuous integrations execute: schemas, actionlint, shellcheck and pinned actions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest
import yaml

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "examples" / "ci"
ACTION = ROOT / "action.yml"
GITLAB = EXAMPLES / "gitlab-ci.yml"
GITHUB = [
    *sorted((ROOT / ".github" / "workflows").glob("*.yml")),
    *(path for path in sorted(EXAMPLES.glob("*.yml")) if path != GITLAB),
]
FILES = [ACTION, *GITHUB, GITLAB]
SCHEMAS = {ACTION: "vendor.github-actions", GITLAB: "vendor.gitlab-ci"}
PUBLISHED = "cohere-conformance/cohere-conformance@main"

linted = pytest.mark.skipif(
    not all((Path(sys.executable).parent / name).exists() for name in ("actionlint", "shellcheck"))
    and os.environ.get("CI") != "true",
    reason="actionlint and shellcheck are installed on Linux only",
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_of_others_are_pinned_by_commit(path: Path) -> None:
    """A tag can be moved; the comment says which version the commit is."""
    used = re.findall(r"uses: *(\S+)(.*)", path.read_text(encoding="utf-8"))
    for name, comment in used:
        if name not in {"./", PUBLISHED}:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name), name
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), name


def test_no_input_is_executed() -> None:
    """Expressions are in `env`, `with` and `if`; in a script they would be pasted into it."""
    for path in (ACTION, *GITHUB):
        document = _document(path)
        jobs = document.get("jobs", {"": document.get("runs")})
        scripts = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
        assert scripts or path.name == "ci.yml", path
        assert not [script for script in scripts if "${{" in script], path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_have_the_form_that_their_schemas_require(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = SCHEMAS.get(path, "vendor.github-workflows")
    monkeypatch.setattr("sys.argv", ["check-jsonschema", "--builtin-schema", schema, str(path)])
    with pytest.raises(SystemExit) as ended:
        check_jsonschema.main()
    assert ended.value.code == 0


@linted
def test_workflows_pass_actionlint(tmp_path: Path) -> None:
    """Expressions, shell scripts, and the inputs and outputs of this repository's action."""
    assert _actionlint(tmp_path) == ""


@linted
@pytest.mark.parametrize(
    ("correct", "wrong", "message"),
    [
        ("max-requests: '300'", "max-request: '300'", 'input "max-request" is not defined in action'),
        ("outputs.exit-code == '0'", "outputs.exit == '0'", 'property "exit" is not defined'),
        ('[ -n "$WEBHOOK" ]', "[ -n $WEBHOOK ]", "SC2070"),
        ("runs-on: ubuntu-latest", "runs-on: ubuntu-last", 'label "ubuntu-last" is unknown'),
        ("cron: '17 3 * * *'", "cron: '17 30 * * *'", "invalid CRON format"),
    ],
)
def test_actionlint_reports_a_mistake_in_an_example(
    tmp_path: Path, correct: str, wrong: str, message: str
) -> None:
    """The files are linted with what they refer to, so that a wrong name is found."""
    assert message in _actionlint(tmp_path, {"docs-nightly.yml": (correct, wrong)})


@linted
@pytest.mark.parametrize(
    ("correct", "wrong", "message"),
    [
        ("${{ inputs.baseline }}", "${{ inputs.base }}", 'property "base" is not defined'),
        ("steps.run.outputs.report-dir != ''", "steps.ran.outputs.report-dir != ''", 'property "ran" is not'),
        ("value: ${{ steps.run.outputs.new }}", "value: ${{ step.run.outputs.new }}", 'variable "step"'),
        ('"${arguments[@]}"', "${arguments[@]}", "SC2068"),
    ],
)
def test_actionlint_reports_a_mistake_in_the_action(
    tmp_path: Path, correct: str, wrong: str, message: str
) -> None:
    assert message in _actionlint(tmp_path, {"action.yml": (correct, wrong)})


@linted
def test_scripts_pass_shellcheck() -> None:
    """Of this repository, of the image and of the jobs of GitLab."""
    assert _shellcheck("bash", (ROOT / ".ci" / "run").read_text(encoding="utf-8")) == ""
    job = _document(GITLAB)["conformance"]
    for name in ("before_script", "script", "after_script"):
        assert _shellcheck("sh", "\n".join(job.get(name, ()))) == ""
    assert "SC2086" in _shellcheck("sh", "pip install $PACKAGE")


def _document(path: Path) -> dict[str, Any]:
    """Return a file; `on` is a text, as GitHub reads it."""
    document: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    return document


def _actionlint(home: Path, changes: dict[str, tuple[str, str]] | None = None) -> str:
    """Lint a repository with every workflow, and with the steps of the action; return what is reported.

    Args:
        home: an empty folder for it.
        changes: texts to replace, by the name of the file; only these files are linted.
    """
    folder = home / ".github" / "workflows"
    folder.mkdir(parents=True)
    (home / ".git").mkdir()
    texts = {
        f"{'docs-' if path.is_relative_to(EXAMPLES) else ''}{path.name}": path.read_text(encoding="utf-8")
        for path in (ACTION, *GITHUB)
    }
    for name, (correct, wrong) in (changes or {}).items():
        assert correct in texts[name]
        texts[name] = texts[name].replace(correct, wrong)
    action = texts.pop("action.yml")
    (home / "action.yml").write_text(action, encoding="utf-8")
    texts["steps.yml"] = _workflow(action)
    texts["page.yml"] = _workflow_of_page()
    for name, text in texts.items():
        # As a local action, so that its inputs and outputs are compared with those of the action.
        (folder / name).write_text(text.replace(PUBLISHED, "./"), encoding="utf-8")
    program = Path(sys.executable).parent
    command = [program / "actionlint", "-no-color", "-oneline", "-shellcheck", program / "shellcheck"]
    changed = [folder / ("steps.yml" if name == "action.yml" else name) for name in changes or ()]
    done = subprocess.run(
        [*command, "-pyflakes=", *changed], cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


def _workflow(action: str) -> str:
    """Return a workflow with the inputs and steps of an action: actionlint reads no steps of actions."""
    document = yaml.load(action, yaml.BaseLoader)
    inputs = {name: {"type": "string", "default": ""} for name in document["inputs"]}
    outputs = {name: declared["value"] for name, declared in document["outputs"].items()}
    job = {"runs-on": "ubuntu-latest", "steps": document["runs"]["steps"], "outputs": outputs}
    return yaml.safe_dump({"on": {"workflow_call": {"inputs": inputs}}, "jobs": {"steps": job}})


def _workflow_of_page() -> str:
    """Return a workflow with the steps that the documentation shows, one after another."""
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    blocks = [
        yaml.load(block, yaml.BaseLoader) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    ]
    steps = [step for block in blocks if isinstance(block, list) for step in block]
    assert len(steps) >= 2
    return yaml.safe_dump({"on": "push", "jobs": {"page": {"runs-on": "ubuntu-latest", "steps": steps}}})


@cache
def _shellcheck(shell: str, script: str) -> str:
    program = Path(sys.executable).parent / "shellcheck"
    done = subprocess.run(
        [program, "--shell", shell, "--format", "gcc", "-"],
        input=script, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr
