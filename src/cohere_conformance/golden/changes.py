"""Compares a new recording with the cassettes that it would replace."""

from __future__ import annotations

import enum
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.errors import CassetteError
from cohere_conformance.golden.cassette import Cassette, Origin
from cohere_conformance.golden.compare import compare
from cohere_conformance.golden.store import find, load, restore, save
from cohere_conformance.inputs.bounds import LONGEST
from cohere_conformance.inputs.files import read_document
from cohere_conformance.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from cohere_conformance.contract import Contract
    from cohere_conformance.golden.compare import Rules


class ChangeKind(enum.StrEnum):
    """How a new cassette differs from the old one of its name."""

    NEW = "new"
    """There is no old one, or it is broken."""
    SAME = "same"
    """They mean the same and have the same origin."""
    RENEWED = "renewed"
    """They mean the same; the new one is of another kind of server, contract or case."""
    CHANGED = "changed"
    """They mean something else."""


class CassetteChange(msgspec.Struct, frozen=True):
    """One cassette of a new recording.

    Attributes:
        cassette: the new one.
        kind: how it differs from the old one.
        findings: where they mean something else; `expected` is the old one.
        origin: of the old one, if there is one.
    """

    cassette: Cassette
    kind: ChangeKind
    findings: tuple[Finding, ...] = ()
    origin: Origin | None = None

    @property
    def matters(self) -> bool:
        """Whether to ask before the old one is replaced: it means something else, or is of another origin."""
        return bool(self.findings) or self.origin not in {None, self.cassette.provenance.origin}


def changes(contract: Contract, rules: Rules, new: Path, old: Path) -> Iterator[CassetteChange]:
    """Yield how each cassette in a folder of new ones differs from the old one.

    Raises:
        CassetteError: a new one cannot be read.
    """
    known = find(old)
    for name, path in find(new).items():
        cassette = load(path)
        try:
            yield _change(contract, rules, cassette, load(known[name]))
        except (KeyError, CassetteError):
            yield CassetteChange(cassette, ChangeKind.NEW)


def keep(folder: Path, changes: Iterable[CassetteChange]) -> int:
    """Write the new cassettes, all of them or none, and return how many were written.

    A cassette of the reference server that means the same as before stays as it is: other ids would only be
    noise in the history.

    Raises:
        CassetteError: one of them cannot be written.
        LeakError: a secret is in one of them.
    """
    written: list[Path] = []
    before = {path: read_document(path, LONGEST) for path in find(folder).values()}
    there = {path for path in (folder, *folder.glob("*")) if path.is_dir()}
    news = [
        change.cassette
        for change in changes
        if change.kind is not ChangeKind.SAME or change.cassette.provenance.origin is not Origin.REFERENCE
    ]
    try:
        written.extend(save(folder, cassette) for cassette in news)
    except BaseException:
        _undo(folder, written, before, there)
        raise
    return len(written)


def _undo(
    folder: Path, written: Iterable[Path], before: Mapping[Path, bytes], there: AbstractSet[Path]
) -> None:
    """Restore the folder as far as possible: an incomplete recording is worth less than none."""
    for path in written:
        with suppress(OSError):
            if path in before:
                restore(path, before[path])
            else:
                path.unlink()
    for path in (*folder.glob("*"), folder):
        if path not in there:
            with suppress(OSError):  # it is not empty, or not there
                path.rmdir()


def _change(contract: Contract, rules: Rules, new: Cassette, old: Cassette) -> CassetteChange:
    findings = compare(
        contract,
        rules,
        new.provenance.id,
        old.exchange,
        new.exchange,
        golden_values=old.provenance.values,
        fresh_values=new.provenance.values,
    )
    origin = old.provenance.origin
    if findings:
        return CassetteChange(new, ChangeKind.CHANGED, tuple(findings), origin)
    return CassetteChange(
        new,
        ChangeKind.SAME if _origin_and_digests(new) == _origin_and_digests(old) else ChangeKind.RENEWED,
        (),
        origin,
    )


def _origin_and_digests(cassette: Cassette) -> tuple[str, ...]:
    provenance = cassette.provenance
    return (provenance.origin, provenance.profile, provenance.contract, provenance.case, provenance.suite)
