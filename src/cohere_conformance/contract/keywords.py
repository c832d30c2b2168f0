"""The keywords of a schema that a value of a response puts to the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cohere_conformance.contract.schema import Schema

TYPES: Mapping[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
"""The JSON types of parsed values; an integer is a number here."""
_NUMBER = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_TEXT = ("format", "pattern", "minLength", "maxLength")
_ARRAY = ("minItems", "maxItems", "uniqueItems")
_OBJECT = ("minProperties", "maxProperties")
_BOUNDS = {"number": _NUMBER, "string": _TEXT, "array": _ARRAY, "object": _OBJECT}


def keywords(node: Schema) -> Iterator[tuple[str, str]]:
    """Yield the keywords of one schema, without those below it: the JSON type that tests it, and its name.

    A type is tested by a value that has it, null by null; a required property by every object that should
    have it, a format or bound by every value that it applies to, whether it keeps it or not. Values of
    enumerations are elements of their own.
    """
    listed = node.get("type", ())
    types = (listed,) if isinstance(listed, str) else tuple(listed)
    for kind in types:
        yield ("number" if kind == "integer" else kind), "null" if kind == "null" else f"type {kind}"
    for name in node.get("required", ()):
        yield "object", f"required {escaped(name)}"
    for kind, words in _BOUNDS.items():
        for word in words:
            if word in node and (not types or kind in types or (kind == "number" and "integer" in types)):
                yield kind, word
