"""The words of causes about streams."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.causes.places import listed, place

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.report.causes.group import CauseGroup
    from cohere_conformance.report.shape import Row

_FLUSH = (
    "Write each event as soon as it exists; switch off buffering (X-Accel-Buffering: no) and compression."
)
_IN_FOLDED = "in the folded response: "
_MISSING_EVENT = re.compile(r"(?P<event>[\w-]+) comes (?:before|without) (?P<missing>[\w-]+)")
_JSON_LINES = 'no event in "{'
"""How the observed value begins of a stream that has no events."""


def _no_event_lines(group: CauseGroup, row: Row) -> tuple[str, str]:
    return "Events of streams have no event line", "Send a line event: TYPE before the data of each event."


def _events(group: CauseGroup) -> str:
    """Return the types of the events of a group: those first that most streams show."""
    ordered = sorted(group.members, key=lambda one: (-one.row.count, one.row.location))
    names = dict.fromkeys(one.row.location.partition("/")[0].strip("<>") for one in ordered)
    return listed([name for name in names if name]) if any(names) else ""


def _no_index(group: CauseGroup, row: Row) -> tuple[str, str]:
    return f"Events of streams have no index: {_events(group)}", (
        "Send as index of an event the number of its block, tool call or citation, counted from 0."
    )


def _event_names(group: CauseGroup, row: Row) -> tuple[str, str]:
    return f"Event lines do not have the type of their event: {row.observed} of {_events(group)}", (
        f"Send the type that is in the data of an event as its name: {row.expected}."
    )


def _unseparated(group: CauseGroup, row: Row) -> tuple[str, str]:
    return "Events of streams are not separated by blank lines", (
        "End each event with a blank line: two line feeds after its data."
    )


def _stream_media_type(group: CauseGroup, row: Row) -> tuple[str, str]:
    media = row.observed.rpartition(" ")[2]
    wanted = row.expected.removesuffix(" for a stream")
    return f"Streams have the media type {media}", f"Send streams with the content-type {wanted}."


def _malformed(group: CauseGroup, row: Row) -> tuple[str, str]:
    if row.observed.startswith(_JSON_LINES):
        return "Streams are lines of JSON instead of server-sent events", (
            "Send each event as a line with data: and its JSON, and a blank line after it."
        )
    return f"Events of streams are malformed: {row.observed}", f"Expected: {row.expected}."


def _unknown(group: CauseGroup, row: Row) -> tuple[str, str]:
    if not (names := _events(group)):
        return f"Events of streams have {row.observed}", f"Send in each event: {row.expected}."
    types = "unknown types" if " " in names else "an unknown type"
    return f"Events of streams have {types}: {names}", f"Expected: {row.expected}."


def _flag(group: CauseGroup, row: Row) -> tuple[str, str]:
    """Return the words of the flag that says of each event whether it is the last one."""
    name, _, value = row.observed.partition(" ")
    expected, where = row.expected.rpartition(" ")[2], _events(group)
    return f"{name} is {value} in events of streams: {where}", f"Send {expected} as {name} of these events."


def _index(group: CauseGroup, row: Row) -> tuple[str, str]:
    is_now, expected = (text.removeprefix("index ") for text in (row.observed, row.expected))
    return f"index of {_events(group)} events is {is_now} instead of {expected}", (
        "Count content blocks, tool calls and citations from 0, each kind on its own."
    )


def _order(group: CauseGroup, row: Row) -> tuple[str, str]:
    title = f"Events of streams are out of order: {row.observed}"
    if found := _MISSING_EVENT.fullmatch(row.observed):
        return title, f"Send {found['missing']} before {found['event']}."
    return title, f"Expected: {row.expected}."


def _folded(row: Row) -> tuple[str, str]:
    """Return the words of a response that events are joined to, or that the last event repeats."""
    where = place(row.location)
    if not row.expected.startswith(_IN_FOLDED):
        return f"{where} differs from the joined events: {row.observed}", f"Expected: {row.expected}."
    if row.observed.startswith("an object without it"):
        return f"{where} is missing in the joined events", f"Send {where} in one of the events."
    change = f"Send events that add up to {row.expected.removeprefix(_IN_FOLDED)} as {where}."
    return f"{where} of the joined events is {row.observed}", change


def _stream(group: CauseGroup, row: Row) -> tuple[str, str]:
    if row.kind is Kind.STREAM_BUFFERED:
        return f"Streams are held back: {row.observed}", _FLUSH
    if row.kind is Kind.STREAM_UNTERMINATED:
        return f"Streams end without {row.expected}", f"End each stream with {row.expected}."
    if row.kind is Kind.STREAM_FOLD_MISMATCH:
        return _folded(row)
    return _index(group, row) if row.location.endswith("/index") else _order(group, row)


STREAM_WORDS: dict[str, Callable[[CauseGroup, Row], tuple[str, str]]] = {
    "no-event-lines": _no_event_lines,
    "no-index": _no_index,
    "event-names": _event_names,
    "unseparated-events": _unseparated,
    "stream-media-type": _stream_media_type,
    "malformed-events": _malformed,
    "unknown-events": _unknown,
    "stream-flag": _flag,
    "stream-index": _index,
    "missing-event": _order,
    "stream": _stream,
}
"""What is wrong and what to change, by the rule of a group; the row is the one that says most."""
