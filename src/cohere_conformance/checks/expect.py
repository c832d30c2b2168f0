"""Compares a response with what its case expects beyond the contract: statuses, headers, values."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import jsonschema_rs

from cohere_conformance.checks.frame import Frame, cut, shown
from cohere_conformance.checks.framing import sniff
from cohere_conformance.checks.headers import media_type
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.checks.rawjson import NOTHING
from cohere_conformance.checks.wording import of_part, of_schema
from cohere_conformance.contract.fields import typed
from cohere_conformance.contract.location import Location, parse_location
from cohere_conformance.model import Expectation, Kind
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.compile import Framing
    from cohere_conformance.model import Exchange, Finding, Response

Schema = dict[str, object] | bool


def expected(contract: Contract, exchange: Exchange, expectation: Expectation) -> list[Finding]:
    """Return the deviations of a response from the expectations of its case.

    Another status is one finding: the other expectations do not apply to it. An incomplete response has no
    findings here, because `judge` reports it.

    Args:
        contract: determines the operation and the tag of its events.
        exchange: the request and its response.
        expectation: of the response; its locations and schemas are valid.
    """
    response = exchange.response
    if response.failure is not None:
        return []
    frame = Frame(_label(contract, exchange), response.status)
    parsed = ParsedExchange(exchange)
    if response.status not in expectation.status:
        statuses = " or ".join(map(str, expectation.status))
        finding = frame.finding(
            Kind.STATUS_UNEXPECTED,
            expected=f"status {statuses}",
            observed=_answer(parsed),
            value_class=str(response.status),
        )
        return [finding]
    found = list(_headers(frame, response, expectation.headers))
    if response.body is not None or response.events is not None:
        found += _body(contract, frame, parsed, expectation.body)
    return found


def _label(contract: Contract, exchange: Exchange) -> str:
    request = exchange.request
    route = contract.route(request.method, request.url)
    return route.operation or f"{request.method} {request.url.partition('?')[0]}"


def _answer(parsed: ParsedExchange) -> str:
    """Return the actual status with the message of the server."""
    status = parsed.exchange.response.status
    value, _ = parsed.response
    message = value.get("message") if isinstance(value, dict) else None
    said = message if isinstance(message, str) else parsed.text
    said = " ".join(said.split())
    return cut(f"{status}: {said}" if said else str(status))


# -- headers


def _headers(frame: Frame, response: Response, schemas: Mapping[str, Schema]) -> Iterator[Finding]:
    for name, schema in schemas.items():
        location = f"header:{name}"
        texts = [text for field, text in response.headers if field == name]
        values = [typed(text, {} if isinstance(schema, bool) else schema) for text in texts]
        yield from _judged(frame, location, schema, values, "no such field")


# -- bodies and streams


def _body(
    contract: Contract, frame: Frame, parsed: ParsedExchange, schemas: Mapping[str, Schema]
) -> Iterator[Finding]:
    framing = _framing(contract, frame, parsed)
    locations = {text: parse_location(text) for text in schemas}
    # A body that is not a stream has no events.
    unstreamed = {
        text for text, location in locations.items() if location.tag is not None and framing == "json"
    }
    if any(schemas[text] is not False for text in unstreamed):
        # One finding, however many events were expected.
        yield frame.finding(
            Kind.EXPECTATION_FAILED,
            expected="a stream",
            observed="a body that is not a stream",
            value_class="no-stream",
        )
    wanted = any(location.tag is None and schemas[text] is not False for text, location in locations.items())
    if wanted and framing == "json" and parsed.response[0] is NOTHING:
        # Likewise, however many locations were.
        yield frame.finding(
            Kind.EXPECTATION_FAILED,
            expected="JSON",
            observed="a body that is not JSON",
            value_class="no-json",
        )
        return
    missing: list[str] = []
    for text, location in sorted(locations.items()):
        if text in unstreamed or any(text.startswith(f"{above}/") for above in missing):
            continue
        documents, absent = _documents(contract, frame, parsed, location, framing)
        values = [value for document in documents for value in location.values(document)]
        if not values and schemas[text] is not False:
            missing.append(text)  # locations below it are missing as well
            if location.tag is None and (above := _absent_above(location, documents)):
                absent = f"absent, as is {above}"
        yield from _judged(frame, text, schemas[text], values, absent)


def _absent_above(location: Location, documents: list[object]) -> str:
    """Return the location of the object that is absent with what is in it; empty if the object is there."""
    for length in range(1, len(location.tokens)):
        above = Location(None, location.tokens[:length])
        if not any(True for document in documents for _ in above.values(document)):
            name = above.tokens[-1]
            return (
                "" if name == "*" or name.isdigit() else "".join(f"/{escaped(one)}" for one in above.tokens)
            )
    return ""


def _documents(
    contract: Contract, frame: Frame, parsed: ParsedExchange, location: Location, framing: Framing
) -> tuple[list[object], str]:
    """Return the documents that a location is looked up in, and the text for its absence."""
    if location.tag is None:
        value, _ = parsed.response
        return ([], "a body that is not JSON") if value is NOTHING else ([value], "absent")
    tag = _tag(contract, frame)
    payloads = (piece.payload[0] for piece in parsed.events(framing) if piece.event.data.strip())
    named = [
        payload for payload in payloads if isinstance(payload, dict) and payload.get(tag) == location.tag
    ]
    absent = f"absent from its {len(named)} events" if named else f"no event {location.tag}"
    return cast("list[object]", named), absent


def _framing(contract: Contract, frame: Frame, parsed: ParsedExchange) -> Framing:
    """Return the framing of the response: by its declared media type, otherwise by its content."""
    response = parsed.exchange.response
    if response.events is not None:
        return "sse"  # already split: the framing does not matter
    reported = next((text for name, text in response.headers if name == "content-type"), "")
    operation = contract.operations.get(frame.operation)
    declared = operation.response(response.status) if operation else None
    media = declared.media.get(media_type(reported)) if declared else None
    return media.framing if media else sniff(parsed.text)


def _tag(contract: Contract, frame: Frame) -> str:
    """Return the property that names the type of an event of the operation."""
    operation = contract.operations.get(frame.operation)
    for declared in operation.responses.values() if operation else ():
        for media in declared.media.values():
            if media.events is not None:
                return media.events.tag
    return "type"


# -- values


def _judged(
    frame: Frame, location: str, schema: Schema, values: list[object], absent: str
) -> Iterator[Finding]:
    """Yield the deviations of the values at a location, each keyword once."""
    if schema is False:
        if values:
            yield _failed(frame, location, "absent", shown(values[0], location), "present")
        return
    if not values:
        yield _failed(frame, location, of_schema(schema), absent, "absent")
        return
    reported: set[str] = set()
    for value in values:
        for keyword, wanted, observed in _faults(schema, location, value):
            if keyword not in reported:
                reported.add(keyword)
                yield _failed(frame, location, wanted, observed, keyword)


def _faults(schema: Schema, location: str, value: object) -> Iterator[tuple[str, str, str]]:
    """Yield the keywords that a value violates, what they demand in words, and the value."""
    validator = _compiled(json.dumps(schema, sort_keys=True))
    if validator.is_valid(value):
        return
    for error in validator.iter_errors(value):
        below = "".join(f"/{escaped(step)}" for step in error.instance_path)
        seen = shown(error.instance, location + below)
        wanted = of_part(schema, error.schema_path, error.instance_path)
        yield error.kind.name, wanted, f"{seen} at {below}" if below else seen


@lru_cache(maxsize=1024)
def _compiled(schema: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(schema), validate_formats=True)


def _failed(frame: Frame, location: str, wanted: str, observed: str, reported: str) -> Finding:
    return frame.finding(
        Kind.EXPECTATION_FAILED, location=location, expected=wanted, observed=observed, value_class=reported
    )
