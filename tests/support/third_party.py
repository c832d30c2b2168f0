"""A server of somebody else that conforms: another tokenizer, other scores, words, and names of headers."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import ServerState, tokens
from cohere_conformance.reference.app import application
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OWN = {b"x-debug-trace-id": b"x-acme-request-id", b"num_chars": b"x-acme-characters"}
"""What this server calls headers of the reference server."""
_ANOTHER_WIDTH = 2
"""Bytes of the longest token."""


@contextmanager
def third_party(
    state: ServerState | None = None, change: Callable[[Any], Any] = lambda body: body
) -> Iterator[str]:
    """Serve, and return the address.

    Args:
        state: of the reference server behind it.
        change: applied to every JSON body of a response, to make the server wrong.
    """
    state = state or ServerState()
    before = tokens._WIDTH
    _tokenize_by(_ANOTHER_WIDTH)
    try:
        with ServerThread(state, another(application(state), change)) as server:
            yield server.url
    finally:
        _tokenize_by(before)


def _tokenize_by(width: int) -> None:
    tokens._WIDTH = width
    tokens._short.cache_clear()  # or texts that were seen keep the tokens of the other tokenizer


def another(app: ASGIApp, change: Callable[[Any], Any]) -> ASGIApp:
    """Return an application whose responses mean the same in another manner."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        began: list[Message] = []
        chunks: list[bytes] = []

        async def forward(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (_OWN.get(name, name), b"acme" if name == b"server" else value)
                    for name, value in message["headers"]
                ]
                fields = dict(message["headers"])
                if fields.get(b"content-type", b"").startswith(b"application/json"):
                    began.append(message)
                    return
            elif began:
                chunks.append(message.get("body", b""))
                if message.get("more_body"):
                    return
                status = began[0]["status"]
                body = _rewritten(b"".join(chunks), status, change)
                kept = [field for field in began[0]["headers"] if field[0] != b"content-length"]
                began[0]["headers"] = [*kept, (b"content-length", str(len(body)).encode())]
                await send(began[0])
                message = {**message, "body": body}
            await send(message)

        # What is compressed could not be rewritten.
        asked = [field for field in scope["headers"] if field[0] != b"accept-encoding"]
        await app({**scope, "headers": asked}, receive, forward)

    return wrapped


def _rewritten(raw: bytes, status: int, change: Callable[[Any], Any]) -> bytes:
    try:
        body = json.loads(raw)
    except ValueError:
        return raw
    if isinstance(body, dict):
        if status >= 400 and "message" in body:
            body["message"] = f"acme: request rejected with status {status}"
        for result in body.get("results", ()):
            if isinstance(result, dict) and "relevance_score" in result:
                result["relevance_score"] = round(result["relevance_score"] ** 2 * 0.9 + 0.05, 12)
    return json.dumps(change(body)).encode()
