"""What `make interpreters` makes of the Pythons that a machine has: enough, too few, or one that fails."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import interpreters
import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

THIS = f"{sys.version_info.major}.{sys.version_info.minor}"


def script(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return path


def test_an_interpreter_of_pyenv_is_found(tmp_path: Path) -> None:
    """The newest one of the version; a folder without an interpreter that runs is passed over."""
    says = 'echo "9.8"'
    script(tmp_path / "versions" / "9.8.1" / "bin" / "python", says)
    newest = script(tmp_path / "versions" / "9.8.2" / "bin" / "python", says)
    script(tmp_path / "versions" / "9.8.3" / "bin" / "python", "exit 1")
    assert interpreters.find("9.8", {"PYENV_ROOT": str(tmp_path), "PATH": ""}) == newest


def test_an_interpreter_of_the_search_path_or_of_uv_is_found(tmp_path: Path) -> None:
    """A name on the search path whose program is of another version, as a shim's, is none."""
    environment = {"PYENV_ROOT": str(tmp_path), "PATH": str(tmp_path / "bin")}
    script(tmp_path / "bin" / "python9.8", "echo 'pyenv: python9.8: command not found' >&2", "exit 127")
    assert interpreters.find("9.8", environment) is None
    managed = script(tmp_path / "uv-managed" / "python", 'echo "9.8"')
    script(tmp_path / "bin" / "uv", f'test "$4" = 9.8 && echo "{managed}"')
    assert interpreters.find("9.8", environment) == managed
    assert interpreters.find(THIS, environment) == Path(sys.executable)


@pytest.mark.parametrize(
    ("ran", "lacking"),
    [
        (["3.11", "3.12", "3.13", "3.14"], []),
        (["3.11", "3.13"], []),
        (["3.11", "3.14"], []),
        (["3.11", "3.12"], ["3.13 or 3.14"]),
        (["3.12", "3.13"], ["3.11"]),
        ([], ["3.11", "3.13 or 3.14"]),
    ],
)
def test_too_few_interpreters_are_no_success(ran: list[str], lacking: list[str]) -> None:
    """The oldest Python and one after 3.12 have to run; of others it is only said that they are missing."""
    assert interpreters.missing(ran) == lacking


@pytest.mark.parametrize(
    ("there", "broken", "exit_code", "said"),
    [
        (("3.11", "3.13"), "", 0, "Python 3.14: MISSING"),
        (("3.11", "3.12"), "", 1, "Python 3.13 or 3.14 is needed"),
        (("3.11", "3.13"), "3.13", 1, "3.11 ran, 3.13 FAILED"),
        (("3.11", "3.12", "3.13"), "3.12", 1, "3.11, 3.13 ran, 3.12 FAILED"),
    ],
)
def test_the_exit_code_says_whether_it_is_enough(
    there: tuple[str, ...],
    broken: str,
    exit_code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Missing ones are named; one that fails is a failure even where enough others ran."""

    def locate(version: str, environment: Mapping[str, str]) -> Path | None:
        return Path("/python", version) if version in there else None

    def perform(command: Path, folder: Path) -> None:
        if command.name == broken:
            raise interpreters.FailedError("run: expected exit code 0, got 1")

    monkeypatch.setattr(interpreters, "build", lambda folder: folder / "a.whl")
    monkeypatch.setattr(interpreters, "install", lambda python, wheel, folder: python)
    monkeypatch.setattr(interpreters, "perform", perform)
    assert interpreters.main(locate) == exit_code
    assert said in capsys.readouterr().out


def command(path: Path, exit_code: str, reported: str) -> Path:
    """Make a command that ends so, and writes a report that says so; `$code` is what it should be."""
    return script(
        path,
        'code=0; case "$*" in *--fault*) code=1;; esac',
        "mkdir conformance-report",
        f'echo "{{\\"footer\\": {{\\"exit_code\\": {reported}}}}}" > conformance-report/report.json',
        f"exit {exit_code}",
    )


def test_every_step_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands that end as they have to pass, the failing run with exit code 1 among them."""
    interpreters.perform(command(tmp_path / "command", "$code", "$code"), tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0].strip() for line in lines] == ["exit 1", "exit 0", "exit 0", "exit 0"]


@pytest.mark.parametrize(
    ("exit_code", "reported", "said"),
    [
        ("0", "0", "expected exit code 1, got 0"),
        ("1", "1", "expected exit code 0, got 1"),
        ("3", "3", "expected exit code 1, got 3"),
        ("$((code ? 1 : 3))", "$code", "expected exit code 0, got 3"),
        ("$code", "3", "the report says 3"),
    ],
)
def test_process_and_report_have_to_agree(exit_code: str, reported: str, said: str, tmp_path: Path) -> None:
    """A command that ends otherwise than it has to fails, and so does one whose report says otherwise."""
    with pytest.raises(interpreters.FailedError, match=said):
        interpreters.perform(command(tmp_path / "command", exit_code, reported), tmp_path)
