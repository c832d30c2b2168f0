"""Faults of servers that others have written: what is right in whole, and wrong in one part of it."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import Event, JsonResponse, StreamResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.reference.faults import Fault
    from cohere_conformance.reference.handling import Call, HandlerResult

LONG = 300
"""Bytes of a request that is billed although a faulty server does not say so."""
BILLED = fault(
    "billing.sometimes-missing", f"The billed units of requests of more than {LONG} bytes are missing."
)
TORN = fault("chat.v2.stream.text-torn", "Characters beyond ASCII are two U+FFFD in streams.")
BYTES_TORN = fault("chat.v2.stream.bytes-torn", "Characters beyond ASCII lose their last byte in streams.")
_BEYOND = re.compile(r"[^\x00-\x7f]")
_BYTES = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")


def garbled(call: Call, outcome: HandlerResult) -> HandlerResult:
    """Return what a handler made, with the faults that are switched on."""
    match outcome:
        case JsonResponse(body=dict(body)):
            return dataclasses.replace(outcome, body=_body(call, body))
        case StreamResponse() if call.faulty(TORN):
            return dataclasses.replace(outcome, events=_torn(outcome.events))
        case _:
            return outcome


def _body(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    if call.faulty(BILLED) and len(json.dumps(call.body)) > LONG:
        for name in ("meta", "usage"):
            if isinstance(body.get(name), dict):
                rest = {key: value for key, value in body[name].items() if key != "billed_units"}
                body = {**body, name: rest}
    return body


def _torn(events: Iterable[Event]) -> Iterator[Event]:
    for event in events:
        if isinstance(event.data, dict) and event.data.get("type") == "content-delta":
            text = json.dumps(event.data, ensure_ascii=False)
            yield Event(json.loads(_BEYOND.sub("\ufffd\ufffd", text)), event.name)
        else:
            yield event


def chunk(content: bytes, faults: frozenset[Fault]) -> bytes:
    """Return a piece of a stream as it is sent."""
    if BYTES_TORN in faults and b"content-delta" in content:
        return _BYTES.sub(lambda found: found[0][:-1], content)
    return content
