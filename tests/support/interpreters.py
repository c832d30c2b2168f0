"""Run the wheel on every supported Python that this machine has.

`make interpreters` calls this. It names each Python that is missing; at least one of each set in `NEEDED` has
to run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

ROOT = Path(__file__).parents[2]
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
NEEDED = (("3.11",), ("3.13", "3.14"))
"""Of each of these at least one has to run: the oldest, and one after 3.12."""


class Step(NamedTuple):
    """A command of the wheel, and how it has to end."""

    arguments: tuple[str, ...]
    exit_code: int


STEPS = (
    # One process at first: it compiles what is imported, which several would each do by themselves.
    Step(("run", "--only", "rerank,tokenize", "--fault", "rerank.unsorted"), 1),
    Step(("run", "-n", "2"), 0),
    Step(("fuzz", "--fuzz-profile", "smoke", "-n", "2"), 0),
    Step(("replay", "-n", "2"), 0),
)


class FailedError(Exception):
    """A step that did not end as it has to."""


def candidates(version: str, environment: Mapping[str, str]) -> Iterator[Path]:
    """Look where interpreters are: this one, the search path and what Debian, pyenv and uv have installed."""
    yield Path(sys.executable)
    name = f"python{version}"
    found = [shutil.which(name, path=environment.get("PATH")), f"/usr/bin/{name}", f"/usr/local/bin/{name}"]
    yield from (Path(path) for path in found if path)
    pyenv = Path(environment.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from (path / "bin" / "python" for path in sorted(pyenv.glob(f"versions/{version}.*"), reverse=True))
    if uv := shutil.which("uv", path=environment.get("PATH")):
        command = [uv, "python", "find", "--no-python-downloads", version]
        yield from map(Path, subprocess.run(command, capture_output=True, text=True).stdout.splitlines())


def version_of(python: Path) -> str | None:
    """Return the version of an interpreter; none where it does not run (shims of pyenv may not)."""
    script = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", script], capture_output=True, text=True, timeout=60)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def find(version: str, environment: Mapping[str, str]) -> Path | None:
    """Return an interpreter of this version."""
    return next((path for path in candidates(version, environment) if version_of(path) == version), None)


def missing(ran: Collection[str]) -> list[str]:
    """Say of which sets of `NEEDED` no version ran."""
    return [" or ".join(versions) for versions in NEEDED if not set(versions) & set(ran)]


def call(*command: str | Path, folder: Path, exit_code: int = 0) -> None:
    """Run a command in a folder.

    Raises:
        FailedError: it ended with another exit code.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    environment = kept | {"PYTHONWARNINGS": "error::DeprecationWarning"}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != exit_code:
        shown = " ".join(map(str, command))
        raise FailedError(
            f"{shown}: expected exit code {exit_code}, got {done.returncode}\n{done.stdout[-4000:]}"
        )


def build(folder: Path) -> Path:
    """Build the wheel of this checkout."""
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, folder=folder)
    return next(folder.glob("*.whl"))


def install(python: Path, wheel: Path, folder: Path) -> Path:
    """Install the wheel into an empty environment, and return the command.

    With uv where `make` has installed it, as pip takes several times as long; `test_wheel.py` uses pip.
    """
    home = folder / "environment"
    call(python, "-m", "venv", "--without-pip", home, folder=folder)
    interpreter, uv = home / "bin" / "python", Path(sys.executable).with_name("uv")
    command: tuple[str | Path, ...]
    if uv.exists():
        command = (uv, "pip", "install", "--quiet", "--python", interpreter)
    else:
        pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
        command = (*pip, "--python", interpreter, "install", "--no-compile")
    call(*command, "--constraint", ROOT / "constraints.txt", wheel, folder=folder)
    return home / "bin" / "cohere-conformance"


def perform(command: Path, folder: Path) -> None:
    """Run every step in an empty folder; process and report have to agree.

    Raises:
        FailedError: a command, or its report, ended in another way.
    """
    for number, step in enumerate(STEPS):
        empty = folder / f"step-{number}"
        empty.mkdir()
        began = time.monotonic()
        call(command, *step.arguments, folder=empty, exit_code=step.exit_code)
        report = json.loads((empty / "conformance-report" / "report.json").read_text(encoding="utf-8"))
        if report["footer"]["exit_code"] != step.exit_code:
            raise FailedError(f"{step.arguments}: the report says {report['footer']['exit_code']}")
        seconds = time.monotonic() - began
        print(f"  exit {step.exit_code}, {seconds:5.1f} s: {' '.join(step.arguments)}", flush=True)


def _folder(temporary: str, version: str) -> Path:
    """Return a new folder for what one Python installs and runs."""
    folder = Path(temporary, version)
    folder.mkdir()
    return folder


def main(locate: Callable[[str, Mapping[str, str]], Path | None] = find) -> int:
    """Run on each supported version, and return 0 where enough of them ran and none failed."""
    ran, failed = [], []
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(1) as installer:
        wheel = build(Path(temporary))
        # pip keeps one processor busy, and a step not always two: the next one is installed meanwhile.
        installed = {
            version: (python, installer.submit(install, python, wheel, _folder(temporary, version)))
            for version in SUPPORTED
            if (python := locate(version, os.environ)) is not None
        }
        for version in SUPPORTED:
            if version not in installed:
                print(f"Python {version}: MISSING (not on PATH, nor of Debian, pyenv or uv)", flush=True)
                continue
            python, command = installed[version]
            print(f"Python {version}: {python}", flush=True)
            try:
                perform(command.result(), Path(temporary, version))
                ran.append(version)
            except FailedError as error:
                print(f"  FAILED: {error}", flush=True)
                failed.append(version)
    lacking = missing([*ran, *failed])
    for versions in lacking:
        print(f"Python {versions} is needed; install one (pyenv, uv or Debian)")
    print(f"interpreters: {', '.join(ran) or 'none'} ran{''.join(f', {one} FAILED' for one in failed)}")
    return 1 if failed or lacking else 0


if __name__ == "__main__":
    sys.exit(main())
