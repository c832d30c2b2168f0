"""The mistakes of streams, and what else is wrong in a stream because of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.causes.group import Key

if TYPE_CHECKING:
    from cohere_conformance.report.causes.group import CauseGroup
    from cohere_conformance.report.causes.seen import SeenFinding

_KINDS = frozenset(
    {
        Kind.STREAM_MALFORMED,
        Kind.STREAM_EVENT_UNKNOWN,
        Kind.STREAM_ORDER,
        Kind.STREAM_UNTERMINATED,
        Kind.STREAM_FOLD_MISMATCH,
        Kind.STREAM_BUFFERED,
    }
)
_NO_EVENT_LINE, _NO_INDEX = "no event line", "no index"
_EVENT_NAME, _UNSEPARATED = "event-name", "unseparated"
_NO_FINAL_EVENT, _NO_TERMINATOR = "no-final-event", "no-terminator"
"""Value classes of findings."""
_AS_JSON = "stream as "
_SEQUENCE, _INDEX = "sequence:", "index:"
_FLAG = "finished:"
_INDEXES = re.compile(r"index (-?\d{1,9}) index (-?\d{1,9})")
_FINAL = frozenset({"<message-end>", "<stream-end>"})
_BEFORE = " comes before "
_SECOND = "a second "
_WORD = re.compile(r"[\w-]+")
NO_EVENT = "no event "
"""How the observed value begins of a case that misses an event."""
_OF_OTHER_EVENTS = ("/id", "/finish_reason", "/usage")
"""What the first and the last event say, whatever is between them."""


def stream_key(one: SeenFinding) -> Key | None:
    """Return the key of a mistake of streams; `None` if a finding is not about one."""
    row = one.row
    if _sent_as_json(one):
        return Key("stream-media-type", ())
    if row.kind not in _KINDS:
        return None
    if row.observed == _NO_EVENT_LINE:
        return Key("no-event-lines", ())
    if one.value_class == _EVENT_NAME:
        return Key("event-names", ())
    if one.value_class == _UNSEPARATED:
        return Key("unseparated-events", ())
    if row.kind is Kind.STREAM_ORDER and row.observed == _NO_INDEX:
        return Key("no-index", ())
    if row.kind is Kind.STREAM_MALFORMED:
        return Key("malformed-events", (one.value_class,))
    if row.kind is Kind.STREAM_EVENT_UNKNOWN:
        return Key("unknown-events", (row.operation,))
    if one.value_class.startswith(_FLAG):
        return Key("stream-flag", (one.value_class, row.expected))
    if numbers := _INDEXES.fullmatch(f"{row.observed} {row.expected}"):
        return Key("stream-index", (str(int(numbers[1]) - int(numbers[2])),))
    if _misses_an_event(one):
        return Key("missing-event", (one.value_class,))
    return Key("stream", (row.kind, row.location, one.value_class))


def _misses_an_event(one: SeenFinding) -> bool:
    """Return whether an event comes where another one is missing, whichever it is that comes."""
    of_sequence = one.row.kind is Kind.STREAM_ORDER and one.value_class.startswith(_SEQUENCE)
    return of_sequence and _BEFORE in one.row.observed and not one.row.observed.startswith(_SECOND)


def independent(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a finding does not follow from another one of the same stream, wherever both are."""
    ordered = one.row.kind is Kind.STREAM_ORDER and one.value_class.startswith(_SEQUENCE)
    return ordered or _is_root(one) or is_harmless(other)


def _is_root(one: SeenFinding) -> bool:
    """Return whether a stream is unreadable, which follows from nothing else that is wrong in it."""
    return one.value_class == _UNSEPARATED or _sent_as_json(one)


def is_harmless(one: SeenFinding) -> bool:
    """Return whether what is wrong with a stream leaves the data of its events as it is."""
    kinds = {Kind.STREAM_UNTERMINATED: _NO_TERMINATOR, Kind.STREAM_ORDER: _EVENT_NAME}
    return one.row.kind is Kind.STREAM_BUFFERED or kinds.get(one.row.kind) == one.value_class


