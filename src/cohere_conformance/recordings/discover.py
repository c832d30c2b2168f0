"""Finds the recordings in a list of files and folders."""

from __future__ import annotations

import glob
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.errors import TrafficError
from cohere_conformance.recordings.formats import ADVICE, Format
from cohere_conformance.recordings.opening import describe, opened
from cohere_conformance.recordings.sniff import recognise
from cohere_conformance.recordings.storage import expand, is_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LINES = frozenset({".jsonl", ".ndjson"})
_PLAUSIBLE = _LINES | {".yaml", ".yml", ".json", ".har"}
_OTHER = frozenset({Format.OTHER_LINES, Format.OTHER_DOCUMENT})
_REFUSED = _OTHER | {Format.EMPTY, Format.UNKNOWN}


_SUFFIXES = 5
"""Number of suffixes that are listed with their counts."""


class SkippedFile(msgspec.Struct, frozen=True):
    """A file in a folder that is skipped, although it is named like a recording or could be one.

    Attributes:
        file: its path.
        reason: what it is instead.
    """

    file: str
    reason: str


def discover(paths: Iterable[str | os.PathLike[str]]) -> Iterator[str | SkippedFile | TrafficError]:
    """Yield the files to read, each once, in the order of the call and sorted within a folder.

    A file that is named is yielded without a look at it: `parse_recording` reports what is wrong with it. A
    folder is searched recursively, without hidden files and folders:

    - a file with a known format is yielded, whatever its name;
    - a file that is named like a recording but is a complete document of another kind, or a recording in a
      format that is recognised but not supported, is yielded as `SkippedFile`;
    - a file that is named like a recording and is neither is yielded, for `parse_recording` to report;
    - all other files of the folder are counted in one `SkippedFile`.

    Args:
        paths: files, folders and patterns (`*.jsonl`), here or in object storage, as the user named them.

    Raises:
        UsageError: a package for the object storage is not installed.
    """
    seen: set[str] = set()
    for named in paths:
        path = os.fspath(named)
        for found in _found(path):
            if isinstance(found, str):
                identity = found if is_address(found) else os.path.realpath(found)
                if identity in seen:
                    continue
                seen.add(identity)
            yield found


def _found(path: str) -> Iterable[str | SkippedFile | TrafficError]:
    """Return what there is at a path, at an address in object storage, or at those that match a pattern."""
    if is_address(path):
        return _stored(path)
    if Path(path).exists():
        return _walk(path) if Path(path).is_dir() else [path]
    if glob.has_magic(path) and (matching := sorted(glob.glob(path, recursive=True))):  # noqa: PTH207
        return (found for match in matching for found in _found(match))
    return [TrafficError(path, "start", "there is no such file or folder")]


def _stored(address: str) -> Iterator[str | SkippedFile | TrafficError]:
    """Yield the files in object storage, with the rules of `_walk` for a folder."""
    try:
        files, is_folder = expand(address)
    except OSError as error:
        yield TrafficError(address, "start", describe(error))
        return
    if not is_folder:
        yield from files
        return
    others: Counter[str] = Counter()
    for file in files:
        inner = file[len(address.rstrip("/")) :]
        if "/." in inner:
            continue
        if (found := _judge(file)) is not None:
            yield found
        else:
            others[Path(file).suffix or "(no suffix)"] += 1
    if others:
        yield SkippedFile(address, f"files that are no recordings: {_listed(others)}")


def _walk(folder: str) -> Iterator[str | SkippedFile | TrafficError]:
    failures: list[OSError] = []
    others: Counter[str] = Counter()
    for parent, folders, names in os.walk(folder, onerror=failures.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if name.startswith(".") or path.is_dir():
                continue
            if not path.is_file():
                yield SkippedFile(str(path), "no regular file, or a link to none")
            elif (found := _judge(str(path))) is not None:
                yield found
            else:
                others[path.suffix or "(no suffix)"] += 1
    if others:
        yield SkippedFile(folder, f"files that are no recordings: {_listed(others)}")
    for error in failures:
        yield TrafficError(str(error.filename), "start", describe(error))


def _listed(others: Counter[str]) -> str:
    """Return how many files there are of each suffix, the most frequent first."""
    ranked = sorted(others.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{number} {suffix}" for suffix, number in ranked[:_SUFFIXES])
    rest = sum(number for _, number in ranked[_SUFFIXES:])
    return f"{shown}, {rest} of other kinds" if rest else shown


def _judge(file: str) -> str | SkippedFile | None:
    kind = _suffix(file)
    try:
        with opened(file) as stream:
            found = recognise(stream).format
    except OSError:
        found = Format.UNKNOWN
    if found in ADVICE:
        return SkippedFile(file, f"{found.value}: not supported; {ADVICE[found]}")
    if found in _OTHER and kind in _PLAUSIBLE and kind != ".har":
        return SkippedFile(file, found.value)
    return file if found not in _REFUSED or kind in _PLAUSIBLE else None


def _suffix(file: str) -> str:
    name = file.lower().removesuffix(".gz").removesuffix(".zst")
    return Path(name).suffix
