"""What a finding expected, in a sentence: "`content[].text` to be a string"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.pointer import unescaped

if TYPE_CHECKING:
    from cohere_conformance.report.shape import Row

_VALUE = frozenset(
    {
        Kind.TYPE_CHANGED,
        Kind.NULL_UNEXPECTED,
        Kind.ENUM_UNKNOWN,
        Kind.FORMAT_INVALID,
        Kind.BOUND_EXCEEDED,
        Kind.PATTERN_MISMATCH,
        Kind.UNION_UNMATCHED,
        Kind.HEADER_INVALID,
        Kind.EXPECTATION_FAILED,
    }
)
"""Kinds whose expectation is what the value at the location has to be."""
_NAME = re.compile(r"[A-Za-z_$][\w$-]*")


def expected(row: Row) -> str:
    """Return what was expected, to be read after "expected"."""
    where = place(row.location)
    if row.kind in {Kind.PROPERTY_MISSING, Kind.HEADER_MISSING}:
        return f"{where} to be present"
    if row.kind is Kind.PROPERTY_UNDOCUMENTED:
        return f"{where} to be absent; declared: {row.expected.removeprefix('one of ')}"
    if row.kind in _VALUE and row.location:
        return f"{where} to be {row.expected}"
    return row.expected


def place(location: str) -> str:
    """Return a location as a program would name it: `/results/*/index` as `results[].index`."""
    kind, colon, name = location.partition(":")
    if colon and kind in {"header", "query"}:
        return f"the header `{name}`" if kind == "header" else f"the query parameter `{name}`"
    event, _, rest = location.partition("/") if location.startswith("<") else ("", "", location.lstrip("/"))
    path = "".join(map(_step, rest.split("/"))).removeprefix(".") if rest else ""
    if event:
        return f"`{path}` of the event `{event.strip('<>')}`" if path else f"the event `{event.strip('<>')}`"
    return f"`{path}`" if path else "the body"


def _step(token: str) -> str:
    name = unescaped(token)
    if name == "*" or name.isdigit():
        return "[]" if name == "*" else f"[{name}]"
    return f".{name}" if _NAME.fullmatch(name) or name == "{}" else f'["{name}"]'
