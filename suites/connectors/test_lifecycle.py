"""Connectors in any order: registered, read, listed, changed, authorised, deleted, also when that is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import strategies
from hypothesis.stateful import precondition, rule

from cohere_conformance.session.lifecycle import Lifecycle, explore, step

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

CREATE, LIST = "POST /v1/connectors", "GET /v1/connectors"
GET, PATCH, DELETE = (f"{method} /v1/connectors/{{id}}" for method in ("GET", "PATCH", "DELETE"))
AUTHORIZE = "POST /v1/connectors/{id}/oauth/authorize"
LARGEST_PAGE = 100
MOST = 3
PICK = strategies.integers(0, MOST - 1)
FURTHER: tuple[dict[str, Any], ...] = (
    {"description": "What grows here", "excludes": ["raw"], "active": False, "continue_on_failure": True},
    {"active": True},
    {
        "oauth": {
            "client_id": "conformance-client",
            "client_secret": "conformance-secret-1d2e",
            "authorize_url": "https://login.example/authorize",
            "token_url": "https://login.example/token",
        }
    },
)
CHANGES: tuple[dict[str, Any], ...] = (
    {"name": "conformance changed"},
    {"url": "https://moved.example/search"},
    {"active": False},
    {"continue_on_failure": True, "excludes": ["id", "raw"]},
)
SHOWN = ("name", "url", "description", "excludes", "active", "continue_on_failure", "created_at")


@dataclass
class Known:
    """What must be true of one connector."""

    id: str
    fields: dict[str, Any]
    oauth: bool
    deleted: bool = field(default=False)


class Connectors(Lifecycle):
    """The connectors of one account, as far as this test has made them."""

    def __init__(self, api: Api, ended: list[Exception]) -> None:
        super().__init__(api, ended)
        self.made = 0
        self.known: list[Known] = []

    @precondition(lambda self: self.made < MOST)
    @rule(further=strategies.sampled_from(FURTHER))
    @step
    def create(self, further: dict[str, Any]) -> None:
        """Register one."""
        self.made += 1
        body = {"name": f"conformance {self.api.unique}", "url": "https://garden.example/search", **further}
        response = self.api.call(CREATE, body=body)
        identity, made = response.at("/connector/id", str), response.at("/connector", dict[str, Any])
        self.api.later(DELETE, path={"id": identity})
        told = {name: made[name] for name in SHOWN if name in made}
        self.known.append(Known(identity, told, "oauth" in further))

    @precondition(lambda self: self.made)
    @rule(pick=PICK)
    @step
    def read(self, pick: int) -> None:
        """Read one, which may be gone."""
        self.look(self.known[pick % len(self.known)])

    @precondition(lambda self: self.made)
    @rule(pick=PICK, change=strategies.sampled_from(CHANGES))
    @step
    def change(self, pick: int, change: dict[str, Any]) -> None:
        """Change one, which may be gone, and read it."""
        one = self.known[pick % len(self.known)]
        response = self.api.call(
            PATCH, path={"id": one.id}, body=change, status=(200, 404) if one.deleted else 200
        )
        if one.deleted:
            self.gone(response)
            return
        told = response.at("/connector", dict[str, Any])
        self.same(one, told, response, "connectors.patch-keeps", "/connector", frozenset(change))
        one.fields = {**one.fields, **{name: told[name] for name in SHOWN if name in told}}
        self.look(one)

    @precondition(lambda self: self.made)
    @rule(pick=PICK)
    @step
    def authorize(self, pick: int) -> None:
        """Ask for the page of consent of one, which may be gone or have none."""
        one = self.known[pick % len(self.known)]
        right = (200,) if one.oauth else (400, 422)
        response = self.api.call(
            AUTHORIZE, path={"id": one.id}, status=(200, 400, 404) if one.deleted else right
        )
        if one.deleted:
            self.gone(response)

    @precondition(lambda self: self.made)
    @rule(pick=PICK)
    @step
    def delete(self, pick: int) -> None:
        """Delete one, which may be gone, and look for it."""
        one = self.known[pick % len(self.known)]
        response = self.api.call(DELETE, path={"id": one.id}, status=(200, 404) if one.deleted else 200)
        if one.deleted:
            self.gone(response)
        one.deleted = True
        self.look(one)

    @precondition(lambda self: self.made)
    @rule()
    @step
    def list_all(self) -> None:
        """Look for all of them in the list."""
        response = self.api.call(LIST, query=[("limit", str(LARGEST_PAGE))])
        listed = {str(one.get("id")): one for one in response.at("/connectors", list[dict[str, Any]])}
        left = [one.id for one in self.known if one.deleted and one.id in listed]
        self.api.require(
            "connectors.deleted-is-gone",
            not left,
            response,
            location="/connectors/*/id",
            expected="no connector that was deleted",
            observed=left,
        )
        for one in self.known:
            if not one.deleted and one.id in listed:
                self.same(one, listed[one.id], response, "connectors.kept", "/connectors/*")

    def look(self, one: Known) -> None:
        """Read a connector and compare it with what is known."""
        response = self.api.call(GET, path={"id": one.id}, status=(200, 404) if one.deleted else 200)
        if one.deleted:
            self.gone(response)
        else:
            self.same(
                one, response.at("/connector", dict[str, Any]), response, "connectors.kept", "/connector"
            )

    def gone(self, response: ApiResponse) -> None:
        """Expect that there is no such connector any more."""
        missing = response.status == 404
        self.api.require(
            "connectors.deleted-is-gone", missing, response, expected="404", observed=response.status
        )

    def same(
        self,
        one: Known,
        told: dict[str, Any],
        response: ApiResponse,
        requirement: str,
        location: str,
        but: frozenset[str] = frozenset(),
    ) -> None:
        """Expect the fields that are known, except those that were just changed."""
        wanted = {name: value for name, value in one.fields.items() if name not in but}
        different = {
            name: (value, told.get(name)) for name, value in wanted.items() if told.get(name) != value
        }
        self.api.require(
            requirement,
            not different,
            response,
            location=location,
            expected="what it was before",
            observed=different,
            value_class=" ".join(sorted(different)),
        )


@pytest.mark.operations(CREATE, LIST, GET, PATCH, DELETE, AUTHORIZE)
def test_any_order(api: Api) -> None:
    if api.profile == "live-2026":
        pytest.skip("retired")
    explore(api, Connectors)
