"""Finds the recordings that somebody means by a list of files and folders."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.errors import TrafficError
from cohere_conformance.recordings.formats import ADVICE, Format
from cohere_conformance.recordings.opening import describe, opened
from cohere_conformance.recordings.sniff import recognise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LINES = frozenset({".jsonl", ".ndjson"})
_PLAUSIBLE = _LINES | {".yaml", ".yml", ".json", ".har"}
_OTHER = frozenset({Format.OTHER_LINES, Format.OTHER_DOCUMENT})
_REFUSED = _OTHER | {Format.EMPTY, Format.UNKNOWN}


_SUFFIXES = 5
"""Suffixes of files that are counted one by one."""


class Skipped(msgspec.Struct, frozen=True):
    """A file in a folder that looked like a recording and is something else.

    Attributes:
        file: its path.
        reason: what it is instead.
    """

    file: str
    reason: str


def discover(paths: Iterable[str | os.PathLike[str]]) -> Iterator[str | Skipped | TrafficError]:
    """Yield the files to read, each once, in the order of the call and sorted within a folder.

    A file that is named is yielded as it is: whether it can be read is the business of `read`. A folder is
    searched to the bottom without hidden files and folders. What is recognised there is yielded, whatever its
    name. What has the name of a recording but is a whole document about something else is `Skipped`, and so
    is a recording of a format that is not read; what is not even that, is yielded for `read` to complain
    about. All else is counted in one `Skipped` for the folder.

    Args:
        paths: files and folders, as the user named them.
    """
    seen: set[str] = set()
    for named in paths:
        path = os.fspath(named)
        if not Path(path).exists():
            yield TrafficError(path, "start", "there is no such file or folder")
            continue
        for found in _walk(path) if Path(path).is_dir() else [path]:
            if isinstance(found, str):
                identity = os.path.realpath(found)
                if identity in seen:
                    continue
                seen.add(identity)
            yield found


def _walk(folder: str) -> Iterator[str | Skipped | TrafficError]:
    failures: list[OSError] = []
    others: Counter[str] = Counter()
    for parent, folders, names in os.walk(folder, onerror=failures.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if name.startswith(".") or path.is_dir():
                continue
            if not path.is_file():
                yield Skipped(str(path), "no regular file, or a link to none")
            elif (found := _judge(str(path))) is not None:
                yield found
            else:
                others[path.suffix or "(no suffix)"] += 1
    if others:
        yield Skipped(folder, f"files that are no recordings: {_listed(others)}")
    for error in failures:
        yield TrafficError(str(error.filename), "start", describe(error))


def _listed(others: Counter[str]) -> str:
    """Return how many files there are of each suffix, the most frequent first."""
    ranked = sorted(others.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{number} {suffix}" for suffix, number in ranked[:_SUFFIXES])
    rest = sum(number for _, number in ranked[_SUFFIXES:])
    return f"{shown}, {rest} of other kinds" if rest else shown


def _judge(file: str) -> str | Skipped | None:
    kind = _suffix(file)
    try:
        with opened(file) as stream:
            found = recognise(stream).format
    except OSError:
        found = Format.UNKNOWN
    if found in ADVICE:
        return Skipped(file, f"{found.value}: not read; {ADVICE[found]}")
    if found in _OTHER and kind in _PLAUSIBLE and kind != ".har":
        return Skipped(file, found.value)
    return file if found not in _REFUSED or kind in _PLAUSIBLE else None


def _suffix(file: str) -> str:
    name = file.lower().removesuffix(".gz")
    return Path(name).suffix
