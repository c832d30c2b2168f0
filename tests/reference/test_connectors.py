"""Connectors: kept without their secrets, and every fault seen once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bench import Bench, state

from cohere_conformance.reference import Profile, catalogue
from cohere_conformance.reference.server import ServerThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

URL = "https://example.org/search"
OAUTH = {
    "client_id": "me",
    "client_secret": "hush-hush",
    "authorize_url": "https://example.org/consent?a=1",
    "token_url": "https://example.org/token",
    "scope": "read",
}
SERVICE = {"type": "bearer", "token": "top-secret"}
PATH = "/v1/connectors"


@pytest.fixture(scope="module")
def server() -> Iterator[Bench]:
    memory = state()
    with ServerThread(memory) as running:
        yield Bench(memory, running.url)


@pytest.fixture
def bench(server: Bench) -> Iterator[Bench]:
    yield server
    server.state.faults = frozenset()


def make(bench: Bench, **change: Any) -> Any:
    return bench.post(PATH, {"name": "My notes", "url": URL, **change})["connector"]


def patch(bench: Bench, made: Any, **change: Any) -> Any:
    bench.wait(1)
    return bench.send("PATCH", f"{PATH}/{made['id']}", change)["connector"]


def test_a_created_connector_can_be_read_and_listed(bench: Bench) -> None:
    total = bench.get(PATH)["total_count"]
    made = make(bench, description="notes", excludes=["mail"], oauth=OAUTH)
    assert made["id"].startswith("my-notes-")
    assert (made["active"], made["continue_on_failure"], made["auth_type"]) == (True, False, "oauth")
    assert bench.get(f"{PATH}/{made['id']}") == {"connector": made}
    listed = bench.get(PATH)
    assert (listed["connectors"][0], listed["total_count"]) == (made, total + 1)
    assert bench.send("DELETE", f"{PATH}/{made['id']}") == {}
    assert "connector not found, id =" in bench.get(f"{PATH}/{made['id']}", 404)["message"]
    assert bench.get(PATH)["total_count"] == total


def test_responses_have_no_secrets(bench: Bench) -> None:
    made = make(bench, oauth=OAUTH)
    changed = patch(bench, made, service_auth=SERVICE)
    assert (changed["auth_type"], "oauth" in changed) == ("service_auth", False)
    seen = str([made, changed, bench.get(PATH), bench.get(f"{PATH}/{made['id']}")])
    assert "hush-hush" not in seen
    assert "top-secret" not in seen


def test_an_update_changes_the_sent_properties_only(bench: Bench) -> None:
    made = make(bench, active=False, excludes=["a"], oauth=OAUTH)
    changed = patch(bench, made, name="Other", description="not taken over")
    assert changed["updated_at"] > made["updated_at"]
    assert changed == {**made, "name": "Other", "updated_at": changed["updated_at"]}
    assert patch(bench, made, active=True, excludes=[])["active"] is True


def test_authorising_lasts_an_hour(bench: Bench) -> None:
    made = make(bench, oauth=OAUTH)
    assert "auth_status" not in made
    path = f"{PATH}/{made['id']}"
    authorized = bench.post(f"{path}/oauth/authorize?after_token_redirect=https://example.org/back")
    assert authorized["redirect_url"].startswith("https://example.org/consent?a=1&client_id=me")
    assert bench.get(path)["connector"]["auth_status"] == "valid"
    bench.state.clock.advance(3600)
    assert bench.get(path)["connector"]["auth_status"] == "expired"
    bench.post(f"{PATH}/{make(bench)['id']}/oauth/authorize", status=400)


def test_the_list_has_pages_newest_first(bench: Bench) -> None:
    ids = [make(bench)["id"] for _ in range(3)]
    pages = [bench.get(f"{PATH}?limit=2&offset={offset}")["connectors"] for offset in (0, 2)]
    assert [one["id"] for page in pages for one in page][:3] == ids[::-1]
    assert bench.get(f"{PATH}?limit=0")["connectors"] == []
    bench.get(f"{PATH}?limit=101", 400)
    bench.get(f"{PATH}?offset=-1", 400)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url": "https://example.org/find"}, "must end with the path /search"),
        ({"url": "https://unreachable.example/search"}, "connector not reachable at"),
        ({"url": "https://no host/search"}, "connector not reachable at"),
        ({"url": "ftp://example.org/search"}, "connector not reachable at"),
        ({"url": "https://[::1/search"}, "connector not reachable at"),
        ({"oauth": OAUTH, "service_auth": SERVICE}, "exclude each other"),
    ],
)
def test_invalid_requests_are_rejected(bench: Bench, change: dict[str, Any], message: str) -> None:
    assert message in bench.post(PATH, {"name": "a", "url": URL, **change}, 400)["message"]
    assert message in bench.send("PATCH", f"{PATH}/{make(bench)['id']}", change, 400)["message"]


def test_the_live_service_has_the_list_only() -> None:
    memory = state(Profile.LIVE_2026)
    with ServerThread(memory) as running:
        bench = Bench(memory, running.url)
        assert bench.get(PATH) == {"connectors": [], "total_count": 0}
        assert "was removed" in bench.post(PATH, {"name": "a", "url": URL}, 404)["message"]
        bench.get(f"{PATH}/a", 404)


def deleted(bench: Bench) -> Any:
    made = make(bench)
    bench.send("DELETE", f"{PATH}/{made['id']}")
    return bench.get(f"{PATH}/{made['id']}")


FAULTS: dict[str, Callable[[Bench], bool]] = {
    "connectors.secret-returned": lambda b: make(b, oauth=OAUTH)["oauth"]["client_secret"] == "hush-hush",
    "connectors.token-returned": lambda b: "top-secret" in make(b, service_auth=SERVICE)["description"],
    "connectors.patch-clears": lambda b: "excludes" not in patch(b, make(b, excludes=["a"]), name="x"),
    "connectors.patch-ignored": lambda b: patch(b, make(b), name="x")["name"] == "My notes",
    "connectors.unsorted": lambda b: make(b)["id"] != b.get(PATH)["connectors"][0]["id"],
    "connectors.total-wrong": lambda b: b.get(f"{PATH}?limit=1")["total_count"] == 1,
    "connectors.limit-ignored": lambda b: len(b.get(f"{PATH}?limit=1")["connectors"]) > 1,
    "connectors.any-url": lambda b: make(b, url="nowhere")["url"] == "nowhere",
    "connectors.both-auths": lambda b: bool(make(b, oauth=OAUTH, service_auth=SERVICE)),
    "connectors.delete-keeps": lambda b: bool(deleted(b)),
    "connectors.redirect-missing": lambda b: (
        b.post(f"{PATH}/{make(b, oauth=OAUTH)['id']}/oauth/authorize") == {}
    ),
    "connectors.inactive": lambda b: make(b)["active"] is False,
    "connectors.authorized-at-once": lambda b: make(b, oauth=OAUTH)["auth_status"] == "valid",
    "connectors.get-differs": lambda b: b.get(f"{PATH}/{make(b)['id']}")["connector"]["name"] == "MY NOTES",
    "connectors.limit-zero-refused": lambda b: bool(b.get(f"{PATH}?limit=0", 400)),
    "connectors.offset-ignored": lambda b: (
        b.get(f"{PATH}?limit=1&offset=1")["connectors"] == b.get(f"{PATH}?limit=1")["connectors"] != []
    ),
    "connectors.id-unrelated": lambda b: make(b)["id"].startswith("connector-"),
}


def test_every_fault_is_tested() -> None:
    assert set(FAULTS) == {name for name in catalogue() if name.startswith("connectors.")}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_the_response(bench: Bench, name: str) -> None:
    bench.fault(name)
    assert FAULTS[name](bench)
