"""Connectors: pages of the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import pytest

from cohere_conformance.session.api import InconclusiveError

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

CREATE, LIST, REMOVE = "POST /v1/connectors", "GET /v1/connectors", "DELETE /v1/connectors/{id}"
pytestmark = pytest.mark.operations(CREATE, LIST, REMOVE)


class Listed(TypedDict):
    """The property of a listed connector that the test reads."""

    id: str


def ids(response: ApiResponse) -> list[str]:
    """Return the ids of a list, in its order."""
    return [connector["id"] for connector in response.at("/connectors", list[Listed])]


def test_pages_begin_after_the_offset(api: Api) -> None:
    """With `offset` 1 and `limit` 1 the list holds the second connector of the list with `limit` 2."""
    if api.profile == "live-2026":
        pytest.skip("retired")
    for number in range(2):
        body = {"name": f"conformance page {number} {api.unique}", "url": "https://pages.example/search"}
        made = api.call(CREATE, body=body).at("/connector/id", str)
        api.later(REMOVE, path={"id": made})
    for _ in range(3):
        before = ids(api.call(LIST, query=[("limit", "2"), ("offset", "0")]))
        page = api.call(LIST, query=[("limit", "1"), ("offset", "1")])
        after = ids(api.call(LIST, query=[("limit", "2"), ("offset", "0")]))
        # Connectors that others create or delete meanwhile shift the pages: compare pages of one state only.
        if before == after:
            break
    else:
        raise InconclusiveError(
            "not testable: expected a stable list of connectors, got changes in each of three attempts"
        )
    api.require(
        "connectors.offset",
        ids(page) == before[1:2],
        page,
        location="/connectors",
        expected=f"the second connector of the list, {before[1:2]}",
        observed=ids(page),
    )
