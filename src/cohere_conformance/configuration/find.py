"""Finds the configuration file of the working directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cohere_conformance.inputs.files import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = "conformance.toml"
PYPROJECT = "pyproject.toml"
TABLE = "cohere-conformance"
_ROOTS = (".git", ".hg")
"""What the top folder of a repository contains."""


def found(start: Path) -> Path | None:
    """Return the configuration file for a folder, if there is one.

    It is the first `conformance.toml`, or `pyproject.toml` with a table for this tool, in the folder and
    those above it, up to the top of the repository or the home folder. Of a folder that is in neither, no
    folder above is looked at: others may be able to write there.

    Args:
        start: the folder.
    """
    for folder in _folders(start.resolve()):
        if (own := folder / FILE).is_file():
            return own
        if _mentions(project := folder / PYPROJECT):
            return project
    return None


def _folders(start: Path) -> Iterator[Path]:
    above = [start, *start.parents]
    home = Path(os.path.expanduser("~")).resolve()  # noqa: PTH111 - `Path.home` fails without a home folder
    ends = [
        n
        for n, folder in enumerate(above)
        if folder == home or any((folder / name).exists() for name in _ROOTS)
    ]
    yield from above[: ends[0] + 1] if ends else above[:1]


def _mentions(project: Path) -> bool:
    """Return whether a file may have the table of this tool; other files are not parsed."""
    try:
        return TABLE.encode() in read_document(project) and _has_table(project)
    except OSError:
        return False


def _has_table(project: Path) -> bool:
    text = read_document(project).decode("utf-8", "replace")
    return f"[tool.{TABLE}" in text.replace(" ", "").replace('"', "").replace("'", "")
