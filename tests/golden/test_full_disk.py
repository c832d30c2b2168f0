"""A disk that fills up while cassettes are written: the folder is then as it was, whenever that happens."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.data import folder
from cohere_conformance.errors import CassetteError
from cohere_conformance.golden import load
from cohere_conformance.golden.changes import CassetteChange, ChangeKind, keep

if TYPE_CHECKING:
    from pathlib import Path

CHANGES = [
    CassetteChange(load(path), ChangeKind.NEW)
    for group in ("tokenize", "check-api-key")
    for path in sorted((folder("cassettes") / group).glob("*.yaml"))[:3]
]


def content(home: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in home.rglob("*")}


class Disk:
    """A disk that has no room from one synchronisation on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self._left = room
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self._sync)

    def _sync(self, descriptor: int) -> None:
        self._left -= 1
        if self._left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._fsync(descriptor)


@pytest.mark.parametrize("room", range(len(CHANGES)))
def test_a_full_disk_leaves_no_new_folder(room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some cassettes of a recording would look like all of them."""
    with monkeypatch.context() as patched:
        Disk(patched, room)
        with pytest.raises(CassetteError, match="No space left on device"):
            keep(tmp_path / "made" / "cassettes", CHANGES)
    assert not (tmp_path / "made" / "cassettes").exists()


@pytest.mark.parametrize("room", range(1, len(CHANGES)))
def test_a_full_disk_restores_the_old_cassettes(
    room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was replaced already has its old content, as soon as there is room for it."""
    home = tmp_path / "cassettes"
    keep(home, CHANGES[:2])
    for path in home.rglob("*.yaml"):
        path.write_bytes(path.read_bytes() + b"# older\n")
    before = content(home)
    with monkeypatch.context() as patched:
        fsync = os.fsync
        count = iter(range(100))

        def once(descriptor: int) -> None:
            if next(count) == room:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            fsync(descriptor)

        patched.setattr(os, "fsync", once)
        with pytest.raises(CassetteError):
            keep(home, CHANGES)
    assert content(home) == before
