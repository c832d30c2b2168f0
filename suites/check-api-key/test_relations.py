"""Check-api-key: the owner of a key, and a request body that the operation does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

LABEL = "POST /v1/check-api-key"
pytestmark = pytest.mark.operations(LABEL)
OWNERS = ("organization_id", "owner_id")


def require_same_owner(api: Api, number: int) -> None:
    """Require that so many calls with one key report the same organization and owner."""
    first, *_, second = [api.call(LABEL) for _ in range(number)]
    changed = [name for name in OWNERS if first.body.get(name) != second.body.get(name)]
    api.require(
        "check-api-key.owner-same",
        not changed,
        second,
        location=f"/{changed[0]}" if changed else "",
        expected="the id of the first response",
        observed="another id",
    )


def require_body_ignored(api: Api, body: dict[str, object]) -> None:
    """Require that a JSON body, which the operation does not declare, does not matter."""
    response = api.call(LABEL, body=body, status=(200, 400, 422))
    api.require(
        "check-api-key.body-ignored",
        response.status == 200,
        response,
        expected="status 200, whatever the body contains",
        observed=str(response.status),
    )


def test_a_key_belongs_to_the_same_people_again(api: Api) -> None:
    """Two calls with one key report the same organization and owner."""
    require_same_owner(api, 2)


def test_a_body_does_no_harm(api: Api) -> None:
    """A JSON body, which the operation does not declare, does not matter: many clients send `{}`."""
    require_body_ignored(api, {"unasked": True})
