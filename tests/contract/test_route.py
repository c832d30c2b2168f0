"""The operation of a method and a URL, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance.contract import load_declarations
from cohere_conformance.contract.route import Route, Router

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract

API = "https://api.cohere.com"


@pytest.mark.parametrize(
    ("call", "operation"),
    [
        ("POST /v2/chat", "POST /v2/chat"),
        ("POST /v2/chat?debug=1#top", "POST /v2/chat"),
        ("GET /v1/models", "GET /v1/models"),
        ("GET /v1/models?page_size=5&endpoint=chat", "GET /v1/models"),
        ("GET /v1/models/command-a-03-2025", "GET /v1/models/{model}"),
        ("GET /v1/models/some%2Fmodel", "GET /v1/models/{model}"),
        ("GET /v1/models/with%20blank", "GET /v1/models/{model}"),
        ("GET /v1/models/a:b", "GET /v1/models/{model}"),
        ("GET /v1/datasets", "GET /v1/datasets"),
        ("GET /v1/datasets/usage", "GET /v1/datasets/usage"),
        ("GET /v1/datasets/usage-1", "GET /v1/datasets/{id}"),
        ("DELETE /v1/datasets/my-dataset", "DELETE /v1/datasets/{id}"),
        ("POST /v1/embed-jobs/id-1/cancel", "POST /v1/embed-jobs/{id}/cancel"),
        ("GET /v2/batches/batch-1", "GET /v2/batches/{id}"),
        ("GET /v2/batches/tenant:batch-1", "GET /v2/batches/{id}"),
        ("POST /v2/batches/batch-1:cancel", "POST /v2/batches/{id}:cancel"),
        ("POST /v2/batches/tenant:batch-1:cancel", "POST /v2/batches/{id}:cancel"),
        ("POST /v2/batches/batch-1%3Acancel", "POST /v2/batches/{id}:cancel"),
        ("POST /v2/batches/batch-1%3acancel", "POST /v2/batches/{id}:cancel"),
        ("POST /v2/batches/tenant%3Abatch-1:cancel", "POST /v2/batches/{id}:cancel"),
        ("POST /v1/connectors/c/oauth/authorize", "POST /v1/connectors/{id}/oauth/authorize"),
        ("POST /v2%2Fchat", "POST /v2/chat"),
    ],
)
def test_a_request_finds_its_operation(amended: Contract, call: str, operation: str) -> None:
    method, path = call.split(" ", 1)
    assert amended.route(method, API + path) == Route(operation, ours=True)


def test_every_operation_is_found_on_every_server_of_the_api(amended: Contract) -> None:
    for label in amended.operations:
        method, path = label.split(" ")
        for server in ("https://api.cohere.com", "https://api.cohere.ai", "http://127.0.0.1:8080"):
            url = server + path.replace("{id}", "id-1").replace("{model}", "m").replace(
                "{finetuned_model_id}", "f"
            )
            assert amended.route(method, url).operation == label, url


@pytest.mark.parametrize(
    "server",
    [
        "https://api.cohere.com",
        "https://api.cohere.ai",
        "HTTPS://API.Cohere.COM",
        "http://api.cohere.com",
        "https://api.cohere.com:443",
        "http://api.cohere.com:80",
        "http://localhost",
        "http://localhost:8000",
        "http://127.0.0.1:9",
        "http://[::1]:8000",
        "http://testserver",
    ],
)
def test_the_api_lives_on_its_hosts_and_on_loopback(amended: Contract, server: str) -> None:
    assert amended.route("POST", f"{server}/v2/chat") == Route("POST /v2/chat", ours=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/v2/chat",
        "https://cohere.com/v2/chat",
        "https://api.cohere.com.example.com/v2/chat",
        "https://xapi.cohere.com/v2/chat",
        "https://api.cohere.com:8443/v2/chat",
        "https://example.com/api.cohere.com/v2/chat",
        "/v2/chat",
        "api.cohere.com/v2/chat",
        "",
    ],
)
def test_other_servers_are_none_of_our_business(amended: Contract, url: str) -> None:
    assert amended.route("POST", url) == Route(None, ours=False)


@pytest.mark.parametrize("url", ["http://[::1/v2/chat", "https://[api.cohere.com]/v2/chat"])
def test_an_invalid_address_does_not_belong_to_the_api(amended: Contract, url: str) -> None:
    assert amended.route("POST", url) == Route(None, ours=False)


@pytest.mark.parametrize(
    ("call", "methods"),
    [
        ("GET /v2/chat", ("POST",)),
        ("PUT /v1/datasets/usage", ("GET",)),
        ("POST /v1/datasets/d", ("DELETE", "GET")),
        ("GET /v2/batches/b:cancel", ("POST",)),
        ("post /v2/chat", ("POST",)),
        ("POST /v3/chat", ()),
        ("POST /v2/chat/", ()),
        ("POST /v2/chat/extra", ()),
        ("POST /V2/chat", ()),
        ("POST //v2/chat", ()),
        ("GET /v1/models/a/b", ()),
        ("GET /", ()),
        ("POST /cohere/v2/chat", ()),
    ],
)
def test_what_is_ours_and_unknown_says_what_the_path_knows(
    amended: Contract, call: str, methods: tuple[str, ...]
) -> None:
    method, path = call.split(" ", 1)
    assert amended.route(method, API + path) == Route(None, ours=True, methods=methods)


@pytest.mark.parametrize(
    ("url", "operation", "ours"),
    [
        ("https://gateway.example/cohere/v2/chat", "POST /v2/chat", True),
        ("https://GATEWAY.example/cohere/v2/chat", "POST /v2/chat", True),
        ("https://gateway.example/cohere/v3/chat", None, True),
        ("https://gateway.example/v2/chat", None, False),
        ("https://gateway.example/coherent/v2/chat", None, False),
        ("https://gateway.example/cohere", None, False),
        ("http://mock.example:8080/v2/chat", "POST /v2/chat", True),
        ("http://mock.example/v2/chat", None, False),
        ("https://api.cohere.com/v2/chat", "POST /v2/chat", True),
    ],
)
def test_further_servers_count_with_their_prefix(url: str, operation: str | None, ours: bool) -> None:
    servers = ("https://gateway.example/cohere/", "http://mock.example:8080")
    contract = load_declarations(servers=servers).contract()
    assert contract.route("POST", url) == Route(operation, ours=ours)


def test_the_longest_prefix_counts() -> None:
    router = Router(["GET /v1/a"], ["https://h.example", "https://h.example/prefix"])
    assert router.route("GET", "https://h.example/v1/a").operation == "GET /v1/a"
    assert router.route("GET", "https://h.example/prefix/v1/a").operation == "GET /v1/a"


def test_the_declared_order_of_paths_does_not_matter() -> None:
    labels = ["GET /x/{id}", "POST /x/{id}:stop", "GET /x/fixed", "POST /x/{id}/{part}:stop"]
    for ordered in (labels, labels[::-1]):
        router = Router(ordered, [API])
        found = [
            router.route(method, f"{API}/x/{path}").operation
            for method, path in [("GET", "1"), ("POST", "1:stop"), ("GET", "fixed"), ("POST", "1/2:stop")]
        ]
        assert found == ["GET /x/{id}", "POST /x/{id}:stop", "GET /x/fixed", "POST /x/{id}/{part}:stop"]


def test_special_characters_in_a_path_are_literal() -> None:
    router = Router(["GET /v1.0/{id}+x"], [API])
    assert router.route("GET", f"{API}/v1.0/1+x").operation == "GET /v1.0/{id}+x"
    assert router.route("GET", f"{API}/v1x0/1+x").operation is None
