"""SARIF 2.1.0, which code scanning of GitHub, Azure DevOps and editors read.

Source of the format: the OASIS standard of 2020-03-27.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.model import Kind, Severity
from cohere_conformance.report.render import parts
from cohere_conformance.report.render.safe import json_visible
from cohere_conformance.report.verdict import CONFORMS, DEVIATES, NOTHING_JUDGED, WRONG_CALL

if TYPE_CHECKING:
    from cohere_conformance.report.formats.sources import Locate
    from cohere_conformance.report.shape import Report, Row

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.BREAKING: "error", Severity.ADDITIVE: "warning", Severity.NOTICE: "note"}
_FINGERPRINT = "cohereConformance/v1"
_ROOT = "PROJECT"
"""Paths of the contract and the cases are relative to the root of the project that has them."""


def render(report: Report, locate: Locate) -> bytes:
    """Return the report as SARIF.

    A requirement or a kind of finding is a rule; a finding is a result at the line of its case, or else of
    the contract.

    Args:
        report: the report.
        locate: returns the line of a finding.
    """
    rules = list(dict.fromkeys(map(_rule_id, report.findings)))
    places = {name: number for number, name in enumerate(rules)}
    causes = {one: cause.id for cause in report.causes for one in cause.findings}
    target = report.header.target.url if report.header.target is not None else "traffic"
    run = {
        "tool": {
            "driver": {
                "name": report.header.tool,
                "version": report.header.version,
                "rules": [_rule(name, report) for name in rules],
            }
        },
        "originalUriBaseIds": {_ROOT: {"description": {"text": "the root of the project"}}},
        "automationDetails": {"id": f"{parts.COMMAND}/{target}/"},
        "invocations": [_invocation(report)],
        "results": [_result(row, places, causes, locate) for row in report.findings],
        "columnKind": "unicodeCodePoints",
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode("utf-8")
    return json_visible(text).encode("utf-8") + b"\n"


def _invocation(report: Report) -> dict[str, Any]:
    """Return how the run went: whatever gave no verdict about the server is an unsuccessful execution."""
    code = report.footer.exit_code
    invocation: dict[str, Any] = {
        "executionSuccessful": code in {CONFORMS, DEVIATES},
        "exitCode": code,
        "startTimeUtc": report.header.started_at,
        "endTimeUtc": report.footer.finished_at,
    }
    if code not in {CONFORMS, DEVIATES}:
        level = "warning" if code in {NOTHING_JUDGED, WRONG_CALL} else "error"
        note = {"level": level, "message": {"text": report.footer.verdict}}
        invocation["toolExecutionNotifications"] = [note]
    return invocation


def _rule_id(row: Row) -> str:
    return row.requirement or row.kind.value


def _rule(name: str, report: Report) -> dict[str, Any]:
    says = report.sentences.requirements.get(name)
    text = says or f"A finding of kind {name}."
    rule: dict[str, Any] = {"id": name, "shortDescription": {"text": text}}
    if name not in set(Kind):
        rule["properties"] = {"tags": ["requirement"]}
    return rule | {"help": {"text": f"{parts.COMMAND} explain {name}"}}


def _result(row: Row, places: dict[str, int], causes: dict[str, str], locate: Locate) -> dict[str, Any]:
    where = row.location or parts.WHOLE_BODY
    name = _rule_id(row)
    text = f"{row.operation} ({row.status}), {where}: expected {row.expected}; observed {row.observed}"
    result: dict[str, Any] = {
        "ruleId": name,
        "ruleIndex": places[name],
        "level": _LEVELS[row.severity],
        "message": {"text": text},
        "partialFingerprints": {_FINGERPRINT: row.fingerprint},
        "occurrenceCount": row.count,
        "properties": {
            "operation": row.operation,
            "status": row.status,
            "kind": row.kind.value,
            "cause": causes.get(row.fingerprint),
            "curl": row.example.curl,
        },
    }
    logical = {"fullyQualifiedName": f"{row.operation} {row.location}".strip(), "kind": "member"}
    location: dict[str, Any] = {"logicalLocations": [logical]}
    if (line := locate(row)) is not None:
        artifact = {"uri": _uri(line.file), "uriBaseId": _ROOT}
        location["physicalLocation"] = {"artifactLocation": artifact, "region": {"startLine": line.line}}
    return result | {"locations": [location]}


def _uri(path: str) -> str:
    return "/".join(part for part in path.split("/") if part not in {"", ".", ".."})
