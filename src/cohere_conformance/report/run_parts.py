"""The journals of runs: those of one run in a folder, and the shards of one run in several folders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.errors import ReportError
from cohere_conformance.report.ended import Ended, read_ended
from cohere_conformance.report.journal import WorkerJournal, read_journals
from cohere_conformance.report.line import Opening
from cohere_conformance.report.render.safe import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from cohere_conformance.report.header import Header
    from cohere_conformance.report.shard import Shard

_OF_A_JOB = ("--shard", "--report-dir", "--history", "--time-limit", "--example-db", "--baseline", "--url")
"""Options that may differ between shards; what they name is compared by itself where it matters."""
_NAMED = 10
"""Shards that a message names."""


@dataclass(frozen=True)
class RunPart:
    """The journals of one run, which may be a shard of a larger one.

    Attributes:
        folder: where they are.
        journals: of its workers.
        openings: the first lines of these, at least one.
        ended: how the run ended; `None` if it has not, or no process leads it.
    """

    folder: Path
    journals: tuple[WorkerJournal, ...]
    openings: tuple[Opening, ...]
    ended: Ended | None

    @property
    def led(self) -> bool:
        """Whether a process leads the run and writes how it ended."""
        return any(opening.led for opening in self.openings)

    @property
    def complete(self) -> bool:
        """Whether every process ended by itself, and had tried what it was going to."""
        closings = [journal.closing for journal in self.journals]
        ended = self.ended is not None and not self.ended.interrupted
        return ended and all(closing is not None and not closing.interrupted for closing in closings)

    @property
    def header(self) -> Header:
        """The header of the worker that began first."""
        return min(self.openings, key=lambda one: (one.header.started_at, one.worker)).header


def run_part(folder: Path) -> RunPart:
    """Return the journals in a folder.

    Raises:
        ReportError: there is no journal, none has an opening, or they belong to several runs.
    """
    journals = read_journals(folder)
    begun = ((line for line in journal.lines() if isinstance(line, Opening)) for journal in journals)
    openings = tuple(opening for found in begun if (opening := next(found, None)) is not None)
    if not openings:
        raise ReportError(
            f"{folder}: expected a journal that begins with its opening, got none that does; "
            "the run was killed before it began, run it again"
        )
    if len({(one.run, one.header.contract_digest, one.header.mode) for one in openings}) > 1:
        raise ReportError(
            f"{folder}: expected the journals of one run, got those of several; "
            "name a folder of its own for each run with --report-dir, or clear this one"
        )
    return RunPart(folder, journals, openings, read_ended(folder, openings[0].run))


def merged_header(parts: Sequence[RunPart], target_name: Callable[[Header], str]) -> Header:
    """Return the header of the run that shards are the parts of.

    Args:
        parts: the shards, in any order.
        target_name: returns what a target is called, however it is reached.

    Raises:
        ReportError: one of them is no shard, has not ended, is missing or there twice, or differs from the
            others in contract, target or options.
    """
    shards = [(_shard(part), part) for part in parts]
    first = parts[0]
    expected = dict(_compared(first.header, target_name))
    for part in parts:
        if not part.complete:
            raise ReportError(
                f"{part.folder}: expected a run that has ended, got one that was interrupted, killed or out "
                f"of time; run --shard {part.header.shard} again"
            )
        for name, value in _compared(part.header, target_name):
            if value != expected[name]:
                raise ReportError(
                    f"{part.folder}: expected the {name} of {first.folder}, {_shown(expected[name])}, got "
                    f"{_shown(value)}; merge shards that differ in --shard only"
                )
    _check_complete(shards)
    earliest = min(parts, key=lambda part: part.header.started_at).header
    target = earliest.target
    if target is None:
        raise ReportError(f"{first.folder}: expected the report of a run against a target")
    workers = sum(part.header.target.workers for part in parts if part.header.target is not None)
    return replace(
        earliest,
        arguments=_without(earliest.arguments, "--shard", "--report-dir"),
        target=replace(target, shard=None, shards=len(parts), workers=workers),
    )


def _shard(part: RunPart) -> Shard:
    shard = part.header.shard
    if shard is None:
        raise ReportError(
            f"{part.folder}: expected the report of a shard, got one of a run without --shard; "
            "run the shards with --shard 1/N to N/N"
        )
    return shard


def _check_complete(shards: Sequence[tuple[Shard, RunPart]]) -> None:
    seen: dict[int, RunPart] = {}
    for shard, part in shards:
        if (other := seen.setdefault(shard.number, part)) is not part:
            raise ReportError(
                f"{part.folder}: expected each shard once, got {shard} here and in {other.folder}; "
                "leave one out"
            )
    of = shards[0][0].of
    if missing := [f"{number}/{of}" for number in range(1, of + 1) if number not in seen]:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise ReportError(
            f"expected all {of} shards, got {len(seen)} without {', '.join(missing[:_NAMED])}{more}; "
            "name the folders of their reports as well"
        )


def _compared(header: Header, target_name: Callable[[Header], str]) -> Iterator[tuple[str, object]]:
    """Yield what has to be the same in all shards, with the name of each."""
    yield "contract", f"{header.contract_digest} ({header.mode})"
    yield "version of cohere-conformance", header.version
    yield "target", target_name(header)
    yield "number of shards", header.shard.of if header.shard is not None else 0
    yield "--fail-on", header.fail_on
    yield "entries of the baseline", header.baseline.entries if header.baseline is not None else ()
    yield "cassettes", header.golden
    if (target := header.target) is not None:
        yield "--profile", target.profile
        yield "--declares", target.declares
        yield "--without", target.without
        yield "--protocol-only", target.protocol_only
        yield "key", "a key" if target.key else "no key"
        yield "--seed", target.seed
        yield "injected faults", target.serve
        yield "models", [f"{one.role}={one.model}" for one in target.models]
    yield "options", _without(header.arguments, *_OF_A_JOB)


def _without(arguments: Sequence[str], *names: str) -> tuple[str, ...]:
    """Return a command line without some options and their values."""
    kept, skipping = [], False
    for argument in arguments:
        named = argument.partition("=")[0] in names
        if not named and not (skipping and not argument.startswith("-")):
            kept.append(argument)
        skipping = named and "=" not in argument
    return tuple(kept)


def _shown(value: object) -> str:
    match value:
        case str() | bool() | int():
            text = str(value)
        case tuple() | list() if all(isinstance(one, str) for one in value):
            text = " ".join(map(str, value)) or "none"
        case None:
            text = "none"
        case _:
            text = "others"
    return plain(text)
