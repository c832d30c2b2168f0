"""Environments with a wheel and what it requires, which is linked to what is installed here.

Nothing is downloaded or compiled anew: Python finds the bytecode of the linked files. A package that the
wheel does not require, not even by another one, is not there. `make interpreters` downloads the same ones.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import Path as ZipPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator


def install(wheel: Path, home: Path) -> Path:
    """Create an environment in a folder, and return the folder of its programs.

    pip fails if a requirement is not satisfied.
    """
    venv.create(home)
    python = home / "bin" / "python"
    packages = next(home.glob("lib/python*/site-packages"))
    for found in required(wheel):
        for top in {file.parts[0] for file in found.files or () if file.parts[0] != ".."}:
            if top != "__pycache__":
                (packages / top).symlink_to(Path(str(found.locate_file(top))))
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    options = ("--quiet", "--no-index", "--no-compile")
    done = subprocess.run(
        [*pip, "install", *options, wheel], cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return python.parent


def required(wheel: Path) -> list[Distribution]:
    """Return the distributions that a wheel requires, and those that they require."""
    [metadata] = (path for path in ZipPath(wheel).iterdir() if path.name.endswith(".dist-info"))
    found: dict[str, Distribution] = {}
    pending = [*_requirements(PathDistribution(metadata))]
    seen = set[tuple[str, str]]()
    while pending:
        requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                found[name] = distribution(name)
                pending += _requirements(found[name], extra)
    return list(found.values())


def _requirements(installed: Distribution, extra: str = "") -> Iterator[Requirement]:
    for line in installed.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement
