"""The findings as the JSON that the script of the HTML page lists, filters and opens.

Lists of thousands of findings are built by the script, as far as somebody looks at them: a page with all of
them as elements would take a browser many seconds to open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.report.render import hints, parts, wording
from cohere_conformance.report.render.safe import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cohere_conformance.model import Kind
    from cohere_conformance.report.shape import Report, Row

MOST_ROWS = 20_000
"""Findings that a page has; the others are in report.json."""
MOST_EVIDENCE = 12_000_000
"""Characters of requests, responses and commands that a page has, the worst findings first."""
_LINE = 600
_OF_THE_RESPONSE = frozenset(
    {"status-unexpected", "status-undeclared", "media-type-undeclared", "answer-broken", "route-unknown"}
)
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def page_data(
    report: Report,
    rows: Sequence[Row],
    meanings: Mapping[Kind, str],
    explain: str,
    evidence: Callable[[Row], dict[str, Any] | None],
) -> tuple[str, str]:
    """Return two JSON texts, safe inside a script element: the findings, and their requests and responses.

    Args:
        report: what was found.
        rows: the findings to show, in their order.
        meanings: one paragraph about each kind.
        explain: the command that shows all about the finding FINGERPRINT.
        evidence: returns request, response and command of a finding.
    """
    rows = rows[:MOST_ROWS]
    operations = list(dict.fromkeys(row.operation for row in rows))
    number = {label: at for at, label in enumerate(operations)}
    cause_of = {name: at for at, cause in enumerate(report.causes) for name in cause.findings}
    proofs: list[dict[str, Any]] = []
    known: dict[int | tuple[str, str, str | None], int | None] = {}
    left, listed = MOST_EVIDENCE, []
    for row in rows:
        example = row.example
        same = (example.request_text, example.response_text, example.curl)
        if same not in known:
            proof = evidence(row)
            size = sum(len(str(text)) for text in proof.values()) if proof else 0
            known[same] = None
            if proof and size <= left:
                left -= size
                known[same] = len(proofs)
                proofs.append(proof)
        listed.append(_row(row, number[row.operation], cause_of.get(row.fingerprint, -1), known[same]))
    data = {
        "rows": listed,
        "operations": [_line(label) for label in operations],
        "kinds": {kind.value: _line(text) for kind, text in meanings.items()},
        "causes": [{"id": cause.id, "title": _line(cause.title)} for cause in report.causes],
        "requirements": {_line(name): _line(text) for name, text in report.sentences.requirements.items()},
        "cases": {_line(name): _line(text) for name, text in report.sentences.cases.items()},
        "explain": plain(explain, longest=None),
    }
    return embedded(data), embedded(proofs)


def _row(row: Row, operation: int, cause: int, evidence: int | None) -> dict[str, Any]:
    at = parts.WHOLE_BODY if row.kind not in _OF_THE_RESPONSE else "the response"
    fields: dict[str, Any] = {
        "id": _line(row.fingerprint),
        "severity": row.severity.value,
        "kind": row.kind.value,
        "operation": operation,
        "status": row.status,
        "location": _line(row.location or at),
        "expected": _line(wording.expected(row)),
        "observed": _line(row.observed),
        "requirement": _line(row.requirement or ""),
        "count": row.count,
        "seen": _line(parts.seen(row)),
        "cases": [_line(case) for case in row.cases],
        "cause": cause,
        "evidence": evidence,
        "omitted": _line(parts.omitted(row)),
        "source": _line(parts.location(row.example)),
    }
    return {name: value for name, value in fields.items() if value not in ("", [], None)}


def notes(report: Report, row: Row) -> list[str]:
    """Return what somebody has to know who repeats the request of a finding."""
    inexact = f"Not exact: {'; '.join(row.example.inexact)}." if row.example.inexact else ""
    return [_line(text) for text in (inexact, hints.revival(report, row)) if text]


def embedded(value: object) -> str:
    """Return a value as JSON that ends no script element, whatever its texts are."""
    return msgspec.json.encode(value).decode("utf-8").translate(_ESCAPES)


def _line(text: str) -> str:
    return plain(text, longest=_LINE)
