"""Recognises properties that are spelled in another way than the contract spells them: in camelCase."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.model import Kind

if TYPE_CHECKING:
    from cohere_conformance.report.causes.seen import SeenFinding

_CAMEL = re.compile(r"[a-z][a-z0-9]*(?:[A-Z][a-z0-9]*)+")
_CAPITAL = re.compile(r"(?=[A-Z])")
_NAME = re.compile(r"\w+")
_LACKS = re.compile(r"absent\b.*|none|null|no \w+(?: and no \w+)*")
"""What a requirement or a case says of a value that is not there."""
_CUT = "\u2026"


def respelled(one: SeenFinding) -> dict[str, str]:
    """Return the names in camelCase that a finding is about, each with the name in the contract."""
    row = one.row
    if not one.served:
        return {}
    name = one.place.rpartition("/")[2]
    if row.kind is Kind.PROPERTY_UNDOCUMENTED:
        known = _NAME.findall(row.expected)
        snake = _CAPITAL.sub("_", name).lower()
        declared = snake in known or row.expected.endswith(_CUT)
        return {name: snake} if _CAMEL.fullmatch(name) and declared else {}
    if row.kind is Kind.PROPERTY_MISSING:
        present = _NAME.findall(row.observed)
        return {camel: name for camel in [_camel(name)] if camel != name and camel in present}
    if not _LACKS.fullmatch(row.observed):
        return {}
    names = (word for word in (name, *_NAME.findall(row.observed)) if "_" in word)
    text = row.example.response_text
    return {_camel(word): word for word in names if f'"{_camel(word)}"' in text and f'"{word}"' not in text}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
