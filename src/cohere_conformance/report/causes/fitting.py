"""Whether a finding may follow from another one that comes with it, by where both are and what they say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.causes.streams import independent

if TYPE_CHECKING:
    from cohere_conformance.report.causes.seen import SeenFinding

_WORD = re.compile(r"\w+")
_ABSENT = frozenset({"absent", "none", "null"})
_WITH_ELEMENT = re.compile(r"an array with an element whose (\w+) is ")
_LACKS = re.compile(r"absent|none|null|nothing|no \w+(?: and no \w+)*")
"""What a requirement says of a value that is not there."""
_TYPED = frozenset(
    {Kind.TYPE_CHANGED, Kind.PROPERTY_MISSING, Kind.PROPERTY_UNDOCUMENTED, Kind.UNION_UNMATCHED}
)
_RENAMED = frozenset({Kind.PROPERTY_MISSING, Kind.PROPERTY_UNDOCUMENTED})


def at_same_place(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a finding may follow from another one by where both are."""
    required = Kind.REQUIREMENT_VIOLATED
    if independent(one, other):
        return False
    if one.place == other.place or wrapped(one, other) or _renamed(one, other):
        return True
    if not one.place or not other.place:
        return _names(one, other)
    if one.row.kind is Kind.STREAM_FOLD_MISMATCH and other.place == f"{one.place.rpartition('/')[0]}/index":
        return True  # the events of an element are found by its index
    above = one.place.startswith(f"{other.place}/")
    if one.row.kind is required and other.row.kind is not required:
        # A wrong element does not explain a wrong count.
        return above
    if other.row.kind is required:
        # A wrong count does not explain what is wrong in one of the elements, nor does that explain a count.
        counted = other.row.observed[:1].isdigit()
        if other.place == f"{one.place}/*" and not one.row.observed[:1].isdigit():
            return True  # numbers of a vector that are wrong make the vector another one
        return one.row.kind is required and ((above and not counted) or _names_below(one, other))
    return above or other.place.startswith(f"{one.place}/")


def _renamed(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a requirement misses a property, and an undeclared one beside its place is sent
    instead of it, or has its value.
    """
    sent = f'"{one.place.rpartition("/")[2]}"' in one.row.example.response_text
    return (
        _LACKS.fullmatch(one.row.observed) is not None
        and other.row.kind is Kind.PROPERTY_UNDOCUMENTED
        and _beside(one, other)
        and (not sent or one.row.expected in other.row.observed)
    )


def _names_below(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether what is found in an object names the property of it where another finding is."""
    below = other.place.startswith(f"{one.place}/")
    return below and other.place.rpartition("/")[2] in _WORD.findall(one.row.observed)


def wrapped(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a property is absent because it is in an undeclared object beside its place."""
    parent, _, name = one.place.rpartition("/")
    return (
        (one.absent or one.row.observed in _ABSENT)
        and other.row.kind is Kind.PROPERTY_UNDOCUMENTED
        and other.row.location.rpartition("/")[0] == parent
        and ": {" in other.row.observed
        and f'"{name}"' in other.row.example.response_text
    )


def expected_at(one: SeenFinding) -> str:
    """Return the location of what a case expects, also of a property that some element of an array has."""
    named = _WITH_ELEMENT.match(one.row.expected)
    return f"{one.place}/*/{named[1]}" if named else one.place


def repeats(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a header field has the value that a requirement finds wrong in the body."""
    return bool(other.place) and one.row.observed.strip('"') == other.row.observed


def is_of_type(one: SeenFinding) -> bool:
    """Return whether a requirement finds the type of an object wrong, which selects its schema."""
    name = one.place.rpartition("/")[2]
    return bool(one.row.requirement) and (name == "type" or name.endswith("_type"))


def typed(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a value does not fit the schema that the wrong type of its object selects."""
    return is_of_type(other) and one.row.kind in _TYPED and _beside(one, other)


def unwrapped(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether properties are undeclared beside an object that is absent, in which they should be."""
    absent = other.row.observed in _ABSENT or other.row.kind is Kind.PROPERTY_MISSING
    return absent and one.row.kind is Kind.PROPERTY_UNDOCUMENTED and _beside(one, other)


def _beside(one: SeenFinding, other: SeenFinding) -> bool:
    return one.place.rpartition("/")[0] == other.place.rpartition("/")[0]


def _names(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether a violation that is about a complete body names the undeclared property in it."""
    return (
        one.row.kind is Kind.REQUIREMENT_VIOLATED
        and other.row.kind is Kind.PROPERTY_UNDOCUMENTED
        and other.place.rpartition("/")[2] in _WORD.findall(one.row.observed)
    )


def siblings(one: SeenFinding, other: SeenFinding) -> bool:
    """Return whether properties of one object are wrong in the same way, or one is there for the other."""
    if not _beside(one, other):
        return False
    if {one.row.kind, other.row.kind} <= _RENAMED:
        return True
    return (one.row.kind, one.value_class) == (other.row.kind, other.value_class) and bool(one.value_class)
