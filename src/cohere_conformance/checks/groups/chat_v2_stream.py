"""Chat, version 2: streams, beyond their grammar and their folded response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.frame import cut
from cohere_conformance.checks.groups.chat_v2_parts import part
from cohere_conformance.checks.headers import media_type
from cohere_conformance.checks.registry import Breach, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence

_EVENTS = frozenset({"text/event-stream", "text/*", "*/*"})
_LINES = "application/stream+json"


@check("v2.chat.stream-error-told", streams=True)
def errors_are_reported(evidence: Evidence) -> Iterator[Breach]:
    """A failed stream has an error message in its last event (CH2-T09)."""
    for event in evidence.events:
        delta = part(event.get("delta")) if event.get("type") == "message-end" else {}
        if delta.get("finish_reason") == "ERROR" and not delta.get("error"):
            yield Breach("<message-end>/delta/error", "what went wrong", "nothing")


@check("v2.chat.stream-accepted", streams=True)
def accepted_events_are_sent(evidence: Evidence) -> Iterator[Breach]:
    """A client that accepts text/event-stream receives a stream of that type (C17)."""
    accepted = (evidence.sent_header("accept") or "").lower()
    ranges = {one.partition(";")[0].strip() for one in accepted.split(",")}
    reported = media_type(evidence.header("content-type") or "")
    if evidence.streamed and reported == _LINES and ranges & _EVENTS and _LINES not in ranges:
        yield Breach("", f"server-sent events, as the client accepts {cut(accepted)}", reported)


@check("v2.chat.stream-uncounted", streams=True)
def streams_are_not_counted(evidence: Evidence) -> Iterator[Breach]:
    """A streamed response has neither num_tokens nor num_chars (CH2-T10)."""
    for name in ("num_tokens", "num_chars") if evidence.streamed else ():
        if (reported := evidence.header(name)) is not None:
            yield Breach(f"header:{name}", "no such header in a stream", reported)
