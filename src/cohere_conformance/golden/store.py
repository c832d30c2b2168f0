"""Finds, reads and writes golden cassettes; a file is written completely or not at all."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cohere_conformance.data import folder as shipped
from cohere_conformance.errors import CassetteError, LeakError
from cohere_conformance.golden.cassette import ELSEWHERE, Origin, dump, parse
from cohere_conformance.inputs.bounds import LONGEST
from cohere_conformance.inputs.files import read_document
from cohere_conformance.names import OWN_CASSETTES
from cohere_conformance.privacy.leaks import leaks
from cohere_conformance.report import GoldenCounts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.golden.cassette import Cassette
    from cohere_conformance.privacy.secret import Secret

SUFFIX = ".yaml"
IMPORTED = ".imported."
"""Part of the id of every cassette that was imported."""
_BEGUN = ".begun-"
"""Prefix of a file that is still being written."""
BROKEN = "broken"
"""The kind of a file that is not a valid cassette."""
OWN = Path(OWN_CASSETTES)
"""Where cassettes are written by default, and looked for first."""
NO_CASSETTES = frozenset({"examples"})
"""Folders beside those of the groups that have no cassettes."""


def own_or_shipped() -> Path:
    """Return the default folder: `cassettes` in the current folder if it has some, else the shipped one."""
    return OWN if OWN.is_dir() and find(OWN) else shipped("cassettes")


def find(folder: Path) -> dict[str, Path]:
    """Return the path of every cassette below a folder, by its id.

    Raises:
        CassetteError: two files have the same name.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.glob(f"*/*{SUFFIX}")):
        if path.parent.name in NO_CASSETTES or path.name.startswith("."):
            continue
        name = path.name.removesuffix(SUFFIX)
        if name in found:
            raise CassetteError(
                str(path), f"expected one file for each id, got {found[name]} too; remove one"
            )
        found[name] = path
    return found


def load(path: Path) -> Cassette:
    """Read a cassette.

    Raises:
        CassetteError: it cannot be read, or has another id than its name says.
    """
    try:
        text = read_document(path, LONGEST)
    except OSError as error:
        raise CassetteError(str(path), f"expected a cassette, got: {error.strerror or error}") from error
    cassette = parse(text, str(path))
    if (recorded := cassette.provenance.id) != path.name.removesuffix(SUFFIX):
        raise CassetteError(
            str(path),
            f"expected the cassette that its name says, got that of {recorded}; rename the file",
        )
    return cassette


def counts(paths: Iterable[Path]) -> GoldenCounts:
    """Return how many cassettes there are, by their origin."""
    return counted(map(_kind, paths))


def _kind(path: Path) -> str:
    try:
        return load(path).provenance.kind
    except CassetteError:
        return BROKEN


def counted(kinds: Iterable[str]) -> GoldenCounts:
    """Return how many there are of each kind.

    Args:
        kinds: `Provenance.kind` of each cassette, or `BROKEN`.
    """
    found = Counter(kinds)
    broken = found.pop(BROKEN, 0)
    return GoldenCounts(
        interactions=found.total(),
        reference=found[Origin.REFERENCE],
        live=found[Origin.LIVE],
        other=found[Origin.OTHER],
        imported=found[ELSEWHERE],
        broken=broken,
    )


def save(folder: Path, cassette: Cassette, keys: Iterable[Secret] = ()) -> Path:
    """Write a cassette in place of one of the same name, if there is one, and return its path.

    The file is the old one or the new one at any time, also if this process is killed.

    Args:
        folder: of all cassettes; the file goes below the group's.
        cassette: redacted already.
        keys: that must not be in it.

    Raises:
        LeakError: a secret is in it; nothing was written.
        CassetteError: it cannot be written.
    """
    provenance = cassette.provenance
    path = folder / provenance.group / f"{provenance.id}{SUFFIX}"
    text = dump(cassette)
    if found := leaks(text, keys):
        raise LeakError(f"{path}: not written, because it would hold {' and '.join(found)}; please report it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text)
    except OSError as error:
        raise CassetteError(str(path), f"expected to write it, got: {error.strerror or error}") from error
    return path


def clear_begun(folder: Path) -> None:
    """Remove incomplete files of processes that were killed."""
    for path in folder.glob(f"*/{_BEGUN}*"):
        with suppress(OSError):
            path.unlink()


def restore(path: Path, text: bytes) -> None:
    """Write the former content of a file.

    Raises:
        OSError: it cannot be written.
    """
    _replace(path, text)


def _replace(path: Path, text: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=_BEGUN, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
