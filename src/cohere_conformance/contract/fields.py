"""Texts of header fields, query parameters and form parts as JSON values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cohere_conformance.contract.schema import Schema

_INTEGER = re.compile(r"[+-]?[0-9]{1,300}")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def typed(value: str, schema: Schema) -> Any:
    """Return the text of a field or parameter as the JSON type of its schema, if it can be converted."""
    match schema.get("type"):
        case "integer" if _INTEGER.fullmatch(value):
            return int(value)
        case "number" if _NUMBER.fullmatch(value):
            return float(value)
        case "boolean" if value in {"true", "false"}:
            return value == "true"
        case _:
            return value
