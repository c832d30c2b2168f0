"""What every finding of one exchange has in common, and how values are shown to a reader."""

from __future__ import annotations

import hashlib
import json
import re

import msgspec

from cohere_conformance.model import SEVERITY, Finding, Kind, Severity

_LONGEST = 120
_MOST = 1000
"""Characters of a text of a finding, which may quote what a server sends."""
_SECRET = re.compile(r"(?:^|[/_-])(?:api_?key|secret|password|token|authorization)$", re.IGNORECASE)


class Frame(msgspec.Struct, frozen=True):
    """The operation and the status that every finding of one exchange carries."""

    operation: str
    status: int

    def finding(
        self,
        kind: Kind,
        *,
        location: str = "",
        expected: str,
        observed: str,
        value_class: str = "",
        severity: Severity | None = None,
    ) -> Finding:
        """Return a finding of this exchange; the kind's own severity unless another is given."""
        return Finding(
            kind=kind,
            severity=severity or SEVERITY[kind],
            operation=self.operation,
            status=self.status,
            location=_bounded(location),
            expected=_bounded(expected),
            observed=_bounded(observed),
            value_class=_bounded(value_class),
        )


def json_type(value: object) -> str:
    """Return the name of the JSON type; numbers without a fraction are integers, as JSON Schema has it."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def shown(value: object, location: str = "") -> str:
    """Return a value as JSON text for a reader: cut when long, withheld where its name says secret."""
    if isinstance(value, str) and _SECRET.search(location):
        return "a string (withheld: it may be a secret)"
    if isinstance(value, dict | list) and len(value) > _LONGEST:
        return f"{json_type(value)} of {len(value)}"
    return cut(_beginning(value))


def cut(text: str) -> str:
    """Return the text, shortened to what a line of a report holds."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def value_class(value: object) -> str:
    """Return what tells two unknown values at one place apart: the value itself, if it is short."""
    if isinstance(value, str | int | float | bool) or value is None:
        return cut(_beginning(value))
    return json_type(value)


def _beginning(value: object) -> str:
    """Return a value as JSON text, as far as a reader is shown any of it."""
    if isinstance(value, dict | list):
        text = ""
        for piece in json.JSONEncoder(ensure_ascii=False).iterencode(value):
            text += piece[: _LONGEST + 1]
            if len(text) > _LONGEST:
                break
        return text
    # Each character takes at least one.
    return json.dumps(value[: _LONGEST + 1] if isinstance(value, str) else value, ensure_ascii=False)


def _bounded(text: str) -> str:
    """Return a text as it is; of one that is longer than any of ours the beginning, with a digest of it."""
    if len(text) <= _MOST:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{text[:_MOST]}… ({len(text)} characters, {digest})"
