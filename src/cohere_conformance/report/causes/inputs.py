"""What the fuzzer has changed in a request, as a part of it and in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.model import Kind

if TYPE_CHECKING:
    from cohere_conformance.report.causes.seen import SeenFinding
    from cohere_conformance.report.shape import Row

BODY, NOTHING = "body", ""
"""Parts of a request: a value in its body; and none, if a request of a case was sent as it is."""
MEDIA_TYPE = "media type"
"""The sort of bodies that are said to be of another type: a server looks at that in one place."""
DRAWN = "drawn"
"""The sort of what was chosen at random: it does not say what is unusual in it."""
_PARTS = frozenset({"query", "path", "form", "header"})
_REQUEST = frozenset({"method", "target"})
_DRAWN = frozenset({"a drawn value", "several changes", "values drawn by schema"})
_NUMBER = re.compile(r"[\d,]+")
_LONGEST = re.compile(r"[\d,]+ characters, the most that is declared")
_EMPTY = "an empty list"
_ENCODED = re.compile(r"said to be compressed with .+")
_TYPED = re.compile(r"said to be .+|not said to be anything|two content types")
_OF_BODY = re.compile(r"(?:not )?said to be |with ")
_RULES = {
    "type": "Values of a wrong type",
    "required": "Bodies without a required property",
    "enum": "Values that are not listed",
    "minimum": "Numbers that are too small",
    "maximum": "Numbers that are too large",
    "minItems": "Arrays that are too short",
    "maxItems": "Arrays that are too long",
    "minLength": "Texts that are too short",
    "maxLength": "Texts that are too long",
    "pattern": "Texts that do not match the pattern",
    "format": "Values of a wrong format",
    "additionalProperties": "Properties that are not declared",
    "syntax": "Bodies that are not JSON",
    "encoding": "Bodies that are said to be compressed",
    MEDIA_TYPE: "Bodies of another media type",
    DRAWN: "Unusual values",
    "left out": "Bodies without an optional property",
    "given": "Bodies with an optional property",
}
_OF_PARTS = {
    "query": "Unusual query parameters",
    "path": "Unusual values in paths",
    "form": "Unusual forms",
    "method": "Methods that are not declared",
    "target": "Unusual spellings of paths",
    NOTHING: "Ordinary requests of cases",
}


def changed_part(row: Row) -> tuple[str, str]:
    """Return which part of the request was changed, and the name or location of the value in it."""
    part, _colon, name = row.location.partition(":")
    if part in _PARTS or part == NOTHING:
        return part, name
    return (name, "") if name in _REQUEST else (BODY, name)


def sort_of_input(one: SeenFinding) -> str:
    """Return what was changed in a body: the keyword of a broken rule, or what a value is, without numbers.

    What was drawn may be anything. A server that crashes on a text that is as long as allowed, or on an empty
    array that is allowed, does so on those that are not.
    """
    if one.value_class in _DRAWN:
        return DRAWN
    if one.row.status >= 500 and _LONGEST.fullmatch(one.value_class):
        return "maxLength"
    if one.row.status >= 500 and one.value_class == _EMPTY:
        return "minItems"
    # A type that has to be served is no other one.
    if one.row.kind is not Kind.VALID_REFUSED and _ENCODED.fullmatch(one.value_class):
        return "encoding"
    if one.row.kind is not Kind.VALID_REFUSED and _TYPED.fullmatch(one.value_class):
        return MEDIA_TYPE
    return _NUMBER.sub("N", one.value_class)


def described(one: SeenFinding) -> str:
    """Return what was sent, in the plural, as the subject of a sentence."""
    part, name = changed_part(one.row)
    sort = sort_of_input(one)
    if part == "header" and sort != MEDIA_TYPE:
        return f"Unusual values of header {name}"
    other = (
        f"Bodies {one.value_class}"
        if _OF_BODY.match(one.value_class)
        else f"Values such as {one.value_class}"
    )
    return _OF_PARTS.get(part) or _RULES.get(sort, other)
