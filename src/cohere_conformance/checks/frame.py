"""The common part of the findings of one exchange, and how values are shown to a reader."""

from __future__ import annotations

import hashlib
import json
import re

import msgspec

from cohere_conformance.model import SEVERITY, Finding, Kind, Severity

_ENCODER = json.JSONEncoder(ensure_ascii=False)
_LONGEST = 120
_MOST = 1000
"""Maximum length of a text of a finding, which may quote the server."""
_SECRET = re.compile(r"(?:^|[/_-])(?:api_?key|secret|password|token|authorization)$", re.IGNORECASE)


class Frame(msgspec.Struct, frozen=True):
    """The operation and the status of all findings of one exchange."""

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
        """Return a finding of this exchange; its severity is that of its kind by default."""
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
    """Return a value as JSON text for a reader: shortened, and withheld if its name is that of a secret."""
    if isinstance(value, str) and _SECRET.search(location):
        return "a string (withheld: it may be a secret)"
    if isinstance(value, dict | list) and len(value) > _LONGEST:
        return f"{json_type(value)} of {len(value)}"
    return cut(_beginning(value))


def cut(text: str) -> str:
    """Return the text, shortened to fit into a line of a report."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def value_class(value: object) -> str:
    """Return what distinguishes two unknown values at one location: the value itself, if it is short."""
    if isinstance(value, str | int | float | bool) or value is None:
        return cut(_beginning(value))
    return json_type(value)


def _beginning(value: object) -> str:
    """Return the beginning of a value as JSON text, as long as a reader is shown."""
    if isinstance(value, dict | list) and not _is_short(value):
        text = ""
        for piece in _ENCODER.iterencode(value):
            text += piece[: _LONGEST + 1]
            if len(text) > _LONGEST:
                break
        return text
    # Each character of the value is at least one of the text.
    return _ENCODER.encode(value[: _LONGEST + 1] if isinstance(value, str) else value)


def _is_short(value: dict[str, object] | list[object]) -> bool:
    """Return whether a value is so short that its text is made at once, which takes a tenth of the time."""
    inner = value.values() if isinstance(value, dict) else value
    return len(value) <= _LONGEST and not any(
        isinstance(one, dict | list) or (isinstance(one, str) and len(one) > _MOST) for one in inner
    )


def _bounded(text: str) -> str:
    """Return a text; the beginning and a digest of one that is too long."""
    if len(text) <= _MOST:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{text[:_MOST]}… ({len(text)} characters, {digest})"
