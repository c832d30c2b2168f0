"""Requests against the contract: what is refused, with which status, in which order (V-01 to V-13)."""

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
"""Groups behind a gateway that names unknown fields in its own way (V-03)."""
UNRECOGNIZED = 422
"""Status of a value that is none of those listed, and of a value of another type.

Seen live: an unknown tool_choice (2025-11), an unknown safety_mode, an object as texts (2025-01).
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
"""Lists of values, by group and path, of which the documentation says 400."""
_LONGEST_SHOWN = 60
"""Characters of a refused value that its message repeats."""
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class BrokenRule(msgspec.Struct, frozen=True):
    """One rule that a request breaks; `keyword` is the rule's name in JSON Schema."""

    rule: str
    path: tuple[str, ...]
    text: str
    keyword: str

    def status(self, operation: Operation, location: str) -> int:
        """Return the status that a request with this problem is refused with.

        Args:
            operation: that was called.
            location: what has the problem: a path, or the name of a query parameter.
        """
        declared = operation.group not in PROTOBUF_GROUPS and str(UNRECOGNIZED) in operation.responses
        listed = self.keyword == "type" or (
            self.keyword == "enum" and (operation.group, location) not in _LISTED_AS_400
        )
        return UNRECOGNIZED if declared and listed else 400


_LEFT: set[tuple[str, str, str]] = set()


def leave(group: str, path: str, keyword: str) -> None:
    """Leave a rule of the contract to the handlers of a group, which refuse in words of their own.

    Args:
        group: of the operations.
        path: names of properties, joined by dots; positions in lists are left out.
        keyword: the rule's name in JSON Schema, such as `maxItems`.
    """
    _LEFT.add((group, path, keyword))


def body_of(content: bytes, faults: frozenset[object]) -> Any:
    """Return the JSON value of a body, `{}` for an empty one.

    Raises:
        ApiError: 400, it is no JSON (V-04).
    """
    if not content.strip():
        return {}
    try:
        text = content.decode("utf-8")
        value = json.loads(text, parse_constant=_not_json, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        if SYNTAX_CRASH in faults:
            raise ApiError(500, "internal server error") from error
        raise ApiError(400, f"invalid json syntax: {_syntax(error)}") from error
    crash_faults.parsed(text, value, faults)
    # Half a surrogate pair cannot be sent back: decoders in other languages replace it as well.
    return _replaced(value) if "\\u" in text else value


def _syntax(error: ValueError | RecursionError) -> str:
    """Return what is wrong with a text that is no JSON."""
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
        ApiError: 400, one breaks its declaration, or a required one is missing.
    """
    found: dict[str, Any] = {}
    for name, text in pairs:
        declared = operation.query.get(name)
        if declared is None:
            continue
        value = typed(text, declared.value.schema)
        if IGNORED not in state.faults:
            for problem in _problems(declared.value, value):
                # A text that is no number is a value out of range here: in a query everything is a text.
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
    """Check a JSON body and return the warnings that the answer carries.

    Raises:
        ApiError: the first broken rule, in the order of V-13.
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
    """Refuse unknown fields on version 2, yield a warning for each on version 1."""
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
            # The warning goes into a header, which holds no control characters.
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
        told: Mapping[str, Any] = error.kind.as_dict()
        if keyword == "required":
            yield BrokenRule("missing", (*path, told["property"]), "is required", keyword)
        elif keyword == "additionalProperties" and "unexpected" in told:
            for name in told["unexpected"]:
                yield BrokenRule("unknown", (*path, name), "is not a valid field", keyword)
        else:
            yield BrokenRule("invalid", path, _text(error, keyword, told), keyword)


def _text(error: jsonschema_rs.ValidationError, keyword: str, told: Mapping[str, Any]) -> str:
    """Return what is wrong with a value, in the words of a caller who has never seen a JSON Schema."""
    match keyword:
        case "enum":
            options = [str(one) for one in told["options"] if one is not None]
            return f"unrecognized value {_shortened(error.instance)}, expected one of: {', '.join(options)}"
        case "type":
            wanted = [one for one in told["types"] if one != "null"]
            return f"is of type {_kind(error.instance)}, expected {' or '.join(wanted)}"
        case _:
            return error.message[:200]


def _shortened(value: Any) -> str:
    """Return a value as a message shows it; what is no text, and may be large, by its type only."""
    if not isinstance(value, str):
        return f"of type {_kind(value)}"
    return repr(value) if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]!r}…"


def _kind(value: Any) -> str:
    """Return the type of a JSON value as JSON Schema names it."""
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
