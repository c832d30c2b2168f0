"""Validation of requests with the contract: errors, their status and their order (V-01 to V-13)."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from cohere_conformance.contract.fields import typed
from cohere_conformance.reference import crash_faults, models
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import jsonschema_rs

    from cohere_conformance.contract import Operation, Validator
    from cohere_conformance.reference.state import ServerState

IGNORED = fault("validation.ignored", "Values of the wrong type or out of range are accepted.")
REQUIRED_IGNORED = fault("validation.required-ignored", "Required properties may be absent.")
CRASH = fault("validation.crash", "An invalid request causes a 500.")
SYNTAX_CRASH = fault("validation.syntax-crash", "A body that is not JSON causes a 500.")
SWALLOWED = fault("validation.unknown-swallowed", "Version 2 ignores unknown properties.")
REFUSED_ON_V1 = fault("validation.unknown-refused-v1", "Version 1 rejects unknown properties.")
UNWARNED = fault("validation.warning-missing", "Version 1 ignores unknown properties without a warning.")
WRONG_STATUS = fault(
    "validation.unknown-400", "Version 2 rejects unknown properties with 400 instead of 422."
)
NULL_REFUSED = fault("validation.null-refused", "An optional property that is null is rejected.")

PROTOBUF_GROUPS = frozenset({"batches", "finetuning"})
"""Groups behind a gateway with another message for unknown fields (V-03)."""
UNRECOGNIZED = 422
"""The status for a value that is not in its enum, and for a value of another type.

