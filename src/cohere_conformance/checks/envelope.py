"""The error envelope: what a 4xx or 5xx body must have beyond its schema."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.frame import Frame, json_type, shown
from cohere_conformance.checks.placeholders import is_placeholder
from cohere_conformance.model import Finding, Kind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator


def judge_envelope(frame: Frame, body: Any) -> Iterator[Finding]:
    """Yield the deviations of an error body: it has a non-empty `message`, and its `id`, if any, is a UUID.

    Rules E-01 and E-02: every recorded error has a message; since 2026 it has an id as well. The document has
    no format for the id, and no client is known to depend on it, so another id is a notice.
    """
    if not isinstance(body, dict):
        yield frame.finding(
            Kind.ERROR_ENVELOPE,
            expected="an object with a message",
            observed=shown(body),
            value_class=json_type(body),
        )
        return
    message, identifier = body.get("message"), body.get("id")
    if not (isinstance(message, str) and message.strip()):
        yield frame.finding(
            Kind.ERROR_ENVELOPE,
            location="/message",
            expected="a message that is not empty",
            observed=shown(message, "/message") if "message" in body else "no message",
            value_class="absent" if "message" not in body else json_type(message),
        )
    if isinstance(identifier, str) and not _is_uuid(identifier) and not is_placeholder(identifier):
        yield frame.finding(
            Kind.ERROR_ENVELOPE,
            location="/id",
            expected="a UUID",
            observed=shown(identifier, "/id"),
            value_class="no-uuid",
            severity=Severity.NOTICE,
        )


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
