"""The header of a run that several machines have run together, each a part of the cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.errors import ReportError
from cohere_conformance.report.render.safe import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cohere_conformance.report.header import Header
    from cohere_conformance.report.role_model import RoleModel
    from cohere_conformance.report.run_parts import RunPart
    from cohere_conformance.report.shard import Shard

_OF_A_JOB = ("--shard", "--report-dir", "--history", "--time-limit", "--example-db", "--baseline", "--url")
"""Options that may differ between parts; what they name is compared by itself where it matters."""
_SCOPE = ("--only", "--case")
"""Options that say which cases a part has, unless it is a shard."""
_NAMED = 10
"""Shards that a message names."""


def merged_header(parts: Sequence[RunPart], target_name: Callable[[Header], str]) -> Header:
    """Return the header of the run that several runs are the parts of.

    These are all shards of one run, or runs of other cases each, by `--only` or `--case`.

    Args:
        parts: the runs, in any order.
        target_name: returns what a target is called, however it is reached.

    Raises:
        ReportError: one of them has not ended, is missing or there twice, or differs from the others in
            contract, target or options.
    """
    first = parts[0]
    sharded = first.header.shard is not None
    expected = dict(_compared(first.header, target_name))
    for part in parts:
        _check_complete(part)
        if (part.header.shard is not None) is not sharded:
            kinds = ("a shard", "a run without --shard")
            wanted, got = kinds if sharded else kinds[::-1]
            raise ReportError(
                f"{part.folder}: expected {wanted}, as in {first.folder}, got {got}; "
                "merge all shards of one run, or only runs without --shard"
            )
        for name, value in _compared(part.header, target_name):
            if value != expected[name]:
                wanted, got = _shown(expected[name]), _shown(value)
                raise ReportError(
                    f"{part.folder}: expected the {name} of {first.folder}{wanted and f', {wanted}'}, got "
                    f"{got or 'another'}; merge runs that differ in their cases only"
                )
    if sharded:
        _check_shards([(shard, part) for part in parts if (shard := part.header.shard) is not None])
    else:
        _check_cases(parts)
    header = min(parts, key=lambda part: part.header.started_at).header
    target = header.target
    if target is None:
        raise ReportError(f"{first.folder}: expected the report of a run against a target")
    targets = [one for part in parts if (one := part.header.target) is not None]
    return replace(
        header,
        arguments=_arguments([part.header.arguments for part in parts], header.arguments),
        sdks=tuple(dict.fromkeys(name for part in parts for name in part.header.sdks)),
        target=replace(
            target,
            shard=None,
            merged=len(parts),
            workers=sum(one.workers for one in targets),
            models=_models(parts),
        ),
    )


def _check_complete(part: RunPart) -> None:
    if not part.complete:
        again = f"--shard {part.header.shard}" if part.header.shard is not None else "it"
        raise ReportError(
            f"{part.folder}: expected a run that has ended, got one that was interrupted, killed or out of "
            f"time; run {again} again"
        )


def _check_shards(shards: Sequence[tuple[Shard, RunPart]]) -> None:
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


def _check_cases(parts: Sequence[RunPart]) -> None:
    seen: dict[str, RunPart] = {}
    for part in parts:
        for case in sorted(part.planned):
            if (other := seen.setdefault(case, part)) is not part:
                raise ReportError(
                    f"{part.folder}: expected each case once, got {plain(case)} here and in {other.folder}; "
                    "merge shards (--shard), or runs with other groups each (--only)"
                )


def _compared(header: Header, target_name: Callable[[Header], str]) -> Iterator[tuple[str, object]]:
    """Yield what has to be the same in all parts, with the name of each."""
    shard = header.shard
    yield "contract", f"{header.contract_digest} ({header.mode})"
    yield "version of cohere-conformance", header.version
    yield "target", target_name(header)
    yield "--fail-on", header.fail_on
    yield "entries of the baseline", header.baseline.entries if header.baseline is not None else ()
    yield "cassettes", header.golden
    yield "plan of the night", header.night
    if (target := header.target) is not None:
        yield "--profile", target.profile
        yield "--declares", target.declares
        yield "--without", target.without
        yield "--protocol-only", target.protocol_only
        yield "key", "a key" if target.key else "no key"
        yield "--seed", target.seed
        yield "injected faults", target.serve
    if shard is not None:
        yield "number of shards", shard.of
    yield "options", _without(header.arguments, *_OF_A_JOB, *(_SCOPE if shard is None else ()))
    if shard is None:
        yield "use of --case", any(argument.startswith("--case") for argument in header.arguments)


def _models(parts: Sequence[RunPart]) -> tuple[RoleModel, ...]:
    """Return the models of all parts: runs of other cases have other roles."""
    found: dict[str, tuple[RoleModel, RunPart]] = {}
    for part in parts:
        for one in part.header.target.models if part.header.target is not None else ():
            known, other = found.setdefault(one.role, (one, part))
            if known.model != one.model:
                raise ReportError(
                    f"{part.folder}: expected the {plain(one.role)} model of {other.folder}, "
                    f"{plain(known.model)}, got {plain(one.model)}; run one of them again with --model"
                )
    return tuple(one for one, _ in found.values())


def _arguments(every: Sequence[Sequence[str]], first: Sequence[str]) -> tuple[str, ...]:
    """Return the command line of one run of all cases, if it can be said in one."""
    common = _without(first, "--shard", "--report-dir", *_SCOPE)
    only = [one.partition("=")[2] for arguments in every for one in arguments if one.startswith("--only=")]
    cases = [one for arguments in every for one in arguments if one.startswith("--case=")]
    if len(only) == len(every):
        common += (f"--only={','.join(dict.fromkeys(only))}",)
    return (*common, *dict.fromkeys(cases))


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
    """Return a value in a message; an empty text if it is too long to help."""
    match value:
        case str() | bool() | int():
            text = str(value)
        case tuple() if all(isinstance(one, str) for one in value):
            text = " ".join(map(str, value)) or "none"
        case None:
            text = "none"
        case _:
            text = ""
    return plain(text)
