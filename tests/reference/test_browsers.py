"""Pages of another origin: preflights, and responses that they may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from cohere_conformance.reference import ServerState
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Iterator

ORIGIN = {"origin": "http://localhost:3000"}
KEY = {"authorization": "Bearer reference-key"}
CHAT = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Hello."}]}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ServerThread(ServerState()) as server:
        yield server.url


@pytest.mark.parametrize("path", ["/v2/chat", "/v1/datasets/a", "/v1/nowhere", "/storage/a/b"])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_preflight_allows_what_it_asks_for(url: str, path: str, method: str) -> None:
    """No key is needed: a browser sends none with a preflight."""
    wanted = "authorization,content-type,x-client-name"
    preflight = {"access-control-request-method": method, "access-control-request-headers": wanted}
    response = httpx.options(url + path, headers=ORIGIN | preflight)
    assert response.status_code == 204
    assert response.content == b""
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["access-control-allow-methods"] == method
    assert response.headers["access-control-allow-headers"] == wanted
    assert "Origin" in response.headers["vary"]
    assert "access-control-allow-private-network" not in response.headers


def test_a_preflight_of_private_network_access_is_allowed(url: str) -> None:
    """Browsers ask for that in particular, and only then is it granted."""
    preflight = {
        "access-control-request-method": "GET",
        "access-control-request-private-network": "true",
    }
    response = httpx.options(f"{url}/v1/models", headers=ORIGIN | preflight)
    assert response.headers["access-control-allow-private-network"] == "true"
    assert "access-control-allow-headers" not in response.headers


@pytest.mark.parametrize("headers", [{}, ORIGIN, {"access-control-request-method": "POST"}, KEY])
def test_options_without_a_preflight_are_an_undeclared_method(url: str, headers: dict[str, str]) -> None:
    """As before: the key is checked first, then the path, which has no such method."""
    response = httpx.options(f"{url}/v2/chat", headers=headers)
    assert response.status_code == (404 if headers == KEY else 401)


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("POST", "/v1/check-api-key", KEY, None, 200),
        ("POST", "/v2/chat", KEY, CHAT | {"stream": True}, 200),
        ("POST", "/v2/chat", {}, CHAT, 401),
        ("POST", "/v2/chat", KEY, {}, 400),
        ("GET", "/v1/nowhere", KEY, None, 404),
        ("GET", "/storage/a/b", {}, None, 403),
        ("GET", "/cohere-public/tokenizers/command-a-03-2025.json", {}, None, 200),
    ],
)
def test_cors_headers_are_sent_to_browsers_only(
    url: str, method: str, path: str, headers: dict[str, str], body: object, status: int
) -> None:
    """Errors and streams as well; a request without an origin gets no header of the kind."""
    response = httpx.request(method, url + path, headers=headers | ORIGIN, json=body, timeout=60)
    assert response.status_code == status
    assert response.headers.get_list("access-control-allow-origin") == ["*"]
    plain = httpx.request(method, url + path, headers=headers, json=body, timeout=60)
    assert "access-control-allow-origin" not in plain.headers
