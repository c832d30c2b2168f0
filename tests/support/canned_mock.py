"""A mock of the usual kind: it validates requests, and answers each operation with one example."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.checks.judge import judge
from cohere_conformance.contract import load_contract
from cohere_conformance.data import folder
from cohere_conformance.golden import find, load
from cohere_conformance.model import Exchange, Kind, Request, Response, Source
from cohere_conformance.reference import ServerState
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Receive, Scope, Send

_STREAM = "text/event-stream"
_UNKNOWN = "property-undocumented"
_CONTRACT = load_contract()


class Canned(NamedTuple):
    """A response: status, media type, body."""

    status: int
    media_type: str
    body: bytes


@lru_cache(maxsize=1)
def examples() -> Mapping[tuple[str, bool], Canned]:
    """Return the first recorded success of each operation, and of each that streams the first stream."""
    found: dict[tuple[str, bool], Canned] = {}
    for path in find(folder("cassettes")).values():
        cassette = load(path)
        response = cassette.exchange.response
        media = dict(response.headers).get("content-type", "")
        if 200 <= response.status < 300:
            key = cassette.provenance.operation, "stream" in media
            found.setdefault(key, Canned(response.status, media, response.body or b""))
    return found


def _error(status: int, message: str) -> Canned:
    return Canned(status, "application/json", json.dumps({"message": message}).encode())


def respond(method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Canned:
    """Return the response to a request."""
    fields = dict(headers)
    url = f"https://api.cohere.com{target}"
    label = _CONTRACT.route(method, url).operation
    if label is None:
        return _error(404, "page not found")
    scheme, _, key = fields.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or key.strip() != PRODUCTION:
        return _error(401, "invalid api token")
    sent = Exchange(
        Request(method, url, headers, body or None, has_key=True),
        Response(status=200, headers=(), body=None),
        Source("mock", "", None),
    )
    invalid = [one for one in judge(_CONTRACT, sent, requirements=False) if one.kind is Kind.REQUEST_INVALID]
    unknown = [one for one in invalid if one.value_class.startswith(_UNKNOWN)]
    if len(unknown) < len(invalid):
        return _error(400, "invalid request")
    if unknown and "/v2/" in label:
        declared = _CONTRACT.operations[label].response(422) is not None
        return _error(422 if declared else 400, f"unknown field: {unknown[0].location}")
    streams = '"stream": true' in body.decode("utf-8", "replace") or _STREAM in fields.get("accept", "")
    known = examples()
    return known.get((label, streams)) or known[label, False]


def canned_mock(change: Callable[[str, Canned], Canned] = lambda _, canned: canned) -> ServerThread:
    """Return the server; it runs in a `with` block.

    Args:
        change: applied to every response, with the method and path of the request, to make the server wrong.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        query = scope["query_string"].decode()
        target = scope["raw_path"].decode("latin-1").partition("?")[0] + (f"?{query}" if query else "")
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        canned = respond(scope["method"], target, headers, body)
        canned = change(f"{scope['method']} {scope['path']}", canned)
        fields = [(b"content-type", canned.media_type.encode())]
        fields += [(b"content-length", str(len(canned.body)).encode())]
        await send({"type": "http.response.start", "status": canned.status, "headers": fields})
        await send({"type": "http.response.body", "body": canned.body})

    return ServerThread(ServerState(), app)
