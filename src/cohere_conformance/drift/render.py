"""A difference for a terminal, as JSON and as Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.drift.compare import ADDED, REMOVED, REQUIRED
from cohere_conformance.drift.facts import ANY
from cohere_conformance.report.render.safe import markdown_code, markdown_text, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.drift.difference import Difference
    from cohere_conformance.drift.folding import Detail, FoldedChange

FORMAT = 1
"""The version of the JSON form."""
_FLAGS = {
    "required": ("now required", "no longer required"),
    "deprecated": ("now deprecated", "no longer deprecated"),
    "nullable": ("may now be null", "may no longer be null"),
    "readOnly": ("now read-only", "no longer read-only"),
    "writeOnly": ("now write-only", "no longer write-only"),
    "uniqueItems": ("items must now be unique", "items no longer have to be unique"),
    "closed": ("other properties now forbidden", "other properties now allowed"),
    "items": ("items now declared", "items no longer declared"),
    "additionalProperties": ("other properties now declared", "other properties no longer declared"),
}
_NAMES = {
    "types": "type",
    "media": "media types",
    "statuses": "statuses",
    "requires": "required names that are no properties",
    "mapped": "discriminator values without a schema in the union",
}


def as_text(difference: Difference) -> str:
    """Return one line for each difference, and the number of them."""
    return "\n".join(_text_lines(difference))


def _text_lines(difference: Difference) -> Iterator[str]:
    yield plain(f"{difference.old.name} -> {difference.new.name}")
    for line, edit in zip(difference.lines, difference.edits, strict=True):
        shown = f"{line.severity:<8}  {line.places[0]}: {details_in_words(line)} ({extent(line)})"
        yield plain(f"{shown}  {edit}" if edit else shown, longest=None)
    yield _summary(difference)
    if difference.not_compared:
        yield plain(f"Not compared: {', '.join(difference.not_compared)}.", longest=None)


def as_markdown(difference: Difference) -> str:
    """Return a table with a row for each difference."""
    rows = [f"# {markdown_text(difference.old.name)} → {markdown_text(difference.new.name)}", ""]
    rows += [_summary(difference), ""]
    if difference.lines:
        rows += ["| class | location | change | affects | edit |", "|---|---|---|---|---|"]
    for line, edit in zip(difference.lines, difference.edits, strict=True):
        cells = (markdown_code(line.places[0]), markdown_text(details_in_words(line)), extent(line))
        rows.append(f"| {line.severity} | {' | '.join(cells)} | {markdown_code(str(edit)) if edit else ''} |")
    if difference.not_compared:
        rows += ["", f"Not compared: {', '.join(map(markdown_text, difference.not_compared))}."]
    return "\n".join(rows)


def as_json(difference: Difference) -> str:
    """Return the difference as a JSON document."""
    document = {
        "format": FORMAT,
        "old": {"name": difference.old.name, "kind": difference.old.kind},
        "new": {"name": difference.new.name, "kind": difference.new.kind},
        "same": not difference.lines,
        "counts": difference.counts,
        "differences": [
            as_document(line)
            | {
                "edit": {"file": edit.file, "line": edit.line} if edit else None,
            }
            for line, edit in zip(difference.lines, difference.edits, strict=True)
        ],
        "not_compared": difference.not_compared,
    }
    return json.dumps(document, indent=2)


def _summary(difference: Difference) -> str:
    if not difference.lines:
        return f"No difference in {difference.old.count():,} and {difference.new.count():,} facts."
    counts = ", ".join(f"{number} {severity}" for severity, number in difference.counts.items())
    number = len(difference.lines)
    return f"{number} {'difference' if number == 1 else 'differences'}: {counts}."


def extent(line: FoldedChange) -> str:
    """Return how many operations and places a line affects."""
    operations, places = len(line.operations), len(line.places)
    shown = f"{operations} {'operation' if operations == 1 else 'operations'}"
    return shown if places == operations else f"{places} places in {shown}"


def details_in_words(line: FoldedChange) -> str:
    """Return the changes of a line."""
    return "; ".join(map(_detail, line.details))


def _detail(detail: Detail) -> str:
    """Return a change in words."""
    if detail.what in (ADDED, REMOVED):
        return f"{detail.what}, {REQUIRED}" if detail.after == REQUIRED else detail.what
    if detail.what in _FLAGS:
        return _FLAGS[detail.what][0 if detail.after else 1]
    name = _NAMES.get(detail.what, detail.what)
    if detail.what == "enum" and isinstance(detail.before, frozenset) and isinstance(detail.after, frozenset):
        added = [f"+{value}" for value in sorted(detail.after - detail.before)]
        return (
            f"values {' '.join([*added, *(f'-{value}' for value in sorted(detail.before - detail.after))])}"
        )
    if detail.before is None:
        return f"{name} {_shown(detail.after)} added"
    if detail.after is None:
        return f"{name} {_shown(detail.before)} removed"
    return f"{name} {_shown(detail.before)} -> {_shown(detail.after)}"


def _shown(value: object) -> str:
    if value == ANY:
        return "any"
    return ", ".join(sorted(map(str, value))) if isinstance(value, frozenset) else str(value)


def as_value(value: object) -> Any:
    """Return the value of an attribute for JSON."""
    return sorted(map(str, value)) if isinstance(value, frozenset) else value


def as_document(line: FoldedChange) -> dict[str, Any]:
    """Return a line for a document in JSON, without the edit that it asks for."""
    return {
        "class": line.severity,
        "location": line.places[0],
        "changes": [
            {"what": one.what, "before": as_value(one.before), "after": as_value(one.after)}
            for one in line.details
        ],
        "operations": line.operations,
        "places": line.places,
    }
