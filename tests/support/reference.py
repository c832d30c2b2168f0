"""Calls to a reference server, each judged by the contract."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from cohere_conformance.checks import judge
from cohere_conformance.contract import load_contract
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.reference import ServerState, catalogue
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.model import Finding

API = "https://api.cohere.com"
GARBLED = {
    *("auth.scheme-case", "billing.sometimes-missing", "classify.labels-lower-case"),
    *("chat.v2.arguments-twice", "chat.v2.citation-bytes", "chat.v2.citation-utf16"),
    *("chat.v2.stream.bytes-torn", "chat.v2.stream.text-torn"),
    *("embed.base64-vector-missing", "embed.float-vector-missing", "embed.int8-vector-missing"),
    *("input.charset-refused", "input.large-refused"),
}
"""The faults that `tests/reference/test_response_faults.py` is about."""
CONTRACT = load_contract()


def call(
    url: str,
    method: str,
    path: str,
    *,
    json: Any = None,
    headers: dict[str, str] | None = None,
    key: str = PRODUCTION,
    **further: Any,
) -> tuple[httpx.Response, list[Finding]]:
    """Send a request and return the answer with what is wrong with it.

    Args:
        url: where the server listens.
        method: of HTTP.
        path: with its query.
        json: the body.
        headers: further fields of the request.
        key: the key that is sent.
        further: what `httpx.request` takes besides, such as `files` or `content`.

    Returns:
        The answer, and the findings about it; a request that breaks the contract is none of them.
    """
    sent = {"authorization": f"Bearer {key}", **(headers or {})}
    with httpx.Client(timeout=900, trust_env=False, verify=False) as client:
        response = client.request(method, f"{url}{path}", json=json, headers=sent, **further)
        request = response.request
        exchange = Exchange(
            Request(method, f"{API}{path}", _fields(request.headers), request.read()),
            Response(response.status_code, _fields(response.headers), response.content),
            Source("reference", path),
        )
    return response, [one for one in judge(CONTRACT, exchange) if one.kind != "request-invalid"]


def _fields(headers: httpx.Headers) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), text) for name, text in headers.multi_items())


class CheckedServer:
    """A running server, whose responses are checked with the contract unless it has a fault.

    Args:
        state: of the server.
        url: where it listens.
    """

    def __init__(self, state: ServerState, url: str) -> None:
        self._state = state
        self._url = url

    def ask(
        self, label: str, body: Any = None, *, status: int | None = 200, **further: Any
    ) -> httpx.Response:
        """Return the response to a request.

        Args:
            label: method and path.
            body: is sent as JSON.
            status: the required status; `None` for any.
            further: as of `call`.
        """
        method, path = label.split(" ", 1)
        response, findings = call(self._url, method, path, json=body, **further)
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
    """Run a server."""
    state = state or ServerState()
    with ServerThread(state) as running:
        yield CheckedServer(state, running.url)
