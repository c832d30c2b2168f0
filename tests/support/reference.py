"""Calls to a reference server, each judged by the contract."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from cohere_conformance.checks import judge
from cohere_conformance.contract import load_contract
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.reference import ServerState, catalogue
from cohere_conformance.reference.inprocess import InProcess
from cohere_conformance.reference.keys import PRODUCTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.model import Finding

API = "https://api.cohere.com"
WITHIN = "http://127.0.0.1:8765"
"""Address of a server that no socket leads to."""
GARBLED = {
    *("auth.scheme-case", "billing.sometimes-missing", "classify.labels-lower-case"),
    *("chat.v2.arguments-twice", "chat.v2.citation-bytes", "chat.v2.citation-utf16"),
    *("chat.v2.stream.bytes-torn", "chat.v2.stream.text-torn"),
    *("embed.base64-vector-missing", "embed.float-vector-missing", "embed.int8-vector-missing"),
    *("input.charset-refused", "input.large-refused"),
}
"""The faults that `tests/reference/test_response_faults.py` is about."""
CONTRACT = load_contract()


def call(url: str, method: str, path: str, **further: Any) -> tuple[httpx.Response, list[Finding]]:
    """Send a request to a running server, as `send` does.

    Args:
        url: where the server listens.
        method: of HTTP.
        path: with its query.
        further: as of `send`.
    """
    with httpx.Client(timeout=900, trust_env=False, verify=False) as client:
        return send(client, method, f"{url}{path}", **further)


def send(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    json: Any = None,
    headers: dict[str, str] | None = None,
    key: str = PRODUCTION,
    **further: Any,
) -> tuple[httpx.Response, list[Finding]]:
    """Send a request and return the answer with what is wrong with it.

    Args:
        client: that sends it.
        method: of HTTP.
        url: with its query.
        json: the body.
        headers: further fields of the request.
        key: the key that is sent.
        further: what `httpx.request` takes besides, such as `files` or `content`.

    Returns:
        The answer, and the findings about it; a request that breaks the contract is none of them.
    """
    response = client.request(
        method, url, json=json, headers={"authorization": f"Bearer {key}", **(headers or {})}, **further
    )
    request, path = response.request, "/" + url.split("/", 3)[3]
    exchange = Exchange(
        Request(method, f"{API}{path}", _fields(request.headers), request.read()),
        Response(response.status_code, _fields(response.headers), response.content),
        Source("reference", path),
    )
    return response, [one for one in judge(CONTRACT, exchange) if one.kind != "request-invalid"]


def _fields(headers: httpx.Headers) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), text) for name, text in headers.multi_items())


class CheckedServer:
    """A server without a socket, whose responses are checked with the contract unless it has a fault.

    Args:
        state: of the server.
        client: that reaches it.
    """

    def __init__(self, state: ServerState, client: httpx.Client) -> None:
        self._state = state
        self._client = client

    def ask(
        self, label: str, body: Any = None, *, status: int | None = 200, **further: Any
    ) -> httpx.Response:
        """Return the response to a request.

        Args:
            label: method and path.
            body: is sent as JSON.
            status: the required status; `None` for any.
            further: as of `send`.
        """
        method, path = label.split(" ", 1)
        response, findings = send(self._client, method, f"{WITHIN}{path}", json=body, **further)
        if status is not None:
            assert response.status_code == status, response.text[:500]
        if not self._state.faults:
            assert not findings
        return response

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        """Switch on a fault inside a `with` block."""
        self._state.faults = frozenset({catalogue()[name]})
        try:
            yield
        finally:
            self._state.faults = frozenset()


@contextmanager
def checked_server(state: ServerState | None = None) -> Iterator[CheckedServer]:
    """Make a server."""
    state = state or ServerState()
    with httpx.Client(transport=InProcess(state)) as client:
        yield CheckedServer(state, client)
