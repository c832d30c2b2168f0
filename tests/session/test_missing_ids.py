"""Ids that the response to a creation lacks are those of the list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from builders import exchange

from cohere_conformance.session.missing_ids import place_of_id, with_id

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange

CREATE = "POST /v2/batches"


def batch(identity: str, name: str, created: str = "2026-11-30T10:00:00Z") -> dict[str, str]:
    return {"id": identity, "name": name, "created_at": created}


def created(body: Any, *listed: dict[str, str], call: str = CREATE, status: int = 200) -> Any:
    """Return what is read of the response to a creation, and how often the list was asked for."""
    asked: list[str] = []

    def ask(operation: str) -> Exchange:
        asked.append(operation)
        return exchange(operation, {"batches": [*listed]})

    found = with_id(CREATE, exchange(call, body, request={"name": "night-1"}, status=status), ask)
    return json.loads(found.response.body or b""), asked


def test_a_missing_id_is_that_of_the_list() -> None:
    found, asked = created(
        {"batch": {"name": "NIGHT-1"}}, batch("b", "night-2"), batch("a", "NIGHT-1"), {"name": "night-1"}
    )
    assert (found["batch"]["id"], asked) == ("a", ["GET /v2/batches"])


def test_of_several_with_the_name_it_is_the_newest() -> None:
    listed = [batch("a", "night-1"), batch("b", "night-1", "2026-11-30T11:00:00Z")]
    assert created({"batch": {"id": None}}, *listed)[0]["batch"]["id"] == "b"
    undated = {name: value for name, value in listed[0].items() if name != "created_at"}
    assert created({"batch": {"id": None}}, undated, listed[1])[0]["batch"]["id"] is None


@pytest.mark.parametrize("body", [{"batch": {"id": "c"}}, {"batch": None}, {}, [], "text"])
def test_what_has_an_id_or_no_resource_is_left_as_it_is(body: Any) -> None:
    assert created(body, batch("a", "night-1")) == (body, [])


def test_nothing_is_looked_up_for_a_refusal_or_another_operation() -> None:
    refused = {"batch": {}}
    assert created(refused, batch("a", "night-1"), status=400) == (refused, [])
    assert place_of_id("GET /v2/batches") == ""
    assert place_of_id(CREATE) == "/batch/id"


def test_what_is_not_listed_has_no_id() -> None:
    assert created({"batch": {}}, batch("a", "night-2"))[0] == {"batch": {}}
