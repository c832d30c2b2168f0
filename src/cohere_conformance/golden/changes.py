"""What a new recording changes: shown to somebody before it takes the place of the old one."""

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


class What(enum.StrEnum):
    """How a new cassette stands to the old one of its name."""

    NEW = "new"
    """There is no old one, or it cannot be read."""
    SAME = "same"
    """They mean the same, and come from the same kind of server."""
    RENEWED = "renewed"
    """They mean the same; the new one comes from another kind of server, contract or case."""
    CHANGED = "changed"
    """They mean something else."""


class Change(msgspec.Struct, frozen=True):
    """One cassette of a new recording.

    Attributes:
        cassette: the new one.
        what: how it stands to the old one.
        findings: where they mean something else; `expected` is the old one.
        origin: what kind of server the old one came from, if there is one.
    """

    cassette: Cassette
    what: What
    findings: tuple[Finding, ...] = ()
    origin: Origin | None = None

    @property
    def matters(self) -> bool:
        """Whether somebody should look before the old one is gone: it said something else, or elsewhere."""
        return bool(self.findings) or self.origin not in {None, self.cassette.provenance.origin}


def changes(contract: Contract, rules: Rules, new: Path, old: Path) -> Iterator[Change]:
    """Yield what each cassette in a folder of new ones changes in the folder of the old ones.

    Raises:
        CassetteError: a new one cannot be read.
    """
    known = find(old)
    for name, path in find(new).items():
        cassette = load(path)
        try:
            yield _change(contract, rules, cassette, load(known[name]))
        except (KeyError, CassetteError):
            yield Change(cassette, What.NEW)


def keep(folder: Path, changes: Iterable[Change]) -> int:
    """Write what is new, all of it or nothing, and return how many cassettes that are.

    What means the same as before stays as it is if it was recorded from the reference server: its ids and
    times would only be noise in a history.

    Raises:
        CassetteError: one of them cannot be written.
        LeakError: a secret stands in one of them.
    """
    written: list[Path] = []
    before = {path: read_document(path, LONGEST) for path in find(folder).values()}
    there = {path for path in (folder, *folder.glob("*")) if path.is_dir()}
    news = [
        change.cassette
        for change in changes
        if change.what is not What.SAME or change.cassette.provenance.origin is not Origin.REFERENCE
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
    """Leave the folder as it was, as far as that can be: some cassettes of a recording say less than none."""
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


def _change(contract: Contract, rules: Rules, new: Cassette, old: Cassette) -> Change:
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
        return Change(new, What.CHANGED, tuple(findings), origin)
    return Change(new, What.SAME if _kin(new) == _kin(old) else What.RENEWED, (), origin)


def _kin(cassette: Cassette) -> tuple[str, ...]:
    told = cassette.provenance
    return (told.origin, told.profile, told.contract, told.case, told.suite)
