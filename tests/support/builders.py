"""Small values for tests: exchanges, streams and contracts that are written down where they are needed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.judge import judge_parsed
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.contract.compile import compile_contract
from cohere_conformance.model import Exchange, Request, Response, Source, StreamEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.grammar import Grammar
    from cohere_conformance.model import Finding, Headers

API = "https://api.cohere.com"
JSON: Headers = (("content-type", "application/json"),)
SSE: Headers = (("content-type", "text/event-stream"),)
NDJSON: Headers = (("content-type", "application/stream+json"),)
UUID = "5ab8d1b5-3d3b-4d2d-9b1a-6f7f4d2b1c11"


def exchange(
    call: str,
    body: Any = None,
    *,
    status: int = 200,
    headers: Headers = JSON,
    request: Any = None,
    request_headers: Headers = JSON,
    events: Sequence[StreamEvent] | None = None,
    source: Source | None = None,
) -> Exchange:
    """Return an exchange.

    Args:
        call: method and path on the API (or a whole URL), such as `POST /v2/chat`.
        body: of the answer: bytes as they are, `None` where none was recorded, anything else as JSON.
        status: of the answer.
        headers: of the answer.
        request: body of the request, likewise.
        request_headers: headers of the request.
        events: of the answer, where the recorder split it.
        source: where it was seen.
    """
    method, where = call.split(" ", 1)
    return Exchange(
        Request(method, where if "://" in where else API + where, request_headers, encoded(request)),
        Response(status, headers, encoded(body), None if events is None else tuple(events)),
        source or Source("made-up.jsonl", "line 1"),
    )


def encoded(value: Any) -> bytes | None:
    """Return bytes and `None` as they are, and JSON text for anything else."""
    return value if value is None or isinstance(value, bytes) else json.dumps(value).encode()


def judged(contract: Contract, exchange: Exchange) -> list[Finding]:
    """Return what the contract alone has against an exchange: what no schema says is not asked for."""
    return judge_parsed(contract, ParsedExchange(exchange), requirements=False)


def reported(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    """Return what identifies each finding: kind, location and class of the value."""
    return sorted((finding.kind.value, finding.location, finding.value_class) for finding in findings)


# -- streams


def sse(
    payloads: Iterable[Mapping[str, Any] | str], *, end: str | None = "[DONE]", line: str = "\n"
) -> bytes:
    """Return server-sent events, named by their type as the server does."""
    return b"".join(frame(payload, line=line) for payload in payloads) + (
        f"data: {end}{line}{line}".encode() if end else b""
    )


def frame(payload: Mapping[str, Any] | str, *, name: str | None = None, line: str = "\n") -> bytes:
    """Return one server-sent event; text is taken for its data, and has no name of its own."""
    data = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    if name is None and not isinstance(payload, str):
        name = payload.get("type") or payload.get("event_type")
    named = f"event: {name}{line}" if name else ""
    return f"{named}data: {data}{line}{line}".encode()


def lines(payloads: Iterable[Mapping[str, Any]], line: str = "\n") -> bytes:
    """Return newline-delimited JSON."""
    return b"".join(json.dumps(payload, ensure_ascii=False).encode() + line.encode() for payload in payloads)


def events(payloads: Iterable[Mapping[str, Any]], *, end: str | None = "[DONE]") -> list[StreamEvent]:
    """Return the payloads as a recorder keeps them that splits streams."""
    split = [StreamEvent(json.dumps(payload), payload.get("type")) for payload in payloads]
    return [*split, StreamEvent(end)] if end else split


def chat_v2(*middle: Mapping[str, Any], finish: str = "COMPLETE") -> list[dict[str, Any]]:
    """Return a v2 stream: what opens it, the given events, what closes it."""
    message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    usage = {
        "billed_units": {"input_tokens": 1, "output_tokens": 2},
        "tokens": {"input_tokens": 5, "output_tokens": 2},
    }
    return [
        {"id": UUID, "type": "message-start", "delta": {"message": message}},
        *map(dict, middle),
        {"type": "message-end", "delta": {"finish_reason": finish, "usage": usage}},
    ]


def block(
    *pieces: str, index: int = 0, kind: str = "text", inside: Iterable[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Return a content block of a v2 stream; further events inside it follow its pieces."""
    start = {"message": {"content": {"type": kind, kind: ""}}}
    return [
        {"type": "content-start", "index": index, "delta": start},
        *(
            {"type": "content-delta", "index": index, "delta": {"message": {"content": {kind: piece}}}}
            for piece in pieces
        ),
        *map(dict, inside),
        {"type": "content-end", "index": index},
    ]