Observed live: an unknown tool_choice (2025-11), an unknown safety_mode, an object as texts (2025-01).
"""
_LISTED_AS_400 = frozenset(
    {
        ("chat", "chat_history.role"),
        ("chat", "messages.role"),
        ("chat", "messages.tool_calls.type"),
        ("embed", "input_type"),
        ("summarize", "format"),
        ("summarize", "length"),
    }
)
"""Enums, by group and path, for which the documentation says 400."""
_LONGEST_SHOWN = 60
"""The maximum length of an invalid value in a message."""
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class BrokenRule(msgspec.Struct, frozen=True):
    """One rule that a request violates; `keyword` is its name in JSON Schema."""

    rule: str
    path: tuple[str, ...]
    text: str
    keyword: str

    def status(self, operation: Operation, location: str) -> int:
        """Return the status of the response.

        Args:
            operation: that was called.
            location: the path of the invalid value, or the name of a query parameter.
        """
        declared = operation.group not in PROTOBUF_GROUPS and str(UNRECOGNIZED) in operation.responses
        listed = self.keyword == "type" or (
            self.keyword == "enum" and (operation.group, location) not in _LISTED_AS_400
        )
        return UNRECOGNIZED if declared and listed else 400


_LEFT: set[tuple[str, str, str]] = set()


def leave(group: str, path: str, keyword: str) -> None:
    """Leave a rule to the handlers of a group, which have messages of their own for it.

    Args:
        group: of the operations.
        path: names of properties, joined by dots; array indexes are left out.
        keyword: of JSON Schema, such as `maxItems`.
    """
    _LEFT.add((group, path, keyword))


def body_of(content: bytes, faults: frozenset[object]) -> Any:
    """Return the JSON value of a body, `{}` for an empty one.

    Raises:
        ApiError: 400, the body is not JSON (V-04).
    """
    if not content.strip():
        return {}
    try:
        value = msgspec.json.decode(content)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _unusual(content, faults)
    # Without an error there is no lone surrogate in it.
    if faults:
        crash_faults.parsed(content.decode("utf-8"), value, faults)
    return value


def _unusual(content: bytes, faults: frozenset[object]) -> Any:
    """Return the JSON value of a body that msgspec rejects: not JSON, or with a lone surrogate."""
    try:
        text = content.decode("utf-8")
        value = json.loads(text, parse_constant=_not_json, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        if SYNTAX_CRASH in faults:
            raise ApiError(500, "internal server error") from error
        raise ApiError(400, f"invalid json syntax: {_syntax(error)}") from error
    crash_faults.parsed(text, value, faults)
    # A lone surrogate cannot be sent in a response; decoders of other languages replace it as well.
    return _replaced(value) if "\\u" in text else value


def _syntax(error: ValueError | RecursionError) -> str:
    """Return the message for a text that is not JSON."""
    match error:
        case UnicodeDecodeError():
            return f"byte {error.start} is not UTF-8"
        case json.JSONDecodeError():
            return f"{error.msg[:1].lower()}{error.msg[1:]} at line {error.lineno}, column {error.colno}"
        case RecursionError():
            return "it is nested too deeply"
        case _:
            return "it has a number that is too large, or that JSON does not know"


def _not_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large")
    return number


def _replaced(value: Any) -> Any:
    match value:
        case str():
            return _SURROGATE.sub("\ufffd", value)
        case list():
            return [_replaced(item) for item in value]
        case dict():
            return {_SURROGATE.sub("\ufffd", name): _replaced(item) for name, item in value.items()}
        case _:
            return value


def query_of(operation: Operation, pairs: Iterable[tuple[str, str]], state: ServerState) -> dict[str, Any]:
    """Return the declared query parameters as JSON values; others are ignored.

    Raises:
        ApiError: 400, a parameter is invalid, or a required one is missing.
    """
    found: dict[str, Any] = {}
    for name, text in pairs:
        declared = operation.query.get(name)
        if declared is None:
            continue
        value = typed(text, declared.value.schema)
        if IGNORED not in state.faults:
            for problem in _problems(declared.value, value):
                # In a query everything is a string: a string that is not a number is a value out of range.
                status = problem.status(operation, name) if problem.keyword == "enum" else 400
                _refuse(status, f"invalid query parameter {name}: {problem.text}", state)
        if declared.repeated:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    for name, declared in operation.query.items():
        if declared.required and not found.get(name) and REQUIRED_IGNORED not in state.faults:
            _refuse(400, f"query parameter {name} is required", state)
    return found


def validate(operation: Operation, body: Any, state: ServerState) -> list[str]:
    """Validate a JSON body and return the warnings of the response.

    Raises:
        ApiError: the first violated rule, in the order of V-13.
    """
    declared = operation.request.media.get("application/json") if operation.request else None
    if declared is None:
        return []
    if not isinstance(body, dict):
        _refuse(400, "invalid request: the body must be a JSON object", state)
    if NULL_REFUSED in state.faults and None in body.values():
        _refuse(400, "invalid request: null is no value", state)
    found = [
        one
        for one in _problems(declared, body)
        if (operation.group, ".".join(one.path), one.keyword) not in _LEFT
    ]
    warnings = list(_unknown(operation, [one for one in found if one.rule == "unknown"], state))
    missing = [one for one in found if one.rule == "missing"]
    if missing and REQUIRED_IGNORED not in state.faults:
        name = ".".join(missing[0].path)
        text = "model parameter is required" if name == "model" else f"invalid request: {name} is required"
        _refuse(400, text, state)
    model = body.get("model")
    if isinstance(model, str):
        models.require(model, operation, state)
    invalid = [one for one in found if one.rule == "invalid"]
    if invalid and IGNORED not in state.faults:
        location = ".".join(invalid[0].path)
        text = f"invalid request: {location or 'the body'}: {invalid[0].text}"
        _refuse(invalid[0].status(operation, location), text, state)
    return warnings


def _unknown(operation: Operation, found: list[BrokenRule], state: ServerState) -> Iterator[str]:
    """Reject unknown properties in version 2, yield a warning for each in version 1."""
    for problem in found:
        name = ".".join(problem.path)
        text = f"unknown field: parameter '{name}' is not a valid field"
        if operation.group in PROTOBUF_GROUPS:
            if SWALLOWED not in state.faults:
                _refuse(400, f'proto: (line 1:1): unknown field "{problem.path[-1]}"', state)
        elif " /v2/" in operation.label or REFUSED_ON_V1 in state.faults:
            if SWALLOWED not in state.faults:
                _refuse(400 if WRONG_STATUS in state.faults else 422, text, state)
        elif UNWARNED not in state.faults:
            # The warning is sent in a header, which cannot have control characters.
            yield _CONTROL.sub("?", text)


def _refuse(status: int, text: str, state: ServerState) -> NoReturn:
    if CRASH in state.faults:
        raise ApiError(500, "internal server error")
    raise ApiError(status, text)


def _problems(validator: Validator, value: Any) -> Iterator[BrokenRule]:
    compiled = validator.compiled
    if compiled.is_valid(value):
        return
    try:
        errors = list(compiled.iter_errors(value))
    except ValueError:  # deeper than the validator goes
        yield BrokenRule("invalid", (), "the body is nested too deeply", "")
        return
    for error in errors:
        path = tuple(str(token) for token in error.instance_path if not isinstance(token, int))
        keyword = str(error.schema_path[-1])
        details: Mapping[str, Any] = error.kind.as_dict()
        if keyword == "required":
            yield BrokenRule("missing", (*path, details["property"]), "is required", keyword)
        elif keyword == "additionalProperties" and "unexpected" in details:
            for name in details["unexpected"]:
                yield BrokenRule("unknown", (*path, name), "is not a valid field", keyword)
        else:
            yield BrokenRule("invalid", path, _text(error, keyword, details), keyword)


def _text(error: jsonschema_rs.ValidationError, keyword: str, details: Mapping[str, Any]) -> str:
    """Return the message for an invalid value, without terms of JSON Schema."""
    match keyword:
        case "enum":
            options = [str(one) for one in details["options"] if one is not None]
            return f"unrecognized value {_shortened(error.instance)}, expected one of: {', '.join(options)}"
        case "type":
            wanted = [one for one in details["types"] if one != "null"]
            return f"is of type {_kind(error.instance)}, expected {' or '.join(wanted)}"
        case _:
            return error.message[:200]


def _shortened(value: Any) -> str:
    """Return a value for a message: a string is cut, of another value only the type is shown."""
    if not isinstance(value, str):
        return f"of type {_kind(value)}"
    return repr(value) if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]!r}…"


def _kind(value: Any) -> str:
    """Return the JSON Schema type of a value."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
