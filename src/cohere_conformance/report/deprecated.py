"""What is deprecated, what of it was seen, and how many days are left: the rows of a calendar."""

import datetime
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from cohere_conformance.report.coverage import Count

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_ISO = re.compile(r"\b(20\d\d)-(\d\d)-(\d\d)\b")
_IN_WORDS = re.compile(rf"\b({'|'.join(_MONTHS)}) (\d{{1,2}})(?:st|nd|rd|th)?,? (20\d\d)\b")
_MODEL = re.compile(r"\bmodel '([^']+)'")
_NOTICE = re.compile(r"deprecat|\bremoved\b|\bretire|\bsunset|\bshut ?down|end of life", re.IGNORECASE)


class DeprecatedKind(StrEnum):
    """What is deprecated."""

    OPERATION = "operation"
    PARAMETER = "parameter"
    PROPERTY = "property"
    MODEL = "model"
    NOTICE = "notice"
    """A text that a server sent about something."""


class KnownDeprecation(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is known to be deprecated.

    Attributes:
        kind: what it is.
        name: label of the operation, with the location of a part of it; or name of the model.
        source: where it is known from: `document`, `deprecations.yaml` or `models.yaml`.
        announced: day of the announcement, such as `2025-09-15`; empty if not known.
        ends: the day from which it does not work any more; empty if not known.
        successor: what to use instead; empty if nothing is known.
        operations: labels of the operations that it is a part of.
    """

    kind: DeprecatedKind
    name: str
    source: str
    announced: str = ""
    ends: str = ""
    successor: str = ""
    operations: tuple[str, ...] = ()


class SeenDeprecation(msgspec.Struct, frozen=True, kw_only=True):
    """Something in traffic that may be deprecated.

    Attributes:
        kind: an operation, a model in a request, or a notice of the server.
        name: label, name, or the text of the notice.
        operation: label of the operation in whose exchange it was.
        channel: of a notice: `x-api-warning` or `meta.warnings`.
        count: number of exchanges.
        first_seen: RFC 3339 time of the first one.
        last_seen: RFC 3339 time of the last one.
    """

    kind: DeprecatedKind
    name: str
    operation: str
    channel: str = ""
    count: Count = 0
    first_seen: str = ""
    last_seen: str = ""


class Deprecation(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the calendar.

    Attributes:
        kind: what is deprecated.
        name: label of an operation, with the location of a part of it; name of a model; text of a notice.
        source: where it is known from: `document`, `deprecations.yaml`, `models.yaml`, `x-api-warning` or
            `meta.warnings`.
        operations: labels of the operations where it was seen, or that it is a part of.
        announced: day of the announcement; empty if not known.
        ends: the day from which it does not work any more; empty if not known.
        days_left: until then, from the day of the report; negative afterwards, null if the day is not known.
        successor: what to use instead; empty if nothing is known.
        count: number of exchanges that show it; 0 if it was not seen.
        first_seen: RFC 3339 time of the first one; empty if it was not seen.
        last_seen: RFC 3339 time of the last one.
    """

    kind: DeprecatedKind
    name: str
    source: str
    operations: tuple[str, ...] = ()
    announced: str = ""
    ends: str = ""
    days_left: int | None = None
    successor: str = ""
    count: Count = 0
    first_seen: str = ""
    last_seen: str = ""


def calendar(
    known: Iterable[KnownDeprecation], seen: Iterable[SeenDeprecation], day: str, *, all_known: bool = False
) -> tuple[Deprecation, ...]:
    """Return what is deprecated, what ends first before what ends later.

    Args:
        known: what is known to be deprecated.
        seen: what was seen in traffic; what is not deprecated is left out.
        day: from which days are counted, such as `2026-11-29`.
        all_known: include what was not seen as well.
    """
    by_name = {(one.kind, one.name): one for one in known}
    rows: dict[tuple[DeprecatedKind, str], Deprecation] = {}
    if all_known:
        rows = {key: _row(one) for key, one in by_name.items()}
    for sighting in seen:
        key = sighting.kind, sighting.name
        if sighting.kind is DeprecatedKind.NOTICE:
            if not _NOTICE.search(sighting.name):
                continue
            found = _of_notice(sighting, by_name)
        elif key in by_name:
            found = _row(by_name[key])
        else:
            continue
        rows[key] = _joined(rows.get(key, found), sighting)
    return counted(rows.values(), day)


def counted(rows: Iterable[Deprecation], day: str) -> tuple[Deprecation, ...]:
    """Return rows with the days that are left from a day, in the order of a calendar.

    Args:
        rows: in any order.
        day: such as `2026-11-29`.
    """
    today = _date(day)
    made = []
    for row in rows:
        end = _date(row.ends)
        left = (end - today).days if end is not None and today is not None else None
        made.append(msgspec.structs.replace(row, days_left=left))
    return tuple(sorted(made, key=_order))


def united(rows: Iterable[Deprecation]) -> Iterator[Deprecation]:
    """Yield each row of several calendars once, with all exchanges and the first and last time."""
    found: dict[tuple[DeprecatedKind, str], Deprecation] = {}
    for row in rows:
        other = found.get((row.kind, row.name))
        found[row.kind, row.name] = row if other is None else _union(other, row)
    yield from found.values()


def _union(one: Deprecation, other: Deprecation) -> Deprecation:
    return msgspec.structs.replace(
        one,
        source=", ".join(dict.fromkeys([*one.source.split(", "), *other.source.split(", ")])),
        operations=tuple(sorted({*one.operations, *other.operations})),
        announced=one.announced or other.announced,
        ends=one.ends or other.ends,
        successor=one.successor or other.successor,
        count=one.count + other.count,
        first_seen=min(filter(None, (one.first_seen, other.first_seen)), default=""),
        last_seen=max(one.last_seen, other.last_seen),
    )


def _row(known: KnownDeprecation) -> Deprecation:
    return Deprecation(
        kind=known.kind,
        name=known.name,
        source=known.source,
        operations=known.operations,
        announced=known.announced,
        ends=known.ends,
        successor=known.successor,
    )


def _of_notice(
    seen: SeenDeprecation, known: dict[tuple[DeprecatedKind, str], KnownDeprecation]
) -> Deprecation:
    """Return the row of a text: its day is in it, and the successor is that of the model that it names."""
    named = _MODEL.search(seen.name)
    model = known.get((DeprecatedKind.MODEL, named[1])) if named else None
    return Deprecation(
        kind=seen.kind,
        name=seen.name,
        source=seen.channel,
        ends=_day_in(seen.name),
        successor="" if model is None else model.successor,
    )


def _joined(row: Deprecation, seen: SeenDeprecation) -> Deprecation:
    return _union(
        row,
        msgspec.structs.replace(
            row,
            source=seen.channel or row.source,
            operations=(seen.operation,),
            count=seen.count,
            first_seen=seen.first_seen,
            last_seen=seen.last_seen,
        ),
    )


def _day_in(text: str) -> str:
    """Return the first day that a text names, as `2025-09-15`; empty if there is none."""
    if match := _ISO.search(text):
        return match[0] if _date(match[0]) else ""
    if match := _IN_WORDS.search(text):
        day = f"{match[3]}-{_MONTHS.index(match[1]) + 1:02}-{int(match[2]):02}"
        return day if _date(day) else ""
    return ""


def _date(day: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(day[:10])
    except ValueError:
        return None


def _order(row: Deprecation) -> tuple[object, ...]:
    return (row.days_left is None, row.days_left or 0, row.kind, row.name)
