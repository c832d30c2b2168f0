"""Rows as Avro files: their schema and their encoding."""

from __future__ import annotations

import hashlib
import io
import json
import re
from typing import TYPE_CHECKING, Any

import fastavro
from fastavro.write import Writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cohere_conformance.reference.datasets.kinds import Row

Schema = Any
"""An Avro schema as JSON: the name of a type, a union, or an object."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONG = 2**63
_DEEPEST = 16
"""The maximum depth of values with a type of their own; deeper values are stored as JSON text."""


def schema_of(rows: Sequence[Row], columns: Iterable[str], given: dict[str, Schema] | None = None) -> Schema:
    """Return the schema of rows.

    Args:
        rows: all rows.
        columns: in their order; a column that no row has is left out.
        given: the known types of columns.
    """
    given = given or {}
    fields = []
    for name in dict.fromkeys(columns):
        values = [row.get(name) for row in rows]
        if name in given:
            fields.append({"name": name, "type": given[name]})
        elif any(value is not None for value in values):
            fields.append({"name": name, "type": _nullable(values, f"row_{len(fields)}", 0)})
    return {"type": "record", "name": "row", "fields": fields}


def _nullable(values: Sequence[Any], name: str, depth: int) -> Schema:
    present = [value for value in values if value is not None]
    fitting = _type(present, name, depth)
    return fitting if len(present) == len(values) else ["null", fitting]


def _type(values: Sequence[Any], name: str, depth: int) -> Schema:
    if not values or depth > _DEEPEST:
        return "string"
    # A bool is an int in Python, but not in Avro.
    if any(isinstance(value, bool) for value in values):
        return "boolean" if all(isinstance(value, bool) for value in values) else "string"
    if all(isinstance(value, int) and -_LONG <= value < _LONG for value in values):
        return "long"
    if all(isinstance(value, int | float) and abs(value) < 1e308 for value in values):
        return "double"
    if all(isinstance(value, list) for value in values):
        items = [item for value in values for item in value]
        return {"type": "array", "items": _nullable(items, f"{name}_item", depth + 1)}
    if all(isinstance(value, dict) for value in values):
        keys = list(dict.fromkeys(key for value in values for key in value))
        if keys and all(_NAME.fullmatch(key) for key in keys):
            fields = [
                {
                    "name": key,
                    "type": _nullable([value.get(key) for value in values], f"{name}_{number}", depth + 1),
                }
                for number, key in enumerate(keys)
            ]
            return {"type": "record", "name": name, "fields": fields}
    return "string"


def _fit(value: Any, schema: Schema) -> Any:
    """Return a value in the form of its type."""
    match schema:
        case ["null", fitting]:
            return None if value is None else _fit(value, fitting)
        case "string":
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        case "double":
            return float(value)
        case {"type": "array", "items": "float" | "int" | "long"}:
            return value
        case {"type": "array", "items": items}:
            return [_fit(item, items) for item in value]
        case {"type": "record", "fields": fields}:
            return {field["name"]: _fit(value.get(field["name"]), field["type"]) for field in fields}
        case _:
            return value


def encode(rows: Sequence[Row], schema: Schema) -> bytes:
    """Return an Avro file; that of the same rows has the same bytes."""
    # Row by row, so that other threads can run in between.
    fitted = [_fit(row, schema) for row in rows]
    target = io.BytesIO()
    writer = Writer(target, fastavro.parse_schema(schema), sync_marker=_marker(fitted))
    for row in fitted:
        writer.write(row)
    writer.flush()
    return target.getvalue()


def _marker(fitted: Sequence[Any]) -> bytes:
    """Return the sync marker of a file: a digest of its rows as a JSON array."""
    digest = hashlib.md5(b"[", usedforsecurity=False)
    for number, row in enumerate(fitted):
        digest.update(f"{', ' if number else ''}{json.dumps(row)}".encode())
    digest.update(b"]")
    return digest.digest()
