"""Connectors: what several answers about them must have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import pytest

from cohere_conformance.session.api import InconclusiveError

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

CREATE, LIST, REMOVE = "POST /v1/connectors", "GET /v1/connectors", "DELETE /v1/connectors/{id}"
pytestmark = pytest.mark.operations(CREATE, LIST, REMOVE)


class Listed(TypedDict):
    """What is read of a connector in a list."""

    id: str


def ids(response: ApiResponse) -> list[str]:
    return [one["id"] for one in response.at("/connectors", list[Listed])]


def test_pages_begin_after_the_offset(api: Api) -> None:
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
        # What others make or delete meanwhile moves the pages.
        if before == after:
            break
    else:
        raise InconclusiveError("the list of connectors changes all the time")
    api.require(
        "connectors.offset",
        ids(page) == before[1:2],
        page,
        location="/connectors",
        expected=f"the connector that is the second of two: {before[1:2]}",
        observed=ids(page),
    )
