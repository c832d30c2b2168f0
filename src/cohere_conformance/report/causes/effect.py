"""The effect of a cause on an official SDK: what of the parsed examples concerns which finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.model import Kind
from cohere_conformance.report.sdk_effect import SdkEffect, SdkOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cohere_conformance.report.sdk_effect import SdkParse
    from cohere_conformance.report.shape import Row

MOST_LOCATIONS = 10
"""Locations of a cause that are listed."""
_REFUSED = frozenset({Kind.STATUS_UNEXPECTED, Kind.STATUS_UNDECLARED, Kind.VALID_REFUSED, Kind.SERVER_ERROR})
"""What is wrong with the status itself: an application gets the exception instead of a value."""
_VALID_FOR_A_PARSER = frozenset(
    {
        Kind.HEADER_MISSING,
        Kind.HEADER_INVALID,
        Kind.STREAM_BUFFERED,
        Kind.REQUIREMENT_VIOLATED,
        Kind.EXPECTATION_FAILED,
        Kind.PROPERTY_UNDOCUMENTED,
        Kind.GOLDEN_CHANGED,
        Kind.RULE_UNENFORCED,
    }
)
"""No parser raises because of these: what does is another finding of the same response."""
_WITH_ALL_BELOW = frozenset({Kind.TYPE_CHANGED, Kind.PROPERTY_UNDOCUMENTED, Kind.UNION_UNMATCHED})
"""What concerns everything below a location; other findings are about the value itself."""
_OF_THE_CLIENT = frozenset({Kind.REQUEST_INVALID, Kind.ROUTE_UNKNOWN})
_ORDER = list(SdkOutcome)


def effects_of(rows: Sequence[Row]) -> tuple[SdkEffect, ...]:
    """Return the effect of a cause on each SDK that has parsed an example of it.

    Args:
        rows: the findings of the cause, the one that says most first.
    """
    names = dict.fromkeys(parse.sdk for row in rows for parse in row.example.sdks)
    effects = (_effect_on(name, rows) for name in names)
    return tuple(effect for effect in effects if effect is not None)


def _effect_on(name: str, rows: Sequence[Row]) -> SdkEffect | None:
    parses = [(row, parse) for row in rows for parse in row.example.sdks if parse.sdk == name]
    effects = [_of_row(row, parse) for row, parse in parses if row.kind not in _OF_THE_CLIENT]
    if not effects:
        return None
    worst = min(effects, key=lambda one: _ORDER.index(one.outcome))
    same = [one for one in effects if one.outcome is worst.outcome]
    locations = tuple(dict.fromkeys(location for one in same for location in one.locations))
    return msgspec.structs.replace(worst, locations=locations[:MOST_LOCATIONS])


def _of_row(row: Row, parse: SdkParse) -> SdkEffect:
    if parse.raised and _raises(row, parse.raised_at):
        return SdkEffect(sdk=parse.sdk, outcome=SdkOutcome.RAISES, exception=parse.raised)
    for outcome, locations in (
        (SdkOutcome.LOSES_DATA, parse.lost),
        (SdkOutcome.WRONG_TYPE, parse.mistyped),
    ):
        if found := tuple(_concerned(row, locations)):
            return SdkEffect(sdk=parse.sdk, outcome=outcome, locations=found)
    return SdkEffect(sdk=parse.sdk, outcome=SdkOutcome.UNAFFECTED)


def _raises(row: Row, at: str) -> bool:
    """Return whether a finding is why the SDK raises.

    Args:
        row: the finding.
        at: the part of the response that makes the SDK raise; empty if it is not known.
    """
    if row.status >= 400:
        return row.kind in _REFUSED
    return row.kind not in _VALID_FOR_A_PARSER and (not at or any(_concerned(row, [at])))


def _concerned(row: Row, locations: Iterable[str]) -> Iterator[str]:
    """Yield the locations that a finding is about: its own, those above, and for some kinds those below.

    What is wrong with a response as a whole, such as the order of a stream, changes no single value.
    """
    at = row.location
    below = bool(at) and row.kind in _WITH_ALL_BELOW and not (at.startswith("<") and at.endswith(">"))
    for one in locations:
        if one == at or _above(one, at) or (below and _above(at, one)):
            yield one


def _above(one: str, other: str) -> bool:
    return bool(one) and other.startswith(f"{one}/")
