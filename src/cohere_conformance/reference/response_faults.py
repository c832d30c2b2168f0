"""Faults of responses that only long requests or long lists reveal."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import JsonResponse
from cohere_conformance.reference.injection import without

if TYPE_CHECKING:
    from cohere_conformance.reference.faults import Fault
    from cohere_conformance.reference.handling import Call, HandlerResult
    from cohere_conformance.reference.injection import FaultTable

LONG = 300
"""The maximum size of a request in bytes whose billed units a faulty server reports."""
MANY = 10
"""The maximum length of a list that a faulty server returns completely."""
MANY_TOKENS = 500
"""The maximum number of tokens that a faulty server returns completely."""
BYTES_TORN = fault("chat.v2.stream.bytes-torn", "Characters beyond ASCII lose their last byte in streams.")
_BEYOND_ASCII = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")
_Transform = Callable[["HandlerResult", "Call"], "HandlerResult"]


def _bodies(change: Callable[[dict[str, Any], Call], dict[str, Any]]) -> _Transform:
    """Return a transform that changes the body of a JSON response."""
    return lambda response, call: (
        dataclasses.replace(response, body=change(response.body, call))
        if isinstance(response, JsonResponse) and isinstance(response.body, dict)
        else response
    )


def _cut(group: str, name: str, most: int) -> _Transform:
    """Return a transform that loses the last item of a list of a group's responses, if the list is long."""

    def change(body: dict[str, Any], call: Call) -> dict[str, Any]:
        if call.operation.group != group or name not in body:
            return body
        return {**body, name: _without_last(body[name], most)}

    return _bodies(change)


def _without_last(value: Any, most: int) -> Any:
    if isinstance(value, dict):
        return {name: _without_last(item, most) for name, item in value.items()}
    return value[:-1] if isinstance(value, list) and len(value) > most else value


def _unbilled(body: dict[str, Any], call: Call) -> dict[str, Any]:
    if len(json.dumps(call.body)) <= LONG:
        return body
    used = {name: body[name] for name in ("meta", "usage") if isinstance(body.get(name), dict)}
    return {**body, **{name: without(one, "billed_units") for name, one in used.items()}}


RESPONSES: FaultTable[HandlerResult] = {
    fault(
        "billing.sometimes-missing", f"The billed units of requests of more than {LONG} bytes are missing."
    ): (_bodies(_unbilled)),
    fault("input.last-vector-lost", f"With more than {MANY} inputs, the last vector is missing."): (
        _cut("embed", "embeddings", MANY)
    ),
    fault(
        "input.last-text-lost",
        f"With more than {MANY} texts to embed, the last text is missing in the response.",
    ): _cut("embed", "texts", MANY),
    fault("input.last-result-lost", f"With more than {MANY} results of rerank, the last one is missing."): (
        _cut("rerank", "results", MANY)
    ),
    fault("input.last-class-lost", f"With more than {MANY} texts to classify, the last result is missing."): (
        _cut("classify", "classifications", MANY)
    ),
    fault(
        "input.last-token-lost", f"With more than {MANY_TOKENS} tokens, the last token string is missing."
    ): (_cut("tokenize", "token_strings", MANY_TOKENS)),
}
"""What a handler returns."""


def chunk(content: bytes, faults: frozenset[Fault]) -> bytes:
    """Return a chunk of a stream as it is sent."""
    if BYTES_TORN in faults and b"content-delta" in content:
        return _BEYOND_ASCII.sub(lambda found: found[0][:-1], content)
    return content
