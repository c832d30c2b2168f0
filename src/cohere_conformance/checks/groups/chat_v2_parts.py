"""Chat, version 2: the parts of an exchange; absent, null and mistyped values count as empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.evidence import once

if TYPE_CHECKING:
    from cohere_conformance.checks.evidence import Evidence

Json = dict[str, Any]
CUT = frozenset({"MAX_TOKENS", "ERROR", "TIMEOUT"})
"""Finish reasons of incomplete responses."""


def part(value: object) -> Json:
    """Return an object; anything else counts as an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Json]:
    """Return the objects of a list; anything else counts as an empty one."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


@once
def finish(evidence: Evidence) -> str:
    """Return the finish reason, `""` if there is none."""
    return str(evidence.response.get("finish_reason") or "")


@once
def message(evidence: Evidence) -> Json:
    """Return the message of the response."""
    return part(evidence.response.get("message"))


@once
def blocks(evidence: Evidence) -> list[Json]:
    """Return the content blocks of the response."""
    return items(message(evidence).get("content"))


@once
def calls(evidence: Evidence) -> list[Json]:
    """Return the tool calls of the response."""
    return items(message(evidence).get("tool_calls"))


@once
def citations(evidence: Evidence) -> list[Json]:
    """Return the citations of the response."""
    return items(message(evidence).get("citations"))


@once
def text(evidence: Evidence) -> str:
    """Return the text of the reply: all text blocks, joined."""
    return "".join(said(block) for block in blocks(evidence) if block.get("type") == "text")


def said(block: Json) -> str:
    """Return the text or the thinking of a content block."""
    reported = block.get("thinking" if block.get("type") == "thinking" else "text")
    return reported if isinstance(reported, str) else ""


@once
def billed_units(evidence: Evidence) -> Json:
    """Return the billed units of the response."""
    return part(part(evidence.response.get("usage")).get("billed_units"))


@once
def counted_tokens(evidence: Evidence) -> Json:
    """Return the counted tokens of the response."""
    return part(part(evidence.response.get("usage")).get("tokens"))


def functions(evidence: Evidence) -> list[Json]:
    """Return the functions of the request."""
    return [part(tool.get("function")) for tool in items(evidence.sent.get("tools"))]


def json_schema(evidence: Evidence) -> object:
    """Return the JSON schema of the request, by either of its names; `None` if there is none."""
    form = part(evidence.sent.get("response_format"))
    given = form.get("json_schema")
    return form.get("schema") if given is None else given


@once
def messages(evidence: Evidence) -> list[Json]:
    """Return the conversation of the request."""
    return items(evidence.sent.get("messages"))


def texts(value: object) -> list[str]:
    """Return the non-empty texts of a list; anything else counts as an empty one."""
    return [item for item in value if isinstance(item, str) and item] if isinstance(value, list) else []
