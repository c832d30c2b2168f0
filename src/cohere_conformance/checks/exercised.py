"""The elements of the contract that one exchange shows, for the coverage in reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.frame import json_type
from cohere_conformance.checks.framing import sniff
from cohere_conformance.checks.headers import media_type
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.checks.rawjson import NOTHING
from cohere_conformance.contract.elements import outline, spelled
from cohere_conformance.contract.keywords import TYPES
from cohere_conformance.model import Element

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract import Contract, Media, ResponseDeclaration
    from cohere_conformance.contract.compile import Framing
    from cohere_conformance.contract.elements import Condition, Shape
    from cohere_conformance.model import Exchange


_NO_KEYWORDS: frozenset[Element] = frozenset()


def exercised_with_keywords(contract: Contract, exchange: Exchange) -> frozenset[Element]:
    """Return the elements of `exercised`, and the keywords that a value put to the test."""
    tested = set[Element]()
    return exercised_parsed(contract, ParsedExchange(exchange), tested) | tested


def exercised(contract: Contract, exchange: Exchange) -> frozenset[Element]:
    """Return the elements of its operation that the exchange shows; a subset of `declared`.

    A present property counts, whatever its value: an invalid value is a finding. Only the status counts of a
    response that is not a 2xx.
    """
    return exercised_parsed(contract, ParsedExchange(exchange))


def exercised_parsed(
    contract: Contract, parsed: ParsedExchange, tested: set[Element] | None = None
) -> frozenset[Element]:
    """Return the same as `exercised`, for an exchange that is already parsed.

    Args:
        contract: that it is compared with.
        parsed: the exchange.
        tested: is given the keywords that a value put to the test, if they are wanted.
    """
    request = parsed.exchange.request
    route = contract.route(request.method, request.url)
    if route.operation is None:
        return frozenset()
    operation = contract.operations[route.operation]
    response = operation.response(parsed.exchange.response.status)
    if response is None:
        return frozenset()
    whole, shown = outline(operation), set[Element]()
    if response.status in whole.statuses:
        shown.add(whole.statuses[response.status])
    media = media_of(response, parsed)
    if media is not None:
        key = (response.status, media.name)  # of a 2xx; the outline has no other
        if media.events is not None:
            events = whole.events.get(key, {})
            for name, payload in typed_events(media.events.tag, media.framing, parsed):
                if name in events:
                    collect(events[name], payload, shown, tested)
        elif key in whole.bodies and parsed.response[0] is not NOTHING:
            collect(whole.bodies[key], parsed.response[0], shown, tested)
    return frozenset(shown)


def media_of(declared: ResponseDeclaration, parsed: ParsedExchange) -> Media | None:
    """Return the declared media type of the response: by its header, otherwise by its content."""
    response = parsed.exchange.response
    reported = parsed.headers.get("content-type")
    media = declared.media.get(media_type(reported)) if reported else None
    if response.events is not None:
        if media is not None and media.events is not None:
            return media
        return next((one for one in declared.media.values() if one.events is not None), None)
    if media is not None:
        return media
    framing = sniff(parsed.text)
    return next((one for one in declared.media.values() if one.framing == framing), None)


def typed_events(tag: str, framing: Framing, parsed: ParsedExchange) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the type and the payload of each event that has both."""
    for piece in parsed.events(framing):
        payload, _ = piece.payload
        if isinstance(payload, dict) and isinstance(payload.get(tag), str):
            yield payload[tag], payload


def collect(shape: Shape, value: object, shown: set[Element], tested: set[Element] | None = None) -> None:
    """Walk shape and value in parallel and collect the elements that the value shows.

    Args:
        shape: of the value.
        value: parsed.
        shown: is given the elements.
        tested: is given the keywords that the value tests, if they are wanted.
    """
    if tested is not None:
        tested |= shape.tested.get(TYPES.get(type(value), ""), _NO_KEYWORDS)
    if shape.element is not None:
        shown.add(shape.element)
    if isinstance(value, dict):
        for name, inner in value.items():
            below = shape.properties.get(name, shape.extra)
            if below is not None:
                collect(below, inner, shown, tested)
    elif isinstance(value, list):
        if shape.items is not None:
            for inner in value:
                collect(shape.items, inner, shown, tested)
        elif shape.sample is not None and tested is not None and value:
            collect(shape.sample, value[0], shown, tested)
    elif shape.values and value is not None and (element := shape.values.get(spelled(value))) is not None:
        shown.add(element)
    for condition, branch in shape.branches:
        if condition is None or meant(condition, value):
            collect(branch, value, shown, tested)


def meant(condition: Condition, value: object) -> bool:
    """Return whether a value satisfies the condition of a branch."""
    if condition.tag:
        said = value.get(condition.tag) if isinstance(value, dict) else None
        return isinstance(said, str) and said in condition.values
    kind = json_type(value)
    return kind in condition.types or (kind == "integer" and "number" in condition.types)
