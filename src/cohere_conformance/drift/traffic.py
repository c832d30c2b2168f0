"""What the findings of a report show about the API that the contract does not know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.drift.compare import ADDED, Change
from cohere_conformance.drift.facts import ITEMS, OTHERS, Description, Node, operation_key
from cohere_conformance.model import Kind
from cohere_conformance.pointer import unescaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.report.shape import Example, Report, Row

_TOKEN = re.compile(r"<[^>]*>|/[^/]*")
_MODEL = re.compile(r'"model"\s*:\s*"([a-z][\w.-]{1,99})"')
_NAME = re.compile(r'"name"\s*:\s*"([a-z][\w.-]{1,99})"')
_LISTED = {Kind.ENUM_UNKNOWN: "enum", Kind.MEDIA_TYPE_UNDECLARED: "media"}
"""The attribute that lists what is allowed, for findings of a value that is not in it."""
_OWN = re.compile(r"-ft$|[0-9a-f]{8}-[0-9a-f]{4}-")
"""Names of models that one customer has trained."""


def traffic_changes(ours: Description, report: Report) -> Iterator[tuple[Change, Row]]:
    """Yield what the responses of a report show and the contract lacks, with the finding that shows it.

    Type changes, missing properties and the like are left out: they are deviations, and no news of the API.
    So is what the contract has learned since the report was written.
    """
    for row in report.findings:
        key = operation_key(*row.operation.partition(" ")[::2])
        operation = ours.operations.get(key)
        if operation is not None:
            change = _change(ours.labels[key], operation, row)
            if change is not None:
                yield change, row
        elif row.kind is Kind.ROUTE_UNKNOWN and _served(row):
            label = row.operation.replace("/*", "/{}")  # what looks like an id, see `checks.judge`
            yield Change(ADDED, None, None, label, (), row.severity, "", label), row


def _change(label: str, operation: Node, row: Row) -> Change | None:
    """Return the change of the contract that a finding asks for, or `None`."""
    path, nodes = located(operation, row)
    node, known = nodes[-1], len(nodes) > len(path)
    if row.kind is Kind.STATUS_UNDECLARED:
        if _served(row) or path[0] in operation.children:
            return None
        return Change(ADDED, None, None, label, path[:1], row.severity, operation.origin, "")
    if row.kind in {Kind.PROPERTY_UNDOCUMENTED, Kind.STREAM_EVENT_UNKNOWN}:
        return None if known else Change(ADDED, None, None, label, path, row.severity, node.origin, "")
    if not known:
        return None
    if row.kind is Kind.NULL_UNEXPECTED and node.attributes.get("nullable") is not True:
        return Change("nullable", None, True, label, path, row.severity, node.origin, "")
    values = node.attributes.get(_LISTED.get(row.kind, ""))
    if not isinstance(values, frozenset) or row.observed in values:
        return None
    return Change(
        _LISTED[row.kind], values, values | {row.observed}, label, path, row.severity, node.origin, ""
    )


def _served(row: Row) -> bool:
    return 200 <= row.status < 300


def located(operation: Node, row: Row) -> tuple[tuple[str, ...], list[Node]]:
    """Return the steps to the location of a finding, and the nodes of a description as far as it has them.

    The first node is the operation: if there are more nodes than steps, the description has the location.
    """
    tokens = [token.removeprefix("/") for token in _TOKEN.findall(row.location)]
    events = row.location.startswith("<")
    path = ["events" if events else "response" if _served(row) else f"error.{row.status}"]
    nodes = [operation]
    if path[0] in operation.children:
        nodes.append(operation.children[path[0]])
    for token in tokens:
        complete = len(nodes) > len(path)
        for step in _steps(nodes[-1] if complete else Node(), token):
            path.append(step)
            if complete and step in nodes[-1].children:
                nodes.append(nodes[-1].children[step])
    return tuple(path), nodes


def _steps(node: Node, token: str) -> list[str]:
    """Return the steps from a node to what a token of a JSON pointer means."""
    if token.startswith("<"):
        return [token]
    step = ITEMS if token == "*" and ITEMS in node.children else f".{unescaped(token)}"
    if step in node.children:
        return [step]
    for name, branch in node.branches.items():
        if step in branch.children:
            return [name, step]
    if OTHERS in node.children:
        return [OTHERS]
    return [ITEMS if token == "*" else step]


def served_models(report: Report) -> Iterator[tuple[str, Example]]:
    """Yield the models that the examples of a report show as served, once for each exchange.

    A report has one example for each finding and no other traffic, so most models of a run are not in it.
    Models that a customer has trained are left out.
    """
    seen = set()
    for row in (*report.findings, *report.known_defects):
        example = row.example
        if not _served(row) or (example.file, example.position) in seen:
            continue
        seen.add((example.file, example.position))
        names = _MODEL.findall(example.request_text)
        if row.operation in {"GET /v1/models", "GET /v1/models/{model}"}:
            names += _NAME.findall(example.response_text)
        yield from ((name, example) for name in dict.fromkeys(names) if not _OWN.search(name))
