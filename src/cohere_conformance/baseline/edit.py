"""Edits the file of accepted drift line by line, so that comments and order stay as people wrote them."""

from __future__ import annotations

import json
import os
import re
import secrets
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.baseline.load import LIST, load_baseline, parse_baseline
from cohere_conformance.errors import ReportError, UsageError
from cohere_conformance.report.header import Acceptance

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

_BEGINNING = (
    "# Deviations that are accepted until a day. Add one with `cohere-conformance baseline accept`.\n",
    f"{LIST}:\n",
)
_PLAIN = re.compile(r"[A-Za-z0-9/][A-Za-z0-9 /_.{}*-]*[A-Za-z0-9}]")
"""What needs no quotes in YAML."""
_NUMBER = re.compile(r"[0-9.eE+_-]+")


def append(path: Path, entry: Mapping[str, str], about: str) -> None:
    """Add an entry at the end of a file, which is created if there is none.

    Nothing is written unless the new file reads back as the old entries and this one.

    Args:
        path: the file.
        entry: the keys of the entry; those that are empty are left out.
        about: what is accepted, for a comment.

    Raises:
        UsageError: the file is broken or has a layout that cannot be edited by line, or the entry is wrong.
        ReportError: it cannot be read or written.
    """
    given = {key: value for key, value in entry.items() if value}
    known = load_baseline(path).entries if path.exists() else ()
    lines = _lines(path) if path.exists() else [*_BEGINNING]
    if not known:
        lines = [f"{LIST}:\n" if line.startswith(f"{LIST}:") else line for line in lines]
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    indent = _indent(lines[known[-1].line - 1]) if known else "  "
    first, *rest = (f"{key}: {_scalar(value)}" for key, value in given.items())
    added = [f"{indent}# {about}", f"{indent}- {first}", *(f"{indent}  {line}" for line in rest)]
    text = "".join(lines) + "".join(f"{line}\n" for line in added)
    _replace(
        path, text, [*known, msgspec.convert(given, Acceptance)], "add by hand:\n" + "\n".join(added[1:])
    )


def remove(path: Path, lines: Collection[int]) -> int:
    """Remove entries with the comments directly above them, and return how many.

    Args:
        path: the file.
        lines: the lines at which the entries begin; others are ignored.

    Raises:
        UsageError: the file is broken or has a layout that cannot be edited by line.
        ReportError: it cannot be read or written.
    """
    entries = load_baseline(path).entries
    kept = [entry for entry in entries if entry.line not in lines]
    removed = len(entries) - len(kept)
    if not removed:
        return 0
    text = _lines(path)
    starts = [_with_comments(text, entry.line - 1) for entry in entries] + [len(text)]
    rest = text[: starts[0]]
    for entry, start, end in zip(entries, starts, starts[1:], strict=False):
        rest += text[start:end] if entry.line not in lines else []
    if not kept:
        rest = [f"{LIST}: []\n" if line.startswith(f"{LIST}:") else line for line in rest]
    gone = ", ".join(str(entry.line) for entry in entries if entry.line in lines)
    _replace(path, "".join(rest), kept, f"remove by hand the entries at lines {gone}")
    return removed


def _lines(path: Path) -> list[str]:
    """Return the lines of a file, each with the end that it has there."""
    with path.open(encoding="utf-8", newline="") as file:
        return file.read().splitlines(keepends=True)


def _indent(line: str) -> str:
    """Return what is before the dash of an entry."""
    return line[: len(line) - len(line.lstrip())]


def _replace(path: Path, text: str, expected: Sequence[Acceptance], instead: str) -> None:
    """Write a file, if it is read back as what it is meant to say."""
    try:
        entries = parse_baseline(path, text.encode()).entries
    except UsageError as error:
        raise UsageError(
            f"{path}: cannot be edited line by line, nothing was written ({error}); {instead}"
        ) from error
    if [msgspec.structs.replace(one, line=0) for one in entries] != [
        msgspec.structs.replace(one, line=0) for one in expected
    ]:
        raise UsageError(f"{path}: cannot be edited line by line, nothing was written; {instead}")
    _write(path, text)


def _with_comments(text: list[str], line: int) -> int:
    """Return the line at which an entry begins with the comments directly above it."""
    while line > 0 and text[line - 1].lstrip().startswith("#") and text[line - 1][:1].isspace():
        line -= 1
    return line


def _scalar(value: str) -> str:
    """Return a text as YAML reads it back."""
    if _PLAIN.fullmatch(value) and not _NUMBER.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ReportError(
            f"{path}: expected a file to write, got: {error.strerror or error}; name another with --baseline"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