def of_damaged_stream(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether what the contract finds in a stream, or in the response that it is folded to, follows
    from what is wrong with its events.

    Args:
        one: what the contract finds.
        other: what is always found with it.
    """
    if _is_root(other):
        return not _is_root(one) and one.row.kind in {*_KINDS, Kind.REQUIREMENT_VIOLATED}
    if one.row.requirement and other.row.kind is Kind.MEDIA_TYPE_UNDECLARED:
        return one.row.observed == other.row.observed
    if one.row.kind is Kind.STREAM_ORDER:
        return _of_other_event(one, other)
    if one.row.kind not in {Kind.STREAM_FOLD_MISMATCH, Kind.REQUIREMENT_VIOLATED}:
        return False
    if _renamed_in_event(one, other):
        return True
    return one.place.startswith("/") and _damages(other, one.place)


def _renamed_in_event(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether the folded response lacks a property because an event has another one in its place, or
    what the deltas of its part add up to because they have it elsewhere.
    """
    event, _, path = other.place.partition("/")
    if other.row.kind is not Kind.PROPERTY_UNDOCUMENTED or not event.startswith("<"):
        return False
    if one.row.observed.startswith("an object without it"):
        parents = [at.rpartition("/")[0] for at in (one.place, f"/{path.removeprefix('delta/')}")]
        return parents[0] == parents[1]
    part = event.strip("<>").removesuffix("-delta").replace("-", "_")
    names = [name.removesuffix("s") for name in one.place.split("/")]
    lacking = one.row.kind is Kind.STREAM_FOLD_MISMATCH or one.row.observed == "none"
    return lacking and event.endswith("-delta>") and part in names


def without_readable_end(group: CauseGroup, other: CauseGroup) -> bool:
    """Return whether streams end without their final event because it cannot be parsed."""
    unterminated = all(one.value_class == _NO_FINAL_EVENT for one in group.members)
    malformed = other.key.rule == "malformed-events" and group.cases <= other.cases
    return unterminated and malformed and any(one.place in _FINAL for one in other.members)


def _of_other_event(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether an event is repeated because the one that should be between both is missing, or has the
    index of a repeated one.
    """
    if other.row.kind is not Kind.STREAM_ORDER or not other.value_class.startswith(_SEQUENCE):
        return False
    if one.value_class.startswith(_INDEX):
        return one.place == f"{other.place}/index"
    repeated = one.row.observed.startswith(_SECOND) and one.value_class == other.value_class
    return repeated and _misses_an_event(other)


def expected_of_damaged_stream(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether what a case expects of a stream follows from what is wrong with its events.

    Args:
        one: what the case did not expect.
        other: what the contract finds in the same response.
    """
    if one.row.kind is not Kind.EXPECTATION_FAILED:
        return False
    if _is_root(other):
        return True
    if one.place.startswith("/"):
        return _damages(other, one.place)
    if one.row.observed.startswith(NO_EVENT):
        missing = one.row.observed.removeprefix(NO_EVENT)
        named = _WORD.findall(f"{other.row.expected} {other.row.observed}")
        return missing in named and _damages(other, one.place)
    # What is expected of complete events may depend on their index.
    return one.row.location == other.place.partition("/")[0] != "" and _damages(other, "")


def _damages(other: SeenFinding, place: str) -> bool:
    """Return whether what is wrong with the events of a stream changes what is folded at a location."""
    row = other.row
    match row.kind:
        case Kind.STREAM_MALFORMED | Kind.STREAM_EVENT_UNKNOWN:
            return row.observed != _NO_EVENT_LINE
        case Kind.STREAM_UNTERMINATED:
            return other.value_class == _NO_FINAL_EVENT
        case Kind.STREAM_ORDER:
            return other.value_class.startswith((_SEQUENCE, _INDEX)) and not place.startswith(
                _OF_OTHER_EVENTS
            )
    return False


def _sent_as_json(one: SeenFinding) -> bool:
    return one.row.kind is Kind.MEDIA_TYPE_UNDECLARED and one.value_class.startswith(_AS_JSON)
