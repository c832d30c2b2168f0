"""Faults in the validation of requests: some keywords are not enforced, others are too strict by one.

A value that violates a keyword that is not enforced is repaired before the handler gets it, as by a server
that accepts "5" for 5, or cuts a long array: an invalid request gets a successful response.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from cohere_conformance.contract import Validator
from cohere_conformance.contract.fields import typed
from cohere_conformance.reference import repairs
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from cohere_conformance.contract import Operation
    from cohere_conformance.reference.faults import Fault
    from cohere_conformance.reference.repairs import Broken

    Repair = Callable[[Broken], bool]

Faults = frozenset[object]

_TIGHT: Mapping[Fault, tuple[str, Callable[[float], dict[str, float]]]] = {
    fault("input.max-items-refused", "An array with as many items as allowed is rejected."): (
        "maxItems",
        lambda limit: {"maxItems": limit - 1},
    ),
    fault("input.max-length-refused", "A string with as many characters as allowed is rejected."): (
        "maxLength",
        lambda limit: {"maxLength": limit - 1},
    ),
    fault("input.maximum-refused", "A number equal to its maximum is rejected."): (
        "maximum",
        lambda limit: {"exclusiveMaximum": limit},
    ),
    fault("input.minimum-refused", "A number equal to its minimum is rejected."): (
        "minimum",
        lambda limit: {"exclusiveMinimum": limit},
    ),
}
"""The keyword that is too strict, and its replacement."""

MAX_ITEMS = fault("input.max-items-ignored", "An array with too many items is cut.")
MIN_ITEMS = fault("input.min-items-ignored", "An array with too few items is filled up.")
MAX_LENGTH = fault("input.max-length-ignored", "A string with too many characters is cut.")
MIN_LENGTH = fault("input.min-length-ignored", "A string with too few characters is filled up.")
MAXIMUM = fault("input.maximum-ignored", "A number above its maximum counts as the maximum.")
MINIMUM = fault("input.minimum-ignored", "A number below its minimum counts as the minimum.")
ENUM = fault("input.enum-ignored", "A string that is not in its enum counts as absent.")
NUMBER_TEXT = fault("input.text-as-number", "A number is accepted as a string.")
FRACTION = fault("input.fraction-as-integer", "A fraction is accepted as an integer and rounded down.")
BOOLEAN_TEXT = fault("input.boolean-as-text", "A boolean is accepted as a string.")
SINGLE = fault("input.single-as-list", "An array with one item is accepted as the item itself.")
NESTED_TYPE = fault(
    "input.nested-type-ignored", "A value of the wrong type inside an object counts as absent."
)
NESTED_REQUIRED = fault(
    "input.nested-required-ignored", "Required properties of objects inside the body may be absent."
)
NESTED_UNKNOWN = fault(
    "input.nested-unknown-ignored", "Version 2 ignores unknown properties of objects inside the body."
)
QUERY = fault("input.query-ignored", "An invalid query parameter counts as absent.")

_MOST = 100
"""The maximum number of repairs of a body: an added value may have to be repaired as well."""

_REPAIRS: Mapping[Fault, tuple[str, Repair]] = {
    MAX_ITEMS: ("maxItems", repairs.cut),
    MIN_ITEMS: ("minItems", repairs.filled),
    MAX_LENGTH: ("maxLength", repairs.cut),
    MIN_LENGTH: ("minLength", repairs.filled),
    MAXIMUM: ("maximum", repairs.clamped),
    MINIMUM: ("minimum", repairs.clamped),
    ENUM: ("enum", repairs.unlisted),
    NUMBER_TEXT: ("type", repairs.number),
    FRACTION: ("type", repairs.whole),
    BOOLEAN_TEXT: ("type", repairs.spelt),
    SINGLE: ("type", repairs.listed),
    NESTED_TYPE: ("type", repairs.nested_away),
    NESTED_REQUIRED: ("required", repairs.nested_given),
    NESTED_UNKNOWN: ("additionalProperties", repairs.nested_known),
}


def query(declared: Operation, pairs: Iterable[tuple[str, str]], faults: Faults) -> Iterator[tuple[str, str]]:
    """Yield the query parameters, without the invalid ones if these are ignored."""
    for name, text in pairs:
        known = declared.query.get(name)
        value = known.value if known and QUERY in faults else None
        if value is None or value.compiled.is_valid(typed(text, value.schema)):
            yield name, text


def body(declared: Operation, sent: Any, faults: Faults) -> Any:
    """Return a JSON body, repaired where a keyword is not enforced.

    Args:
        declared: the operation that is called.
        sent: the body; it is not changed.
        faults: the faults of the server.

    Raises:
        ApiError: 400, a keyword is too strict.
    """
    validator = declared.request.media.get("application/json") if declared.request else None
    if validator is None or not isinstance(sent, dict):
        return sent
    for one, (keyword, tighter) in _TIGHT.items():
        if one in faults:
            _refuse_limits(validator, sent, keyword, tighter)
    wanted = [repair for one, repair in _REPAIRS.items() if one in faults and _is_on(one, declared)]
    return _repaired(validator, sent, wanted) if wanted else sent


def _is_on(one: Fault, declared: Operation) -> bool:
    return one is not NESTED_UNKNOWN or " /v2/" in declared.label


def _refuse_limits(
    validator: Validator, sent: Any, keyword: str, tighter: Callable[[float], dict[str, float]]
) -> None:
    if not validator.compiled.is_valid(sent):
        return
    strict = Validator(_tightened(validator.schema, keyword, tighter))
    for error in strict.compiled.iter_errors(sent):
        raise ApiError(400, f"invalid request: {error.message[:200]}")


def _tightened(node: Any, keyword: str, tighter: Callable[[float], dict[str, float]]) -> Any:
    match node:
        case list():
            return [_tightened(item, keyword, tighter) for item in node]
        case dict():
            found = {name: _tightened(item, keyword, tighter) for name, item in node.items()}
            # A property with the name of a keyword has a schema as its value.
            if isinstance(node.get(keyword), int | float):
                found |= tighter(found.pop(keyword))
            return found
        case _:
            return node


def _repaired(validator: Validator, sent: Any, wanted: list[tuple[str, Repair]]) -> Any:
    body = copy.deepcopy(sent)
    for _ in range(_MOST):
        if not any(_repair(validator, body, keyword, repair) for keyword, repair in wanted):
            break
    return body


def _repair(validator: Validator, body: Any, keyword: str, repair: Repair) -> bool:
    """Repair the first location possible; the other errors may differ afterwards."""
    try:
        errors = list(validator.compiled.iter_errors(body))
    except ValueError:  # deeper than the validator goes
        return False
    broken = (repairs.Broken(validator, body, error) for error in errors)
    return any(repair(one) for one in broken if one.keyword == keyword)