def citation(index: int = 0, text: str = "Hi") -> list[dict[str, Any]]:
    """Return a citation of a v2 stream."""
    source = {"type": "document", "id": "doc:0", "document": {"id": "doc:0", "snippet": "Hi"}}
    reported = {"start": 0, "end": len(text), "text": text, "sources": [source], "type": "TEXT_CONTENT"}
    return [
        {"type": "citation-start", "index": index, "delta": {"message": {"citations": reported}}},
        {"type": "citation-end", "index": index},
    ]


def plan(text: str = "I will look.") -> dict[str, Any]:
    """Return a piece of the tool plan of a v2 stream."""
    return {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": text}}}


def tool_call(*pieces: str, index: int = 0) -> list[dict[str, Any]]:
    """Return a tool call of a v2 stream."""
    call = {"id": f"search_{index:012}", "type": "function", "function": {"name": "search", "arguments": ""}}
    return [
        {"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": call}}},
        *(
            {
                "type": "tool-call-delta",
                "index": index,
                "delta": {"message": {"tool_calls": {"function": {"arguments": piece}}}},
            }
            for piece in pieces
        ),
        {"type": "tool-call-end", "index": index},
    ]


def chat_v1(
    *pieces: str, text: str | None = None, middle: Iterable[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Return a v1 stream of text; `text` is the complete text in its last event."""
    whole = {
        "text": "".join(pieces) if text is None else text,
        "generation_id": UUID,
        "response_id": UUID,
        "finish_reason": "COMPLETE",
    }
    made: list[dict[str, Any]] = [
        {"event_type": "stream-start", "generation_id": UUID},
        *map(dict, middle),
        *({"event_type": "text-generation", "text": piece} for piece in pieces),
        {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": whole},
    ]
    return [{"is_finished": event["event_type"] == "stream-end", **event} for event in made]


# -- contracts


def document(
    schema: Mapping[str, Any] | None = None,
    *,
    schemas: Mapping[str, Any] | None = None,
    response: Mapping[str, Any] | None = None,
    request: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return an OpenAPI document with the one operation `POST /v1/thing`.

    Args:
        schema: of its answer.
        schemas: components.
        response: added to what is declared for status 200.
        request: what is declared for the request body.
        more: further keys of the document.
    """
    content = {"application/json": {"schema": dict(schema or {})}}
    operation: dict[str, Any] = {
        "operationId": "thing",
        "tags": ["things"],
        "responses": {"200": {"description": "It.", "content": content, **(response or {})}},
    }
    if request is not None:
        operation["requestBody"] = dict(request)
    return {
        "openapi": "3.2.0",
        "info": {"title": "Made up", "version": "1"},
        "servers": [{"url": API}],
        "paths": {"/v1/thing": {"post": operation}},
        "components": {"schemas": dict(schemas or {})},
        **more,
    }


def contract(
    schema: Mapping[str, Any] | None = None,
    *,
    grammars: Mapping[str, Grammar] | None = None,
    servers: tuple[str, ...] = (),
    **more: Any,
) -> Contract:
    """Return the contract of such a document."""
    return compile_contract(document(schema, **more), grammars or {}, servers=servers)
