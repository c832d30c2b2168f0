"""Faults in how the server reads the strings of a request, which only unusual input reveals."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.injection import inject_plain

if TYPE_CHECKING:
    from cohere_conformance.reference.faults import Fault
    from cohere_conformance.reference.injection import PlainFaultTable

STRINGS: PlainFaultTable[str] = {
    fault("input.nul-cuts", "Strings end before their first U+0000."): lambda text: text.partition("\0")[0],
    fault("input.astral-replaced", "Characters beyond the basic plane are replaced."): (
        lambda text: re.sub("[\U00010000-\U0010ffff]", "\ufffd", text)
    ),
    fault("input.composed", "Strings are normalized to NFC."): (
        lambda text: unicodedata.normalize("NFC", text)
    ),
    fault("input.trimmed", "Strings lose the spaces at their start and end."): str.strip,
}

"""Each string of a JSON body."""


def misread(value: Any, faults: frozenset[Fault]) -> Any:
    """Return a JSON value with its strings as the server reads them."""
    return _misread(value, faults) if faults & STRINGS.keys() else value


def _misread(value: Any, faults: frozenset[Fault]) -> Any:
    match value:
        case str():
            return inject_plain(faults, STRINGS, value)
        case list():
            return [_misread(item, faults) for item in value]
        case dict():
            return {name: _misread(item, faults) for name, item in value.items()}
        case _:
            return value
