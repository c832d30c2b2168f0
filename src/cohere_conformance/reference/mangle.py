"""Faults that belong to no operation: what every answer can have wrong in its status, headers and bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault

if TYPE_CHECKING:
    from cohere_conformance.reference.faults import Fault

NO_MESSAGE = fault("errors.no-message", "Error bodies have no message.")
EMPTY_MESSAGE = fault("errors.empty-message", "The message of an error is empty.")
NESTED_MESSAGE = fault("errors.nested", "Errors are objects below `error`.")
BAD_ID = fault("errors.id-no-uuid", "The id of an error is not a UUID.")
HTML = fault("errors.html", "Errors are HTML pages.")
AS_200 = fault("errors.as-200", "The status of errors is 200.")
TEAPOT = fault("errors.undeclared-status", "The status of invalid requests is 418 instead of 400.")
CREATED = fault("success.status-201", "The status of a successful POST is 201.")
EXTRA_PROPERTY = fault(
    "success.extra-property", "Every JSON object of a response has an undeclared property at its top."
)
NO_TYPE = fault("headers.no-content-type", "JSON responses have no content type.")
PLAIN_TYPE = fault("headers.content-type-text", "The media type of JSON responses is text/plain.")
TRACE_MISSING = fault("headers.trace-missing", "Responses have no X-Debug-Trace-ID.")
TRACE_CONSTANT = fault("headers.trace-constant", "Every response has the same X-Debug-Trace-ID.")
TOKENS_MISSING = fault("headers.tokens-missing", "The headers num_tokens and num_chars are missing.")
TOKENS_OFF = fault("headers.tokens-off", "The header num_tokens is one too high.")
TOKENS_TEXT = fault("headers.tokens-text", "The header num_tokens is not a number.")
FRACTION = fault("billing.fraction", "Half a unit too much is billed.")
FOREIGN_UNIT = fault("billing.foreign-unit", "A unit is billed that the operation does not have.")
DUPLICATE_KEY = fault("json.duplicate-key", "The first property of each response is sent twice.")
TRAILING = fault("json.trailing-bytes", "More bytes follow the JSON value.")
NAN = fault("json.nan", "The first number of a response is NaN.")
BAD_UTF8 = fault(
    "json.invalid-utf8", "The first string of a response contains a byte that is not valid UTF-8."
)
EMPTY = fault("json.empty", "Successful responses have an empty body.")
CUT = fault("json.cut", "The last byte of each JSON body is missing.")
NULLS = fault("json.null", "The first property of each response is null.")
STRING_NUMBERS = fault("json.string-numbers", "Integers are sent as strings.")

Faults = frozenset["Fault"]


def status(code: int, method: str, faults: Faults) -> int:
    """Return the status that is sent for `code`."""
    if code == 400 and TEAPOT in faults:
        return 418
    if code >= 400 and AS_200 in faults:
        return 200
    return 201 if code == 200 and method == "POST" and CREATED in faults else code


def error_body(body: dict[str, Any], faults: Faults) -> Any:
    """Return the envelope of an error as it is sent."""
    if NO_MESSAGE in faults:
        return {name: value for name, value in body.items() if name != "message"}
    if EMPTY_MESSAGE in faults:
        return body | {"message": ""}
    if NESTED_MESSAGE in faults:
        return {"error": {"message": body["message"], "type": "invalid_request_error"}}
    return body | {"id": "12345"} if BAD_ID in faults else body


def value(body: Any, faults: Faults) -> Any:
    """Return the value of a successful answer as it is sent."""
    if isinstance(body, dict):
        if EXTRA_PROPERTY in faults:
            body = {**body, "served_by": "reference"}
        if NULLS in faults and body:
            body = {**body, next(iter(body)): None}
        for name in ("meta", "usage"):
            told = body.get(name)
            if isinstance(told, dict) and isinstance(told.get("billed_units"), dict):
                body = {**body, name: {**told, "billed_units": _billed(told["billed_units"], faults)}}
    return _texts(body) if STRING_NUMBERS in faults else body


def _billed(units: dict[str, Any], faults: Faults) -> dict[str, Any]:
    """Return what is billed as it is told."""
    if FRACTION in faults:
        units = {name: count + 0.5 for name, count in units.items()}
    if FOREIGN_UNIT in faults:
        units = {**units, "classifications" if "search_units" in units else "search_units": 1}
    return units


def _texts(body: Any) -> Any:
    match body:
        case bool():
            return body
        case int():
            return str(body)
        case list():
            return [_texts(item) for item in body]
        case dict():
            return {name: _texts(item) for name, item in body.items()}
        case _:
            return body


def encoded(body: Any, faults: Faults) -> bytes:
    """Return a JSON body as the bytes that are sent."""
    if EMPTY in faults:
        return b""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    if isinstance(body, dict) and body:
        name, first = next(iter(body.items()))
        if DUPLICATE_KEY in faults:
            again = json.dumps({name: first}, ensure_ascii=False)[1:-1]
            text = f"{{{again},{text[1:]}"
        if NAN in faults:
            text = _with_nan(text)
    content = text.encode("utf-8", "replace")
    if BAD_UTF8 in faults:
        content = content.replace(b':"', b':"\xff', 1)
    if CUT in faults:
        content = content[:-1]
    return content + b"\n{}" if TRAILING in faults else content


def _with_nan(text: str) -> str:
    """Return a JSON text in which the first number that is a property's value is NaN."""
    parsed = json.loads(text, parse_int=_Number, parse_float=_Number)
    return json.dumps(_first_number_gone(parsed, [False]), ensure_ascii=False, default=_plain)


class _Number(str):
    """A number as it was written."""


def _plain(number: object) -> float:
    return float(str(number))


def _first_number_gone(body: Any, done: list[bool]) -> Any:
    match body:
        case _Number():
            if done[0]:
                return float(body) if "." in body or "e" in body else int(body)
            done[0] = True
            return float("nan")
        case list():
            return [_first_number_gone(item, done) for item in body]
        case dict():
            return {name: _first_number_gone(item, done) for name, item in body.items()}
        case _:
            return body


def headers(fields: list[tuple[str, str]], faults: Faults) -> list[tuple[str, str]]:
    """Return the header fields of an answer as they are sent."""
    sent = []
    for name, text in fields:
        if name in {"num_tokens", "num_chars"} and TOKENS_MISSING in faults:
            continue
        if name == "num_tokens" and TOKENS_OFF in faults:
            text = str(int(text) + 1)
        if name == "num_tokens" and TOKENS_TEXT in faults:
            text = "many"
        if name == "x-debug-trace-id" and TRACE_MISSING in faults:
            continue
        if name == "x-debug-trace-id" and TRACE_CONSTANT in faults:
            text = "0" * 32
        if name == "content-type" and text == "application/json":
            if NO_TYPE in faults:
                continue
            text = "text/plain" if PLAIN_TYPE in faults else text
        sent.append((name, text))
    return sent
