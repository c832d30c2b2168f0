"""The matrix of targets as one page of HTML that needs no network and has no script."""

from __future__ import annotations

import jinja2
from markupsafe import Markup

from cohere_conformance.errors import ReportError
from cohere_conformance.report.implementations import text
from cohere_conformance.report.implementations.shape import CellState, ImplementationMatrix
from cohere_conformance.report.render.html import environment, part

TEMPLATE = "matrix.html.j2"
_CLASSES = {
    CellState.PASS: "passed",
    CellState.FAIL: "breaking",
    CellState.NOT_TESTED: "idle",
    CellState.INCONCLUSIVE: "notice",
}


def page(matrix: ImplementationMatrix) -> bytes:
    """Return the page in UTF-8; every value is escaped by the template.

    Raises:
        ReportError: the installation lacks the template, or it is broken.
    """
    try:
        rendered = (
            environment()
            .get_template(TEMPLATE)
            .render(
                matrix=matrix,
                heading=text.heading(matrix),
                alone=text.alone(matrix),
                symbol=text.symbol,
                classes=_CLASSES,
                style=Markup(part("report.css")),
            )
        )
    except jinja2.TemplateError as error:
        raise ReportError(
            f"reports/templates/{TEMPLATE}: expected the template of the page, got: {error}; reinstall"
        ) from error
    return rendered.encode("utf-8", "backslashreplace")
