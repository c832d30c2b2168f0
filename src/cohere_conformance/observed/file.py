"""Files of observed shapes: evidence as readable YAML, with figures and declared names only."""

from __future__ import annotations

import fcntl
import json
import os
import re
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from cohere_conformance.contract.documents import load_typed
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError, ReportError, UsageError
from cohere_conformance.inputs.derived import load_derived, store_derived
from cohere_conformance.inputs.files import read_document
from cohere_conformance.observed.evidence import (
    BEFORE,
    Counts,
    Evidence,
    LocationEvidence,
    Scenario,
    ScenarioEvidence,
    counts_at,
    exchanges,
    parent,
    together,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FORMAT = 1
_SUFFIX = ".yaml"
_BEFORE = "before"
_HEAD = """\
# Observed shapes: how often each location of responses was there, with which JSON types and declared values.
# Figures only, written by `cohere-conformance learn`. `before` is all days but the last ones.
# days at a location, where they differ from those of the scenario: [parent seen, present, an object]
"""
_Count = Annotated[int, Meta(ge=0, le=10**12)]
_Day = Annotated[str, Meta(pattern=r"^(before|20\d\d-[01]\d-[0-3]\d)$")]
_Date = Annotated[str, Meta(pattern=r"^(20\d\d-[01]\d-[0-3]\d)?$")]
_Name = Annotated[str, Meta(max_length=400)]
_PLAIN = re.compile(r"[/A-Za-z][\w./*-]*(?: [\w./*-]+)*")
"""Texts that need no quotes, unless they are words of YAML."""
_WORDS = frozenset({"null", "true", "false"})
_STORED = msgspec.msgpack.Decoder(list[tuple[Scenario, ScenarioEvidence]])
_RULES = (Path(__file__), Path(__file__).with_name("evidence.py"))
"""On which the evidence in a file depends as well."""
_TYPES = frozenset({"null", "boolean", "number", "string", "array", "object"})


class _Location(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    types: dict[_Name, _Count] = {}
    values: dict[_Name, _Count] = {}
    days: dict[_Day, tuple[_Count, _Count, _Count]] = {}


class _Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    operation: _Name
    status: Annotated[int, Meta(ge=100, le=599)]
    streamed: bool = False
    request: tuple[_Name, ...] = ()
    response: tuple[_Name, ...] = ()
    first: _Date = ""
    last: _Date = ""
    days: dict[_Day, _Count]
    absent: tuple[_Name, ...] = ()
    locations: dict[_Name, _Location]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    exchanges: _Count
    scenarios: tuple[_Scenario, ...]


def load_observed(path: Path) -> Evidence:
    """Return the evidence in a file, or in all files of a folder.

    Raises:
        UsageError: a file cannot be read, or is no file of observed shapes.
    """
    if path.is_dir():
        return _once_each([load_observed(one) for one in sorted(path.glob(f"*{_SUFFIX}"))])
    try:
        file = load_typed(path, _File)
    except ContractError as error:
        raise UsageError(f"{error}; name a file that `cohere-conformance learn` has written") from error
    if file.format != FORMAT:
        raise UsageError(
            f"{path}: expected observed shapes of format {FORMAT}, got format {file.format}; learn them again"
        )
    unknown = {kind for one in file.scenarios for at in one.locations.values() for kind in at.types} - _TYPES
    if unknown:
        raise UsageError(f"{path}: expected JSON types, got {min(unknown)!r}; learn the shapes again")
    return _once_each([{_scenario(one): _read(one)} for one in file.scenarios])


def _once_each(parts: Sequence[Evidence]) -> Evidence:
    """Return what parts show together: those of a file, or of several files."""
    every = {scenario: one for part in parts for scenario, one in part.items()}
    # Each scenario of a file was merged before it was written.
    return every if len(every) == sum(map(len, parts)) else together(parts)


@lru_cache(maxsize=1)
def shipped_observed() -> Evidence:
    """Return what ships: the shapes of public recordings of the vendor's API.

    Raises:
        UsageError: a file is broken.
    """
    place = folder("contracts") / "observed"
    name = place / "evidence"  # in the folder of the stored forms
    source = b"".join(map(read_document, [*sorted(place.glob(f"*{_SUFFIX}")), *_RULES]))
    stored = load_derived(name, source)
    if stored is not None:
        with suppress(msgspec.MsgspecError):
            return dict(_STORED.decode(stored))
    evidence = load_observed(place)
    store_derived(name, source, msgspec.msgpack.encode([*evidence.items()]))
    return evidence


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Keep others from adding to a file at the same time: they wait.

    Raises:
        ReportError: its folder cannot be made or opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)  # the file itself is replaced
    except OSError as error:
        raise ReportError(
            f"{path}: expected a folder that can be written, got: {error.strerror or error}; name another one"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_observed(path: Path, evidence: Evidence) -> None:
    """Write evidence to a file, which is replaced at once or not at all.

    Raises:
        ReportError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_text(as_text(evidence), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise ReportError(
            f"{path}: expected a file that can be written, got: {error.strerror or error}; name another one"
        ) from error


def write_by_group(path: Path, evidence: Evidence, groups: Mapping[str, str]) -> None:
    """Write evidence to one file for each group in a folder.

    Args:
        path: the folder.
        evidence: to write.
        groups: the group of each operation, by its label.

    Raises:
        ReportError: a file cannot be written.
    """
    for group in sorted({groups[scenario.operation] for scenario in evidence}):
        part = {scenario: one for scenario, one in evidence.items() if groups[scenario.operation] == group}
        write_observed(path / f"{group}{_SUFFIX}", part)


def as_text(evidence: Evidence) -> str:
    """Return evidence as YAML, in an order that depends on nothing but the evidence."""
    lines = [f"{_HEAD}format: {FORMAT}", f"exchanges: {exchanges(evidence)}", "scenarios:"]
    for scenario in sorted(evidence, key=_order):
        head = _written(scenario, evidence[scenario])
        locations = head.pop("locations")
        mark = "  - "
        for key, value in head.items():
            lines.append(f"{mark}{key}: {_flow(value)}")
            mark = "    "
        lines.append("    locations:")
        lines += (f"      {_flow(name)}: {_flow(one)}" for name, one in locations.items())
    return "\n".join([*lines, ""])


def _flow(value: Any) -> str:
    """Return a value as YAML in one line: JSON, with the quotes that YAML needs only."""
    match value:
        case dict():
            return f"{{{', '.join(f'{_flow(key)}: {_flow(one)}' for key, one in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(_flow, value))}]"
        case str() if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
    return json.dumps(value)


def _order(scenario: Scenario) -> tuple[Any, ...]:
    return (*scenario.place, sorted(scenario.request), sorted(scenario.response))


def _written(scenario: Scenario, evidence: ScenarioEvidence) -> dict[str, Any]:
    days = {_day(day): counts.seen for day, counts in evidence.days.items()}
    absent = [name for name in evidence.locations if _is_absent(evidence, name)]
    written = _Scenario(
        operation=scenario.operation,
        status=scenario.status,
        streamed=scenario.streamed,
        request=tuple(sorted(scenario.request)),
        response=tuple(sorted(scenario.response)),
        first=evidence.first,
        last=evidence.last,
        days=days,
        absent=tuple(absent),
        locations={
            name: _Location(
                types=one.types,
                values=one.values,
                days={} if one.days == _usual(evidence, one.types) else _numbers(one.days),
            )
            for name, one in evidence.locations.items()
            if name not in absent
        },
    )
    built: dict[str, Any] = msgspec.to_builtins(written)
    return built


def _numbers(days: dict[str, Counts]) -> dict[str, tuple[int, int, int]]:
    return {_day(day): (counts.seen, counts.present, counts.objects) for day, counts in days.items()}


def _day(day: str) -> str:
    return day or _BEFORE


def _usual(evidence: ScenarioEvidence, types: dict[str, int]) -> dict[str, Counts]:
    """Return the days of a location that was in every response, and of one type."""
    return {
        day: Counts(one.seen, one.seen, one.seen if "object" in types else 0)
        for day, one in evidence.days.items()
    }


def _is_absent(evidence: ScenarioEvidence, name: str) -> bool:
    """Return whether a location was never there, so that its parents say how often it could have been."""
    if parent(name) is None:
        return False
    own = evidence.locations[name]
    others = ScenarioEvidence("", "", {key: one for key, one in evidence.locations.items() if key != name})
    return not own.types and own.days == counts_at(others, name)


def _scenario(one: _Scenario) -> Scenario:
    return Scenario(one.operation, one.status, one.streamed, frozenset(one.request), frozenset(one.response))


def _read(one: _Scenario) -> ScenarioEvidence:
    days = {_read_day(day): Counts(number) for day, number in one.days.items()}
    usual = ScenarioEvidence(one.first, one.last, {"": LocationEvidence(days)})
    found = {
        name: LocationEvidence(
            {_read_day(day): Counts(*numbers) for day, numbers in at.days.items()} or _usual(usual, at.types),
            at.types,
            at.values,
        )
        for name, at in one.locations.items()
    }
    known = ScenarioEvidence(one.first, one.last, {**usual.locations, **found})
    absent = {name: LocationEvidence(counts_at(known, name)) for name in one.absent}
    return ScenarioEvidence(one.first, one.last, {**known.locations, **absent})


def _read_day(day: str) -> str:
    return BEFORE if day == _BEFORE else day
