"""The scenario of a request: its optional parts, and the family of its model, decide what a response has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from cohere_conformance.checks.shapes import applicable
from cohere_conformance.contract.elements import spelled
from cohere_conformance.contract.models import known
from cohere_conformance.contract.requested import request_outline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.parsed import ParsedExchange
    from cohere_conformance.contract import Operation
    from cohere_conformance.contract.elements import Shape
    from cohere_conformance.contract.schema import Schema

_MODEL, _STREAM = "model", "stream"
_VERSION = re.compile(r"-(?:\d{2}-\d{4}|v\d+(?:\.\d+)?|nightly)(?=-|$)")
OTHER = "other"
"""The family of all models that `contracts/models.yaml` does not have: their names may be a customer's."""


def family(model: str) -> str:
    """Return the family of a model: its name without version and date, `other` for an unknown one."""
    return OTHER if known(model) is None else _VERSION.sub("", model)


def request_features(operation: Operation, parsed: ParsedExchange) -> frozenset[str]:
    """Return what was sent: declared names only, with values only where the contract lists them.

    Whether a text or an object was sent matters, which one does not. Numbers are left out: they say how much
    of something is wanted, not what. `null` means absent.
    """
    query = parse_qsl(urlsplit(parsed.exchange.request.url).query, keep_blank_values=True)
    names = {
        f"query:{name}"
        for name, _ in query
        if name in operation.query and not _is_number(operation.query[name].value.schema)
    }
    body = parsed.request[0]
    declared = next(iter(request_outline(operation).bodies.values()), None)
    if isinstance(body, dict) and declared is not None:
        names |= set(_features(body, declared))
    return frozenset(names)


def _features(body: dict[str, object], declared: Shape) -> Iterator[str]:
    shapes = tuple(applicable(body, (declared,)))
    for name, value in body.items():
        # Streams are scenarios of their own.
        named = tuple(shape.properties[name] for shape in shapes if name in shape.properties)
        if value is None or not named or name == _STREAM:
            continue
        if name == _MODEL and isinstance(value, str):
            yield f"{name}={family(value)}"
        else:
            yield from _value(name, value, named)


def _value(name: str, value: object, named: tuple[Shape, ...]) -> Iterator[str]:
    shapes = tuple(applicable(value, named))
    match value:
        case bool():
            yield f"{name}={spelled(value)}"
        case int() | float():
            return
        case dict():
            # The kind of a nested object (`response_format`, `thinking`) is its enumeration.
            inner = (f"{name}.{text}" for key, one in value.items() for text in _listed(key, one, shapes))
            yield from (name, *inner)
        case list():
            items = tuple(shape.items for shape in shapes if shape.items is not None)
            listed = sorted({spelled(one) for one in value if isinstance(one, str) and _lists(items, one)})
            yield f"{name}={'+'.join(listed)}" if listed else name
        case _:
            yield f"{name}={spelled(value)}" if _lists(shapes, value) else name


def _is_number(schema: Schema) -> bool:
    return schema.get("type") in {"integer", "number"}


def _listed(key: str, value: object, shapes: tuple[Shape, ...]) -> Iterator[str]:
    named = tuple(shape.properties[key] for shape in shapes if key in shape.properties)
    if isinstance(value, str) and _lists(tuple(applicable(value, named)), value):
        yield f"{key}={spelled(value)}"


def _lists(shapes: tuple[Shape, ...], value: object) -> bool:
    """Return whether the contract has an enumeration with the value."""
    return any(spelled(value) in one.values for shape in shapes for one in applicable(value, (shape,)))
