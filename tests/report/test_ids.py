"""An id that only a list has belongs to what a request with the name beside it has created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import exchange

from cohere_conformance.report.ids import ids_in, looked_up

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange

CREATE, LIST = "POST /v2/batches", "GET /v2/batches"
BATCH, DATASET = "batch-0001", "dataset-0001"


def found(*exchanges: Exchange) -> dict[str, tuple[int, str]]:
    """Return what was looked up in some exchanges, after which the batch is read."""
    every = [*exchanges, exchange(f"GET /v2/batches/{BATCH}", {})]
    first: dict[str, int] = {}
    for number, one in enumerate(every):
        first = dict.fromkeys(ids_in(one), number) | first
    return {identity: tuple(one) for identity, one in looked_up(every, first).items()}


def created(name: str, body: Any = None, status: int = 200) -> Exchange:
    return exchange(CREATE, body or {"batch": {"name": name}}, request={"name": name}, status=status)


def listed(name: Any) -> Exchange:
    return exchange(LIST, {"batches": [{"id": BATCH, "name": name, "output_dataset_id": DATASET}]})


def test_it_is_what_the_last_request_with_the_name_has_created_in_any_case() -> None:
    assert found(created("night"), created("night"), created("day"), listed("NIGHT")) == {BATCH: (1, "night")}


@pytest.mark.parametrize(
    "exchanges",
    [
        [created("night", {"batch": {"id": BATCH}}), listed("night")],
        [created("night", status=400), listed("night")],
        [created("day"), listed("night")],
        [listed("night"), created("night")],
        [created("night"), listed(None)],
        [created("night"), exchange(LIST, {"batches": {"0": {"id": BATCH}}})],
        [created("night"), exchange("GET /v1/batches", {"batches": [{"id": BATCH, "name": "night"}]})],
    ],
)
def test_otherwise_nothing_is_looked_up(exchanges: list[Exchange]) -> None:
    assert found(*exchanges) == {}
