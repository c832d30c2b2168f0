"""Which deviations of a report an SDK declares: it is a witness against the contract then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.drift.facts import ANY, operation_key
from cohere_conformance.drift.traffic import located
from cohere_conformance.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.drift.facts import Description, Node
    from cohere_conformance.report.shape import Row

_TYPES = {
    '"': "string",
    "{": "object",
    "[": "array",
    "t": "boolean",
    "f": "boolean",
    "o": "object",
    "a": "array",
}
"""The JSON type of an observed value, by its first character: `object of 9` and `array of 9` are words."""


def supported(sdk: Description, rows: Iterable[Row]) -> dict[str, str]:
    """Return the findings that an SDK declares as they were observed: its name, by fingerprint.

    An SDK does not distinguish null from absence and knows no error bodies, so it is no witness for these.

    Args:
        sdk: its facts.
        rows: the findings.
    """
    return {row.fingerprint: sdk.name for row in rows if _declares(sdk, row)}


def _declares(sdk: Description, row: Row) -> bool:
    operation = sdk.operations.get(operation_key(*row.operation.replace("/*", "/{}").partition(" ")[::2]))
    if operation is None or not 200 <= row.status < 300:
        return False
    if row.kind is Kind.ROUTE_UNKNOWN:
        return True
    path, nodes = located(operation, row)
    if len(nodes) <= len(path) or not path[1:]:
        return False
    node = nodes[-1]
    match row.kind:
        case Kind.PROPERTY_UNDOCUMENTED | Kind.STREAM_EVENT_UNKNOWN:
            return True
        case Kind.PROPERTY_MISSING:
            return node.attributes.get("required") is not True
        case Kind.ENUM_UNKNOWN:
            values = node.attributes.get("enum")
            return isinstance(values, frozenset) and row.observed.strip('"') in values
        case Kind.TYPE_CHANGED:
            return _has_type(node, row.observed)
    return False


def _has_type(node: Node, observed: str) -> bool:
    """Return whether a location of the SDK has the type of a value; one that allows all is no witness."""
    found = _TYPES.get(observed[:1])
    if found is None:
        try:
            found = "integer" if float(observed).is_integer() else "number"
        except ValueError:
            return False
    return node.types != ANY and bool({found, "number" if found == "integer" else found} & node.types)
