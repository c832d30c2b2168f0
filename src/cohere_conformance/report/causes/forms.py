"""Recognises successful responses of version 2 that have the form of another API, or of version 1."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from cohere_conformance.model import Kind
from cohere_conformance.report.causes.frameworks import OPENAI

if TYPE_CHECKING:
    from cohere_conformance.report.shape import Row

VERSION_1 = "version 1"
COMPLETE, STREAM = "complete", "stream"
_PROPERTIES = frozenset({Kind.PROPERTY_MISSING, Kind.PROPERTY_UNDOCUMENTED})
_STREAMS = frozenset(
    {
        Kind.STREAM_EVENT_UNKNOWN,
        Kind.STREAM_ORDER,
        Kind.STREAM_FOLD_MISMATCH,
        Kind.STREAM_MALFORMED,
        Kind.STREAM_UNTERMINATED,
    }
)
_OPENAI = re.compile(r'(?<!\\)"object"\s*:\s*"(?:chat\.completion|list\b)|(?<!\\)"choices"\s*:\s*\[')
_VERSION_1 = re.compile(
    r'(?<!\\)"(?:event_type"\s*:\s*"(?:stream-start|text-generation|stream-end)|embeddings"\s*:\s*\[)'
)
_CHAT = "POST /v2/chat"
_OLD_NAMES = frozenset({"text", "generations", "generation_id"})


class Form(NamedTuple):
    """The form of a response.

    Attributes:
        framework: whose form it is.
        part: `complete` or `stream`.
    """

    framework: str
    part: str


def form_of(row: Row) -> Form | None:
    """Return whose form the response of a finding has; `None` if it is none of another API.

    Only findings that this explains have one: properties that are absent or undeclared, and events.
    """
    if "/v2/" not in row.operation or not 200 <= row.status < 300 or not _explained(row):
        return None
    text = row.example.response_text
    part = STREAM if row.kind in _STREAMS or row.location.startswith("<") else COMPLETE
    if _OPENAI.search(text):
        return Form(OPENAI, part)
    if _VERSION_1.search(text) or (row.operation == _CHAT and _has_old_names(text)):
        return Form(VERSION_1, part)
    return None


def _explained(row: Row) -> bool:
    at_top = row.location.count("/") <= 1
    if row.kind is Kind.REQUIREMENT_VIOLATED:
        name = row.location.lstrip("/").partition("/")[0]
        return bool(name) and f'"{name}"' not in row.example.response_text
    return row.kind in _PROPERTIES | _STREAMS or (row.kind is Kind.TYPE_CHANGED and at_top)


def _has_old_names(text: str) -> bool:
    """Return whether a complete response of chat has properties of version 1 instead of its message."""
    try:
        value: Any = json.loads(text.partition("\n\n")[2])
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and bool(_OLD_NAMES & value.keys()) and "message" not in value
