"""Fault injection: a handler computes a value, and a table of faults says how each fault changes it.

A handler reads as the API: `inject(call, RESULTS, results)` returns its results as they are, unless a fault
of the table `RESULTS` is switched on. A fault that skips a step of a handler, instead of changing a value, is
checked with `call.faulty(...)` at that step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from cohere_conformance.reference.faults import Fault

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

_Value = TypeVar("_Value")
_Key = TypeVar("_Key")

FaultTable = Mapping[Fault, Callable[[_Value, "Call"], _Value]]
"""For each fault of one stage: a function from the correct value and the call to the faulty value.

The function returns a new value; it does not change its argument.
"""


def inject(call: Call, table: FaultTable[_Value], value: _Value) -> _Value:
    """Return a value as changed by those faults of a table that are switched on, in the order of the table.

    Args:
        call: the call being handled.
        table: the faults that affect this value.
        value: what a correct server computes.
    """
    for fault, transform in table.items() if call.state.faults else ():
        if call.faulty(fault):
            value = transform(value, call)
    return value


def without(value: Mapping[_Key, Any], *names: _Key) -> dict[_Key, Any]:
    """Return an object without some of its properties."""
    return {name: item for name, item in value.items() if name not in names}


PlainFaultTable = Mapping[Fault, Callable[[_Value], _Value]]
"""A table of faults that need nothing but the value, for what is done before or after the handler."""


def inject_plain(faults: frozenset[Fault], table: PlainFaultTable[_Value], value: _Value) -> _Value:
    """Return a value as changed by those faults of a table that are switched on, in the order of the table.

    Args:
        faults: the faults of the server.
        table: the faults that affect this value.
        value: the correct value.
    """
    for fault, transform in table.items() if faults else ():
        if fault in faults:
            value = transform(value)
    return value
