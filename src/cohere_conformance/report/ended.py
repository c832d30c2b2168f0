"""How a run ended, written by the process that leads it when every worker is gone."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.errors import ReportError

if TYPE_CHECKING:
    from pathlib import Path

_NAME = "run.json"


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended, beyond what the journals of its workers say.

    Attributes:
        run: identity of the run.
        interrupted: whether it was stopped before its end.
        stopped: what stopped it, where that is known.
        failures: what failed in the harness outside of any case.
        deviations: what deviates that no finding reports.
    """

    run: str
    interrupted: bool = False
    stopped: str = ""
    failures: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()


def write_ended(folder: Path, ended: Ended) -> None:
    """Write how a run ended; a file of that name is replaced as a whole.

    Raises:
        ReportError: it cannot be written.
    """
    target = folder / _NAME
    temporary = target.with_name(f".{_NAME}.{secrets.token_hex(4)}.tmp")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(msgspec.json.encode(ended))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        raise ReportError(
            f"{target}: expected a folder to write to, got: {error.strerror or error}; "
            "name another folder with --report-dir, or make room and permission for this one"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_ended(folder: Path, run: str) -> Ended | None:
    """Return how a run ended; `None` where it has not, or nothing readable says so.

    Args:
        folder: of the journals.
        run: identity of the run; what another run has left is no evidence about this one.
    """
    try:
        ended = msgspec.json.decode((folder / _NAME).read_bytes(), type=Ended)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return ended if ended.run == run else None


def clear_ended(folder: Path) -> None:
    """Remove what an earlier run has left.

    Raises:
        ReportError: it cannot be removed.
    """
    try:
        (folder / _NAME).unlink(missing_ok=True)
    except OSError as error:
        raise ReportError(
            f"{folder / _NAME}: expected to remove what an earlier run has left, got: "
            f"{error.strerror or error}; name another folder with --report-dir"
        ) from error
