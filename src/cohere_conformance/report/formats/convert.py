"""The names of the formats, and what writes each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.report.formats import badge, github, junit, pull_request, sarif
from cohere_conformance.report.formats.sources import NOWHERE
from cohere_conformance.report.render import html, json, markdown

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.report.formats.sources import Locate
    from cohere_conformance.report.shape import Report

FORMATS: dict[str, Callable[[Report, Locate], bytes]] = {
    "json": lambda report, _: json.render(report),
    "markdown": lambda report, _: markdown.render(report).encode("utf-8", "backslashreplace"),
    "html": lambda report, _: html.render(report),
    "junit": lambda report, _: junit.render(report),
    "sarif": sarif.render,
    "github": github.render,
    "pull-request": lambda report, _: pull_request.render(report),
    "badge": lambda report, _: badge.svg(report),
    "shields": lambda report, _: badge.shields(report),
}
"""What renders a report, by the name of the format."""


def convert(report: Report, name: str, locate: Locate = NOWHERE) -> bytes:
    """Return a report in another format.

    Args:
        report: the report.
        name: one of `FORMATS`.
        locate: returns the line that a finding is about, for the formats that show lines.

    Raises:
        KeyError: there is no format of this name.
    """
    return FORMATS[name](report, locate)
