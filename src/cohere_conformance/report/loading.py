"""Reads a report that was written to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.errors import ReportError
from cohere_conformance.inputs.bounds import LONGEST
from cohere_conformance.inputs.files import read_document
from cohere_conformance.report.header import FORMAT
from cohere_conformance.report.shape import REPORT_JSON, Report

if TYPE_CHECKING:
    from pathlib import Path


def load(path: Path) -> Report:
    """Read the report at `path`, a `report.json` or the folder that holds one.

    Raises:
        ReportError: there is none, it is cut off, or it is something else.
    """
    if path.is_dir():
        path /= REPORT_JSON
    try:
        raw: Any = msgspec.json.decode(read_document(path, LONGEST))
    except OSError as error:
        reason = error.strerror or str(error)
        raise _broken(path, reason, "name a report that `check` has written, or run `check` again") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _broken(path, f"a file that is cut off or not JSON ({error})", "run `check` again") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("header"), dict):
        raise _broken(path, "JSON without a report's header", "name the report.json that `check` has written")
    if (found := raw["header"].get("format")) != FORMAT:
        raise _broken(path, f"format {found!r}", f"read it with the version that wrote it (here: {FORMAT})")
    footer = raw.get("footer")
    if not isinstance(footer, dict) or footer.get("complete") is not True:
        raise _broken(path, "a report without its footer: the run did not end", "run `check` again")
    try:
        return msgspec.convert(raw, Report)
    except msgspec.ValidationError as error:
        raise _broken(path, f"a value that does not fit ({error})", "run `check` again") from error


def _broken(path: Path, received: str, remedy: str) -> ReportError:
    return ReportError(f"{path}: expected a complete report of cohere-conformance, got {received}; {remedy}")
