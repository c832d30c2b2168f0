"""The shape of a response without its values: reports have the number of distinct shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.checks.exercised import meant, media_of, typed_events
from cohere_conformance.checks.headers import field, media_type
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.checks.rawjson import NOTHING
from cohere_conformance.contract.elements import outline
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.elements import Shape
    from cohere_conformance.model import Exchange

_Declared = tuple["Shape", ...] | None
"""The declarations of a location; `None` if undeclared, empty if anything is allowed."""


class ResponseShape(NamedTuple):
    """The shape of a response.

    Attributes:
        status: HTTP status.
        media_type: without parameters; empty if there is no Content-Type.
        parts: the types of a stream's events; otherwise the locations of the properties in a JSON body, with
            `*` for every index and `{}` for every undeclared name.
    """

    status: int
    media_type: str
    parts: frozenset[str]


def response_shape(contract: Contract, exchange: Exchange) -> ResponseShape | None:
    """Return the shape of the response; `None` if it is missing or incomplete."""
    parsed, response = ParsedExchange(exchange), exchange.response
    if response.failure is not None or not response.status:
        return None
    reported = media_type(field(response.headers, "content-type") or "")
    return ResponseShape(response.status, reported, frozenset(_parts(contract, parsed)))


def _parts(contract: Contract, parsed: ParsedExchange) -> Iterator[str]:
    request, response = parsed.exchange.request, parsed.exchange.response
    label = contract.route(request.method, request.url).operation
    operation = contract.operations[label] if label is not None else None
    answer = operation.response(response.status) if operation is not None else None
    media = media_of(answer, parsed) if answer is not None else None
    if media is not None and media.events is not None:
        yield from {f"<{name}>" for name, _ in typed_events(media.events.tag, media.framing, parsed)}
        return
    value = parsed.response[0]
    if value is NOTHING:
        return
    shape = None
    if operation is not None and answer is not None and media is not None:
        shape = outline(operation).bodies.get((answer.status, media.name))
    yield from _locations(value, None if shape is None else (shape,))


def _locations(value: object, declared: _Declared) -> Iterator[str]:
    """Yield the location of every property, some of them several times."""
    # Not by recursion: a response may be nested more deeply than the stack allows.
    pending = [("", value, declared)]
    while pending:
        location, value, declared = pending.pop()
        known = None if declared is None else tuple(applicable(value, declared))
        if isinstance(value, dict):
            for name, inner in value.items():
                token, below = _property(name, known)
                yield f"{location}/{token}"
                if isinstance(inner, dict | list):
                    pending.append((f"{location}/{token}", inner, below))
        elif isinstance(value, list):
            items = None if known is None else tuple(one.items for one in known if one.items is not None)
            pending += [(f"{location}/*", inner, items) for inner in value if isinstance(inner, dict | list)]


def applicable(value: object, declared: Iterable[Shape]) -> Iterator[Shape]:
    """Yield every shape that applies to a value, including those of the selected branches."""
    for shape in declared:
        yield shape
        branches = (one for condition, one in shape.branches if condition is None or meant(condition, value))
        yield from applicable(value, tuple(branches))


def _property(name: str, known: _Declared) -> tuple[str, _Declared]:
    """Return a property as part of a location, and the declarations below it."""
    if known is None:
        return escaped(name), None
    named = tuple(shape.properties[name] for shape in known if name in shape.properties)
    if named:
        return escaped(name), named
    free = tuple(shape.extra for shape in known if shape.extra is not None)
    if free or not any(shape.properties for shape in known):
        return "{}", free
    return escaped(name), None
