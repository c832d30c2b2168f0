"""The skeleton of an exchange: all that decides what its response shows, in a form that is quickly made.

Most responses to one operation differ in their texts and numbers only, which no comparison looks at.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cohere_conformance.checks.exercised import media_of
from cohere_conformance.checks.skeleton import kept_texts
from cohere_conformance.contract.elements import OperationKey, outline
from cohere_conformance.contract.requested import request_outline
from cohere_conformance.observed.response import EVENTS, FIELDS, day_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from cohere_conformance.checks.parsed import ParsedExchange
    from cohere_conformance.contract import Contract, Media
    from cohere_conformance.contract.elements import Shape


def skeleton_of(contract: Contract, parsed: ParsedExchange) -> Hashable:
    """Return the skeleton of a successful exchange; exchanges with equal ones have equal samples.

    Args:
        contract: by which responses are walked through.
        parsed: the exchange.

    Returns:
        The skeleton; `None` if the exchange has to be looked at itself.
    """
    request, response = parsed.exchange.request, parsed.exchange.response
    label = contract.route(request.method, request.url).operation
    declared = contract.operations[label].response(response.status) if label is not None else None
    media = media_of(declared, parsed) if declared is not None else None
    if label is None or media is None or response.failure is not None:
        return None
    operation = contract.operations[label]
    kept = _kept(OperationKey(operation.label, operation.digest, operation))
    sent, mistakes = parsed.request
    if kept is None or (mistakes and isinstance(sent, dict)):
        return None
    received = _received(media, parsed, kept)
    if received is None:
        return None
    asked = None
    if isinstance(sent, dict):
        if parsed.sent.skeleton is None:
            return None
        asked = parsed.sent.skeleton.form(kept), str(sent.get("model"))
    return (
        label,
        response.status,
        media.name,
        received,
        urlsplit(request.url).query if "?" in request.url else "",
        asked,
        "date" in parsed.headers,
        frozenset(FIELDS & parsed.headers.keys()),
        day_of(parsed.exchange),
    )


def _received(media: Media, parsed: ParsedExchange, kept: frozenset[bytes]) -> Hashable:
    """Return the skeleton of a response; of a stream, those of the events that are looked at."""
    if media.events is None:
        known = parsed.received.skeleton
        without = parsed.response[1] or parsed.exchange.response.body is None
        return None if without or known is None else known.form(kept)
    number: Counter[str] = Counter()
    found = set()
    for event in parsed.events(media.framing):
        payload, mistakes = event.payload
        name = payload.get(media.events.tag) if isinstance(payload, dict) else None
        if not isinstance(name, str):
            continue
        if mistakes:
            return None
        number[name] += 1
        if number[name] <= EVENTS:
            known = event.text.skeleton
            if known is None:
                return None
            found.add(known.form(kept))
    return frozenset(found)


@lru_cache(maxsize=256)
def _kept(key: OperationKey) -> frozenset[bytes] | None:
    """Return the texts that decide what an exchange of an operation shows; `None` if numbers do as well."""
    whole = outline(key.operation)
    events = (shape for shapes in whole.events.values() for shape in shapes.values())
    found: set[str] = set()
    for shape in _shapes([*whole.bodies.values(), *events, *request_outline(key.operation).bodies.values()]):
        found.update(shape.values)
        for condition, _ in shape.branches:
            if condition is not None:
                found |= condition.values
                if len(condition.types & {"integer", "number"}) == 1 and "number" not in condition.types:
                    return None
    if any(text.lstrip("-")[:1].isdecimal() for text in found):
        return None
    return kept_texts(found)


def _shapes(shapes: Iterable[Shape]) -> Iterator[Shape]:
    """Yield the shapes and all those below them."""
    pending = [*shapes]
    while pending:
        shape = pending.pop()
        yield shape
        pending += shape.properties.values()
        pending += [below for _, below in shape.branches]
        pending += [below for below in (shape.extra, shape.items) if below is not None]
