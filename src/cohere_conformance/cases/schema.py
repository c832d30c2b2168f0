"""Checks the JSON Schemas of expectations: a misspelt keyword would be satisfied by every value."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import jsonschema_rs

from cohere_conformance.cases.case_file import Steps, unlike
from cohere_conformance.cases.template import mapped, rendered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_ONE = frozenset(
    "items contains additionalProperties propertyNames not if then else unevaluatedItems".split()
)
_MANY = frozenset("allOf anyOf oneOf prefixItems".split())
_NAMED = frozenset("properties patternProperties dependentSchemas".split())
_PLAIN = (
    "type enum const minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength "
    "pattern format minItems maxItems uniqueItems minContains maxContains required minProperties "
    "maxProperties dependentRequired description"
).split()
_KEYWORDS = sorted(_ONE | _MANY | _NAMED | set(_PLAIN))
"""The keywords of Draft 2020-12 without those for references, which would have to be fetched."""
_FORMATS = (
    "date date-time time duration email hostname ipv4 ipv6 uri uri-reference uuid regex json-pointer".split()
)


class _Anything(dict[str, str]):
    """A mapping with a value for every placeholder."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return "x"


def fault(schema: dict[str, object] | bool) -> tuple[Steps, str] | None:
    """Return where a schema is invalid and why; `None` if it is valid."""
    found = next(_misspelt(schema, ()), None)
    if found is not None:
        return found
    sample = mapped(schema, lambda text: rendered(text, _Anything()))
    try:
        jsonschema_rs.Draft202012Validator(cast("dict[str, Any] | bool", sample), validate_formats=True)
    except jsonschema_rs.ValidationError as error:
        said = f"expected a JSON Schema, got one in which {error.message}; correct it"
        return tuple(error.instance_path), said
    return None


def _misspelt(schema: object, steps: Steps) -> Iterator[tuple[Steps, str]]:
    """Yield keywords and formats that the validator does not know, because it would ignore them."""
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        here = (*steps, keyword)
        if keyword not in _KEYWORDS:
            yield here, unlike(keyword, _KEYWORDS, "a keyword of JSON Schema")
        elif keyword == "format" and value not in _FORMATS:
            yield here, unlike(str(value), _FORMATS, "a format")
        elif keyword in _ONE:
            yield from _misspelt(value, here)
        elif keyword in _MANY and isinstance(value, list):
            for number, item in enumerate(value):
                yield from _misspelt(item, (*here, number))
        elif keyword in _NAMED and isinstance(value, dict):
            for name, item in value.items():
                yield from _misspelt(item, (*here, name))
