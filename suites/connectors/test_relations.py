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


def require_offset(api: Api, offset: int, limit: int) -> None:
    """Require that a page begins after as many connectors of the list as its offset."""
    if api.profile == "live-2026":
        pytest.skip("retired")
    for number in range(offset + 1):
        body = {"name": f"conformance page {number} {api.unique}", "url": "https://pages.example/search"}
        made = api.call(CREATE, body=body).at("/connector/id", str)
        api.later(REMOVE, path={"id": made})

    def listed(beginning: int, most: int) -> ApiResponse:
        return api.call(LIST, query=[("limit", str(most)), ("offset", str(beginning))])

    for _ in range(3):
        before = ids(listed(0, offset + limit))
        page = listed(offset, limit)
        after = ids(listed(0, offset + limit))
        # Connectors that others create or delete meanwhile shift the pages: compare pages of one state only.
        if before == after:
            break
    else:
        raise InconclusiveError(
            "not testable: expected a stable list of connectors, got changes in each of three attempts"
        )
    expected = before[offset : offset + limit]
    api.require(
        "connectors.offset",
        ids(page) == expected,
        page,
        location="/connectors",
        expected=f"the connectors after the first {offset} of the list, {expected}",
        observed=ids(page),
    )


def test_pages_begin_after_the_offset(api: Api) -> None:
    """With `offset` 1 and `limit` 1 the list holds the second connector of the list with `limit` 2."""
    require_offset(api, 1, 1)
