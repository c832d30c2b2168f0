"""Connectors in random sequences of calls: created, read, listed, changed, authorised and deleted."""

from __future__ import annotations

from dataclasses import dataclass
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
OPTIONS: tuple[dict[str, Any], ...] = (
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


def shown_fields(connector: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a connector in a response that the test compares."""
    return {name: connector[name] for name in SHOWN if name in connector}


@dataclass
class Expected:
    """What is known of a connector, and must be confirmed by each response.

    Attributes:
        id: of the connector.
        fields: its properties as the last change has left them.
        oauth: whether it was created with OAuth, so that it can be authorised.
        deleted: whether it was deleted.
    """

    id: str
    fields: dict[str, Any]
    oauth: bool
    deleted: bool = False


class Connectors(Lifecycle):
    """The connectors that the test creates."""

    def __init__(self, api: Api, ended: list[Exception]) -> None:
        super().__init__(api, ended)
        self.number = 0
        self.connectors: list[Expected] = []

    @precondition(lambda self: self.number < MOST)
    @rule(further=strategies.sampled_from(OPTIONS))
    @step
    def create(self, further: dict[str, Any]) -> None:
        """Create a connector."""
        self.number += 1
        body = {"name": f"conformance {self.api.unique}", "url": "https://garden.example/search", **further}
        response = self.api.call(CREATE, body=body)
        connector, fields = response.at("/connector/id", str), response.at("/connector", dict[str, Any])
        self.api.later(DELETE, path={"id": connector})
        self.connectors.append(Expected(connector, shown_fields(fields), "oauth" in further))

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def read(self, pick: int) -> None:
        """Read a connector, which may be deleted."""
        self.check(self.connectors[pick % len(self.connectors)])

    @precondition(lambda self: self.number)
    @rule(pick=PICK, change=strategies.sampled_from(CHANGES))
    @step
    def change(self, pick: int, change: dict[str, Any]) -> None:
        """Change a connector, which may be deleted, and read it."""
        one = self.connectors[pick % len(self.connectors)]
        response = self.api.call(
            PATCH, path={"id": one.id}, body=change, status=(200, 404) if one.deleted else 200
        )
        if one.deleted:
            self.require_not_found(response)
            return
        connector = response.at("/connector", dict[str, Any])
        self.require_same(one, connector, response, "connectors.patch-keeps", "/connector", frozenset(change))
        one.fields = {**one.fields, **shown_fields(connector)}
        self.check(one)

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def authorize(self, pick: int) -> None:
        """Request the authorisation URL of a connector, which may be deleted or have no OAuth."""
        one = self.connectors[pick % len(self.connectors)]
        status = (200,) if one.oauth else (400, 422)
        response = self.api.call(
            AUTHORIZE, path={"id": one.id}, status=(200, 400, 404) if one.deleted else status
        )
        if one.deleted:
            self.require_not_found(response)

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def delete(self, pick: int) -> None:
        """Delete a connector, which may be deleted already, and read it."""
        one = self.connectors[pick % len(self.connectors)]
        response = self.api.call(DELETE, path={"id": one.id}, status=(200, 404) if one.deleted else 200)
        if one.deleted:
            self.require_not_found(response)
        one.deleted = True
        self.check(one)

    @precondition(lambda self: self.number)
    @rule()
    @step
    def list_all(self) -> None:
        """List the connectors."""
        response = self.api.call(LIST, query=[("limit", str(LARGEST_PAGE))])
        listed = {str(item.get("id")): item for item in response.at("/connectors", list[dict[str, Any]])}
        remaining = [one.id for one in self.connectors if one.deleted and one.id in listed]
        self.api.require(
            "connectors.deleted-is-gone",
            not remaining,
            response,
            location="/connectors/*/id",
            expected="no connector that was deleted",
            observed=remaining,
        )
        for one in self.connectors:
            if not one.deleted and one.id in listed:
                self.require_same(one, listed[one.id], response, "connectors.kept", "/connectors/*")

    def check(self, one: Expected) -> None:
        """Read a connector and compare it with what is known of it."""
        response = self.api.call(GET, path={"id": one.id}, status=(200, 404) if one.deleted else 200)
        if one.deleted:
            self.require_not_found(response)
        else:
            self.require_same(
                one, response.at("/connector", dict[str, Any]), response, "connectors.kept", "/connector"
            )

    def require_not_found(self, response: ApiResponse) -> None:
        """Require status 404 for a connector that was deleted."""
        missing = response.status == 404
        self.api.require(
            "connectors.deleted-is-gone", missing, response, expected="404", observed=response.status
        )

    def require_same(
        self,
        one: Expected,
        connector: dict[str, Any],
        response: ApiResponse,
        requirement: str,
        location: str,
        ignored: frozenset[str] = frozenset(),
    ) -> None:
        """Require the fields that are known, except those that were just changed."""
        expected = {name: value for name, value in one.fields.items() if name not in ignored}
        different = {
            name: (value, connector.get(name))
            for name, value in expected.items()
            if connector.get(name) != value
        }
        self.api.require(
            requirement,
            not different,
            response,
            location=location,
            expected="the values before",
            observed=different,
            value_class=" ".join(sorted(different)),
        )


@pytest.mark.operations(CREATE, LIST, GET, PATCH, DELETE, AUTHORIZE)
def test_any_order(api: Api) -> None:
    """In any order of calls a connector keeps its properties until they are changed or it is deleted."""
    if api.profile == "live-2026":
        pytest.skip("retired")
    explore(api, Connectors)
