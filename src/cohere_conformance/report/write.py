"""Writing a report so that a reader never meets half of one."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from cohere_conformance.errors import ReportError
from cohere_conformance.report.render import html, json, markdown
from cohere_conformance.report.shape import REPORT_HTML, REPORT_JSON, REPORT_MARKDOWN

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.report.shape import Report


def write(report: Report, folder: Path) -> tuple[Path, Path, Path]:
    """Write `report.json`, `report.md` and `report.html` into `folder` and return their paths.

    All are whole beside their old versions before the first old one is replaced; `report.json`, which
    decides, is replaced last.

    Raises:
        ReportError: the folder or a file cannot be written; the old `report.json` is as it was.
    """
    contents = {
        folder / REPORT_MARKDOWN: markdown.render(report, folder=str(folder)).encode("utf-8"),
        folder / REPORT_HTML: html.render(report, folder=str(folder)),
        folder / REPORT_JSON: json.render(report),
    }
    waiting: list[tuple[Path, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target, content in contents.items():
            temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
            waiting.append((temporary, target))
            _write_through(temporary, content)
        for temporary, target in waiting:
            temporary.replace(target)
    except OSError as error:
        raise ReportError(
            f"{folder}: expected a folder to write the report to, got: {error.strerror or error}; "
            "name another folder with --report-dir, or make room and permission for this one"
        ) from error
    finally:
        for temporary, _ in waiting:
            temporary.unlink(missing_ok=True)
    return (folder / REPORT_JSON, folder / REPORT_MARKDOWN, folder / REPORT_HTML)


def _write_through(path: Path, content: bytes) -> None:
    """Write to the disk itself: a rename must not become durable before what it names."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
