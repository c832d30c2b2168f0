"""Reads the file of accepted drift."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.contract import load_contract
from cohere_conformance.contract.lines import Lines
from cohere_conformance.errors import ContractError, UsageError
from cohere_conformance.inputs.files import read_document
from cohere_conformance.model import Kind
from cohere_conformance.names import unknown
from cohere_conformance.report.header import Acceptance, AcceptedDrift

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_FILE = Path("conformance-baseline.yaml")
"""The file that is used without being named, if it is in the current folder."""
LIST = "accepted"
"""The only key of the file."""
_KEYS = tuple(name for name in Acceptance.__struct_fields__ if name != "line")
_NAMES = ("finding", "cause", "operation", "kind", "location")
_FINGERPRINT = re.compile(r"[0-9a-f]{4,12}")
_SHORTEST_REASON = 10


def in_force(named: str | None) -> AcceptedDrift | None:
    """Return the accepted drift of a run: of the named file, or else of the one in the current folder.

    Raises:
        UsageError: as `load_baseline`.
    """
    path = Path(named) if named else DEFAULT_FILE
    return load_baseline(path) if named or path.exists() else None


def load_baseline(path: Path) -> AcceptedDrift:
    """Return the entries of a file of accepted drift.

    Raises:
        UsageError: the file cannot be read, or an entry is wrong; the message has the line and what to do.
    """
    try:
        content = read_document(path)
    except OSError as error:
        raise UsageError(
            f"{path}: expected a file of accepted drift, got: {error.strerror or error}; name another with "
            "--baseline"
        ) from error
    return parse_baseline(path, content)


def parse_baseline(path: Path, content: bytes) -> AcceptedDrift:
    """Return the entries of the content that a file of accepted drift has, or will have.

    Raises:
        UsageError: as `load_baseline`.
    """
    from cohere_conformance.contract import yaml12  # most runs have no baseline

    try:
        document, tree = yaml12.parse(path, content)
    except ContractError as error:
        raise UsageError(f"{error}; correct the file of accepted drift") from error
    if document.keys() != {LIST} or not isinstance(document[LIST], list):
        raise UsageError(f"{path}: expected one key, {LIST}, with a list of entries; correct it")
    lines = Lines(tree)
    entries = [_entry(path, number, value, lines) for number, value in enumerate(document[LIST])]
    return AcceptedDrift(file=str(path), entries=tuple(entries))


def _entry(path: Path, number: int, value: Any, lines: Lines) -> Acceptance:
    line = lines.of([LIST, number])
    if not isinstance(value, dict):
        raise UsageError(f"{path}:{line}: expected an entry with {', '.join(_KEYS)}; correct it")
    if not any(value.get(name) or (name == "location" and name in value) for name in _NAMES):
        raise UsageError(f"{path}:{line}: expected one of {', '.join(_NAMES)}; add what the entry accepts")
    mistake = mistake_in(value)
    if mistake is not None:
        key, what = mistake
        raise UsageError(f"{path}:{lines.of([LIST, number, key])}: {what}")
    return msgspec.convert({**value, "line": line}, Acceptance)


def mistake_in(entry: Mapping[Any, Any]) -> tuple[str, str] | None:
    """Return the first key of an entry whose value is wrong, and what was expected there; null if none is."""
    for key, value in entry.items():
        if key not in _KEYS:
            return str(key), unknown("key", str(key), _KEYS)
        if not isinstance(value, str) or not value.isprintable():
            return key, f"{key}: expected a text of one line; correct it"
    if len(entry.get("reason", "").strip()) < _SHORTEST_REASON:
        return (
            "reason",
            f"reason: expected why it is accepted, in at least {_SHORTEST_REASON} characters; correct it",
        )
    if not _is_day(entry.get("expires", "")):
        return (
            "expires",
            "expires: expected the last day on which it is accepted, such as 2027-01-31; correct it",
        )
    if entry.get("finding") and not _FINGERPRINT.fullmatch(entry["finding"]):
        return "finding", "finding: expected a fingerprint: 4 to 12 digits of 0 to 9 and a to f; correct it"
    operation = entry.get("operation", "")
    if operation and "*" not in operation and operation not in (labels := load_contract().operations):
        return "operation", unknown("operation", operation, [*labels])
    if entry.get("kind") and entry["kind"] not in set(Kind):
        return "kind", unknown("kind", entry["kind"], [*Kind])
    return None


def _is_day(text: str) -> bool:
    """Return whether a text is a day such as `2027-01-31`."""
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
