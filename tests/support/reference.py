"""Calls to a reference server, each judged by the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from cohere_conformance.checks import judge
from cohere_conformance.contract import load_contract
from cohere_conformance.model import Exchange, Request, Response, Source
from cohere_conformance.reference.keys import PRODUCTION

if TYPE_CHECKING:
    from cohere_conformance.model import Finding

API = "https://api.cohere.com"
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
    with httpx.Client(timeout=30, trust_env=False, verify=False) as client:
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
