"""The hook as the documentation shows it: pre-commit installs it from a repository and calls it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RECORDING = ROOT / "docs" / "examples" / "chat.har"
PUBLISHED = "https://github.com/cohere-conformance/cohere-conformance"
PARTS = ("contracts", "suites", "reports", "src")
FILES = ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", "cassettes/policy.yaml")


def _git(folder: Path, *arguments: str) -> str:
    """Run git without the settings of this machine."""
    names = {
        f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **names}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=os.environ | settings, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _commit(folder: Path) -> str:
    """Make a repository of a folder; return its commit."""
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "All")):
        _git(folder, *arguments)
    return _git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project as a repository, without the golden cassettes, which the hook does not read."""
    home = tmp_path_factory.mktemp("published")
    for name in PARTS:
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    (home / "cassettes").mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, home / name)
    return home


@pytest.fixture(scope="module")
def dependencies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that is installed here apart from this project, so that nothing is downloaded."""
    home = tmp_path_factory.mktemp("dependencies")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "cohere_conformance" not in entry.name and entry.suffix != ".pth":
            (home / entry.name).symlink_to(entry)
    return home


def test_pre_commit_installs_and_calls_the_hook(published: Path, dependencies: Path, tmp_path: Path) -> None:
    """The name of a file decides whether the hook is called, its content how it ends."""
    [documented] = re.findall(
        r"```yaml\n(repos:.*?)```", (ROOT / "docs" / "ci.md").read_text(encoding="utf-8"), re.DOTALL
    )
    commit = _commit(published)
    text = documented.replace(PUBLISHED, str(published)).replace("main # use a commit", commit)
    assert commit in text
    mine = tmp_path / "it's $(touch esc)"
    mine.mkdir()
    (mine / ".pre-commit-config.yaml").write_text(text, encoding="utf-8")
    (mine / "package.json").write_text("{}", encoding="utf-8")
    shutil.copy(RECORDING, mine / "a b; touch esc.har")
    _commit(mine)
    environment = {
        "PRE_COMMIT_HOME": str(tmp_path / "pre-commit"),
        "PYTHONPATH": str(dependencies),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which pip reads as yes
        "PIP_NO_COMPILE": "1",
    }

    def hook(*files: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "pre_commit", "run", "--files", *files]
        done = subprocess.run(command, cwd=mine, env=os.environ | environment, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    code, output = hook("package.json")
    assert (code, output.strip().endswith("(no files to check)Skipped")) == (0, True), output
    code, output = hook("a b; touch esc.har")
    assert code == 1, output
    assert "Recorded traffic conforms to the Cohere REST API" in output
    assert "DEVIATES: " in output
    assert not list(tmp_path.rglob("esc"))
