"""The folder of golden cassettes: found, read, and written so that a file is always whole."""

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
from cohere_conformance.privacy.leaks import leaks
from cohere_conformance.report import Golden

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.golden.cassette import Cassette
    from cohere_conformance.privacy.secret import Secret

SUFFIX = ".yaml"
IMPORTED = ".imported."
"""Stands in the id of every cassette for which no case is written."""
_BEGUN = ".begun-"
"""Begins the name of a file that is still being written."""
BROKEN = "broken"
"""The kind of a file that is no cassette."""
OWN = Path("cassettes")
"""Where cassettes are written unless another folder is named, and looked for first."""
NO_CASSETTES = frozenset({"examples"})
"""Folders beside those of the groups that hold something else."""


def own_or_shipped() -> Path:
    """Return the folder of the cassettes where nobody names one: `cassettes` here, if it has some."""
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
        CassetteError: it cannot be read, or is not what its name says.
    """
    try:
        text = read_document(path, LONGEST)
    except OSError as error:
        raise CassetteError(str(path), f"expected a cassette, got: {error.strerror or error}") from error
    cassette = parse(text, str(path))
    if (told := cassette.provenance.id) != path.name.removesuffix(SUFFIX):
        raise CassetteError(str(path), f"expected what its name says, got the cassette of {told}; rename it")
    return cassette


def counts(paths: Iterable[Path]) -> Golden:
    """Return how many cassettes there are, by what they come from."""
    return counted(map(_kind, paths))


def _kind(path: Path) -> str:
    try:
        return load(path).provenance.kind
    except CassetteError:
        return BROKEN


def counted(kinds: Iterable[str]) -> Golden:
    """Return how many there are of each kind.

    Args:
        kinds: `Provenance.kind` of each cassette, or `BROKEN`.
    """
    found = Counter(kinds)
    broken = found.pop(BROKEN, 0)
    return Golden(
        interactions=found.total(),
        reference=found[Origin.REFERENCE],
        live=found[Origin.LIVE],
        other=found[Origin.OTHER],
        imported=found[ELSEWHERE],
        broken=broken,
    )


def save(folder: Path, cassette: Cassette, keys: Iterable[Secret] = ()) -> Path:
    """Write a cassette in place of one of the same name, if there is one, and return its path.

    Whoever reads the folder meanwhile, and whatever stops this, the file is the old one or the new one.

    Args:
        folder: of all cassettes; the file goes below the group's.
        cassette: redacted already.
        keys: that must not stand in it.

    Raises:
        LeakError: a secret stands in it; nothing was written.
        CassetteError: it cannot be written.
    """
    told = cassette.provenance
    path = folder / told.group / f"{told.id}{SUFFIX}"
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
    """Remove what a process that was killed has begun to write."""
    for path in folder.glob(f"*/{_BEGUN}*"):
        with suppress(OSError):
            path.unlink()


def restore(path: Path, text: bytes) -> None:
    """Write what a file held before.

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
