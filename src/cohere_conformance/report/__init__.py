"""The report: a value, built from judged exchanges, written and read back, and rendered by pure functions."""

from cohere_conformance.report.build import Tally
from cohere_conformance.report.explain import explain_finding, explain_kind
from cohere_conformance.report.render.json import render as render_json
from cohere_conformance.report.render.markdown import render as render_markdown
from cohere_conformance.report.render.terminal import render as render_terminal
from cohere_conformance.report.shape import Header, Mode, Report, Row, load
from cohere_conformance.report.verdict import exit_code
from cohere_conformance.report.write import write

__all__ = [
    "Header",
    "Mode",
    "Report",
    "Row",
    "Tally",
    "exit_code",
    "explain_finding",
    "explain_kind",
    "load",
    "render_json",
    "render_markdown",
    "render_terminal",
    "write",
]
