"""Faults of the status, the headers and the body of every response, whatever the operation."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import json_text
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.injection import inject_plain, without

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.reference.faults import Fault
    from cohere_conformance.reference.http_messages import Fields
    from cohere_conformance.reference.injection import PlainFaultTable

HTML = fault("errors.html", "Errors are HTML pages.")
AS_200 = fault("errors.as-200", "The status of errors is 200.")
TEAPOT = fault("errors.undeclared-status", "The status of invalid requests is 418 instead of 400.")
CREATED = fault("success.status-201", "The status of a successful POST is 201.")

Faults = frozenset["Fault"]


def status(code: int, method: str, faults: Faults) -> int:
    """Return the status that is sent instead of `code`."""
    if code == 400 and TEAPOT in faults:
        return 418
    if code >= 400 and AS_200 in faults:
        return 200
    return 201 if code == 200 and method == "POST" and CREATED in faults else code


# -- bodies as JSON values

ERRORS: PlainFaultTable[dict[str, Any]] = {
    fault("errors.no-message", "Error bodies have no message."): lambda body: without(body, "message"),
    fault("errors.empty-message", "The message of an error is empty."): lambda body: {**body, "message": ""},
    fault("errors.nested", "Errors are objects below `error`."): (
        lambda body: {"error": {"message": body["message"], "type": "invalid_request_error"}}
    ),
    fault("errors.id-no-uuid", "The id of an error is not a UUID."): lambda body: {**body, "id": "12345"},
}
"""The bodies of errors."""

_Units = dict[str, Any]


def _billed(change: Callable[[_Units], _Units]) -> Callable[[Any], Any]:
    """Return a transform that changes the billed units of a response."""

    def transform(body: Any) -> Any:
        for name in ("meta", "usage"):
            used = body.get(name) if isinstance(body, dict) else None
            if isinstance(used, dict) and isinstance(used.get("billed_units"), dict):
                body = {**body, name: {**used, "billed_units": change(used["billed_units"])}}
        return body

    return transform


def _foreign_unit(units: _Units) -> _Units:
    return {**units, "classifications" if "search_units" in units else "search_units": 1}


def _as_strings(value: Any) -> Any:
    match value:
        case bool():
            return value
        case int():
            return str(value)
        case list():
            return [_as_strings(item) for item in value]
        case dict():
            return {name: _as_strings(item) for name, item in value.items()}
        case _:
            return value


def _first_number_nan(body: Any) -> Any:
    """Return an object in which the first number is NaN."""
    found = False

    def replaced(value: Any) -> Any:
        nonlocal found
        match value:
            case bool():
                return value
            case int() | float() if not found:
                found = True
                return math.nan
            case list():
                return [replaced(item) for item in value]
            case dict():
                return {name: replaced(item) for name, item in value.items()}
            case _:
                return value

    return replaced(body) if isinstance(body, dict) else body


VALUES: PlainFaultTable[Any] = {
    fault(
        "success.extra-property", "Every JSON object of a response has an undeclared property at its top."
    ): (lambda body: {**body, "served_by": "reference"} if isinstance(body, dict) else body),
    fault("json.null", "The first property of each response is null."): (
        lambda body: {**body, next(iter(body)): None} if isinstance(body, dict) and body else body
    ),
    fault("billing.fraction", "Half a unit too much is billed."): (
        _billed(lambda units: {name: count + 0.5 for name, count in units.items()})
    ),
    fault("billing.foreign-unit", "A unit is billed that the operation does not have."): (
        _billed(_foreign_unit)
    ),
    fault("json.nan", "The first number of a response is NaN."): _first_number_nan,
    fault("json.string-numbers", "Integers are sent as strings."): _as_strings,
}
"""The bodies of successful responses."""

# -- bodies as bytes


def _duplicate_key(content: bytes) -> bytes:
    body = json.loads(content)
    if not isinstance(body, dict) or not body:
        return content
    name, first = next(iter(body.items()))
    again = json.dumps({name: first}, ensure_ascii=False)[1:-1]
    return b"{%b,%b" % (again.encode(), content[1:])


CONTENTS: PlainFaultTable[bytes] = {
    fault("json.duplicate-key", "The first property of each response is sent twice."): _duplicate_key,
    fault("json.invalid-utf8", "The first string of a response contains a byte that is not valid UTF-8."): (
        lambda content: content.replace(b':"', b':"\xff', 1)
    ),
    fault("json.cut", "The last byte of each JSON body is missing."): lambda content: content[:-1],
    fault("json.trailing-bytes", "More bytes follow the JSON value."): lambda content: content + b"\n{}",
    fault("json.empty", "Successful responses have an empty body."): lambda content: b"",
}
"""The bodies of successful responses as bytes."""


def encoded(body: Any, faults: Faults) -> bytes:
    """Return the body of a successful response as the bytes that are sent."""
    if not faults:
        return json_text.encode(body)
    return inject_plain(faults, CONTENTS, json_text.encode_any(inject_plain(faults, VALUES, body)))


# -- headers


def _without(*names: bytes) -> Callable[[Fields], Fields]:
    return lambda fields: [(name, text) for name, text in fields if name not in names]


def _with(changed: bytes, change: Callable[[bytes], bytes]) -> Callable[[Fields], Fields]:
    """Return a transform that changes the value of a header."""
    return lambda fields: [(name, change(text) if name == changed else text) for name, text in fields]


_JSON = (b"content-type", b"application/json")
HEADERS: PlainFaultTable[Fields] = {
    fault("headers.tokens-missing", "The headers num_tokens and num_chars are missing."): (
        _without(b"num_tokens", b"num_chars")
    ),
    fault("headers.tokens-off", "The header num_tokens is one too high."): (
        _with(b"num_tokens", lambda text: b"%d" % (int(text) + 1))
    ),
    fault("headers.tokens-text", "The header num_tokens is not a number."): (
        _with(b"num_tokens", lambda text: b"many")
    ),
    fault("headers.trace-missing", "Responses have no X-Debug-Trace-ID."): _without(b"x-debug-trace-id"),
    fault("headers.trace-constant", "Every response has the same X-Debug-Trace-ID."): (
        _with(b"x-debug-trace-id", lambda text: b"0" * 32)
    ),
    fault("headers.no-content-type", "JSON responses have no content type."): (
        lambda fields: [field for field in fields if field != _JSON]
    ),
    fault("headers.content-type-text", "The media type of JSON responses is text/plain."): (
        lambda fields: [(b"content-type", b"text/plain") if field == _JSON else field for field in fields]
    ),
}
"""The headers of all responses."""
