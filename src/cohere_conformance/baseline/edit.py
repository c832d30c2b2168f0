"""Edits the file of accepted drift line by line, so that comments and order stay as people wrote them."""

from __future__ import annotations

import json
import os
import re
import secrets
from typing import TYPE_CHECKING

from cohere_conformance.baseline.load import LIST, load_baseline
from cohere_conformance.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

_BEGINNING = (
    "# Deviations that are accepted until a day. Add one with `cohere-conformance baseline accept`.\n"
    f"{LIST}:\n"
)
_PLAIN = re.compile(r"[A-Za-z0-9/][A-Za-z0-9 /_.{}*-]*[A-Za-z0-9}]")
"""What needs no quotes in YAML."""
_NUMBER = re.compile(r"[0-9.eE+_-]+")


def append(path: Path, entry: Mapping[str, str], about: str) -> None:
    """Add an entry at the end of a file, which is created if there is none.

    Args:
        path: the file.
        entry: the keys of the entry that are not empty.
        about: what is accepted, for a comment.

    Raises:
        UsageError: the file is broken.
        ReportError: it cannot be written.
    """
    text = _BEGINNING
    if path.exists():
        known = load_baseline(path)
        text = path.read_text(encoding="utf-8")
        text = text if text.endswith("\n") else f"{text}\n"
        if not known.entries:
            text = re.sub(rf"^{LIST}:.*$", f"{LIST}:", text, count=1, flags=re.MULTILINE)
    first, *rest = (f"{key}: {_scalar(value)}" for key, value in entry.items() if value)
    text += f"  # {about}\n  - {first}\n" + "".join(f"    {line}\n" for line in rest)
    _write(path, text)
    load_baseline(path)


def remove(path: Path, lines: Collection[int]) -> int:
    """Remove entries with the comments directly above them, and return how many.

    Args:
        path: the file.
        lines: the lines at which the entries begin; others are ignored.

    Raises:
        UsageError: the file is broken.
        ReportError: it cannot be written.
    """
    entries = load_baseline(path).entries
    text = path.read_text(encoding="utf-8").splitlines(keepends=True)
    starts = [_with_comments(text, entry.line - 1) for entry in entries] + [len(text)]
    kept = text[: starts[0]] if entries else text
    removed = 0
    for entry, start, end in zip(entries, starts, starts[1:], strict=False):
        if entry.line in lines:
            removed += 1
        else:
            kept = kept + text[start:end]
    if removed == len(entries) and removed:
        kept = [f"{LIST}: []\n" if line.startswith(f"{LIST}:") else line for line in kept]
    if removed:
        _write(path, "".join(kept))
    return removed


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
        with temporary.open("x", encoding="utf-8") as file:
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
