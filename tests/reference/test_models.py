"""Models: every oracle on the faultless server, and every fault seen once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.contract.models import shipped_models, shipped_retired
from cohere_conformance.reference import Profile, ServerState, catalogue
from reference import CheckedServer, checked_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKENIZERS = "/cohere-public/tokenizers/"
ENDPOINTS = ("chat", "embed", "classify", "summarize", "rerank", "rate", "generate")
MISSING = "model 'nope' not found"


@pytest.fixture(scope="module", params=list(Profile))
def server(request: pytest.FixtureRequest) -> Iterator[CheckedServer]:
    with checked_server(ServerState(profile=request.param)) as server:
        yield server


def listed(server: CheckedServer, query: str = "page_size=1000") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.ask(f"GET /v1/models?{query}").json()["models"]
    return found


def walked(server: CheckedServer, size: int = 5, most: int = 20) -> list[str]:
    """Return the names on all pages; too many pages end the walk."""
    names, token = [], ""
    for _ in range(most):
        answer = server.ask(f"GET /v1/models?page_size={size}&page_token={token}", status=None)
        if answer.is_error:
            return [*names, "error"]
        page = answer.json()
        assert len(page["models"]) <= size + 2
        names += [one["name"] for one in page["models"]]
        token = page.get("next_page_token", "")
        if not token:
            return names
    return [*names, "no end"]


def reranking(server: CheckedServer) -> int:
    """Return how many models of the complete list rerank."""
    return sum("rerank" in one["endpoints"] for one in listed(server))


def test_the_pages_have_every_model_once(server: CheckedServer) -> None:
    names = [one["name"] for one in listed(server)]
    assert walked(server) == names == list(dict.fromkeys(names))
    assert "next_page_token" not in server.ask("GET /v1/models?page_size=1000").json()
    assert len(listed(server, "")) == 20


def test_each_model_is_valid_and_equal_to_the_list(server: CheckedServer) -> None:
    for model in listed(server):
        assert server.ask(f"GET /v1/models/{model['name']}").json() == model
        assert set(model["default_endpoints"]) <= set(model["endpoints"]) <= set(ENDPOINTS)
        assert model["context_length"] > 0
        assert model["tokenizer_url"] is None or TOKENIZERS in model["tokenizer_url"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_the_list_is_filtered(server: CheckedServer, endpoint: str) -> None:
    found = listed(server, f"endpoint={endpoint}&page_size=100")
    assert found == [one for one in listed(server) if endpoint in one["endpoints"]]
    default = listed(server, f"endpoint={endpoint}&default_only=true")
    assert default == [one for one in found if endpoint in one["default_endpoints"]]
    assert len(default) <= 1


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("page_size=0", 400, "between 1 and 1000"),
        ("page_size=1001", 400, "between 1 and 1000"),
        ("page_size=many", 400, "page_size"),
        ("default_only=true", 400, "needs an endpoint"),
        ("endpoint=dance", 422, "endpoint"),
        ("page_token=abc", 400, "page_token"),
    ],
)
def test_invalid_requests_are_rejected(server: CheckedServer, query: str, status: int, message: str) -> None:
    assert message in server.ask(f"GET /v1/models?{query}", status=status).json()["message"]
    assert MISSING in server.ask("GET /v1/models/nope", status=404).json()["message"]


def test_removed_models_are_deprecated_in_the_contract_and_unknown_live() -> None:
    with checked_server() as by_contract:
        found = by_contract.ask("GET /v1/models/command")
        assert found.json()["is_deprecated"]
        assert "will be removed" in found.headers["x-api-warning"]
    with checked_server(ServerState(profile=Profile.LIVE_2026)) as live:
        assert "was removed on" in live.ask("GET /v1/models/command", status=404).json()["message"]
        assert not any(listed(live, f"endpoint={one}") for one in ("classify", "generate", "summarize"))


@pytest.mark.parametrize("name", shipped_retired())
def test_every_retired_model_is_known(name: str) -> None:
    with checked_server() as by_contract:
        assert by_contract.ask(f"GET /v1/models/{name}").json()["is_deprecated"]
    with checked_server(ServerState(profile=Profile.LIVE_2026)) as live:
        message = live.ask(f"GET /v1/models/{name}", status=404).json()["message"]
        assert f"was removed on {shipped_retired()[name].spelled}" in message


@pytest.mark.parametrize("name", ["command-nightly", "command-light-nightly"])
def test_removed_models_are_available_in_the_contract_profile_only(name: str) -> None:
    chat, generate = {"model": name, "message": "Hello"}, {"model": name, "prompt": "Hello"}
    with checked_server() as by_contract:
        assert by_contract.ask("POST /v1/chat", chat).json()["text"]
        assert by_contract.ask("POST /v1/generate", generate).json()["generations"]
        assert name in {one["name"] for one in listed(by_contract)}
    with checked_server(ServerState(profile=Profile.LIVE_2026)) as live:
        for operation, body in (("POST /v1/chat", chat), (f"GET /v1/models/{name}", None)):
            assert f"model '{name}' not found" in live.ask(operation, body, status=404).json()["message"]
        assert name not in {one["name"] for one in listed(live)}


SEEN: dict[str, Callable[[CheckedServer], bool]] = {
    "page-drops-item": lambda server: "embed-v4.0" in walked(server, 11),
    "page-repeats-item": lambda server: len(walked(server)) == len(set(walked(server))),
    "page-size-ignored": lambda server: len(listed(server, "page_size=3")) == 3,
    "page-token-at-end": lambda server: "error" not in walked(server),
    "filter-ignored": lambda server: len(listed(server, "endpoint=rerank")) == reranking(server),
    "default-only-ignored": lambda server: len(listed(server, "endpoint=rerank&default_only=true")) == 1,
    "get-differs": lambda server: server.ask("GET /v1/models/embed-v4.0").json() in listed(server),
    "wrapped": lambda server: "name" in server.ask("GET /v1/models/embed-v4.0").json(),
    "default-not-served": lambda server: all(
        set(one["default_endpoints"]) <= set(one["endpoints"]) for one in listed(server)
    ),
    "context-negative": lambda server: all(one["context_length"] > 0 for one in listed(server)),
    "endpoint-unknown": lambda server: set(listed(server)[0]["endpoints"]) <= set(ENDPOINTS),
    "two-defaults": lambda server: len(listed(server, "endpoint=rerank&default_only=true")) == 1,
    "tokenizer-elsewhere": lambda server: (
        TOKENIZERS in server.ask("GET /v1/models/embed-v4.0").json()["tokenizer_url"]
    ),
    "filter-drops": lambda server: len(listed(server, "endpoint=rerank")) == reranking(server),
    "unknown-listed": lambda server: (
        {one["name"] for one in listed(server)} <= shipped_models().models.keys()
    ),
    "retired-listed": lambda server: (
        "command-light" not in {one["name"] for one in listed(server) if not one["is_deprecated"]}
    ),
    "listed-in-vain": lambda server: (
        server.ask(f"GET /v1/models/{listed(server)[0]['name']}", status=None).is_success
    ),
    "config": lambda server: "config" not in server.ask("GET /v1/models/embed-v4.0").json(),
}
SHARED = {"models.unknown-served", "models.unknown-400"}
"""Faults of the lookup that all groups share; they are seen here as well."""


def test_every_fault_is_tested() -> None:
    names = {name for name in catalogue() if name.startswith("models.")}
    assert {f"models.{name}" for name in SEEN} == names - SHARED


@pytest.mark.parametrize("name", sorted(SEEN))
def test_a_fault_changes_the_response(server: CheckedServer, name: str) -> None:
    assert SEEN[name](server)
    with server.fault(f"models.{name}"):
        assert not SEEN[name](server)


@pytest.mark.parametrize(("name", "status"), [("models.unknown-served", 200), ("models.unknown-400", 400)])
def test_the_faults_of_unknown_models(server: CheckedServer, name: str, status: int) -> None:
    body = {"model": "nope", "input_type": "clustering", "texts": ["a"]}
    with server.fault(name):
        assert server.ask("GET /v1/models/nope", status=None).status_code == status
        assert server.ask("POST /v2/embed", body, status=None).status_code == status
