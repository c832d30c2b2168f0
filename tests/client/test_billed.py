"""What responses say was billed, and a budget that ends with it."""

from __future__ import annotations

import pytest

from cohere_conformance.client.billed import billed_units
from cohere_conformance.client.budget import Budget
from cohere_conformance.errors import BudgetError
from cohere_conformance.model import Response, StreamEvent


@pytest.mark.parametrize(
    ("body", "billed"),
    [
        (
            b'{"meta": {"billed_units": {"input_tokens": 3, "output_tokens": 4.0}}}',
            {"input_tokens": 3, "output_tokens": 4, "tokens": 7},
        ),
        (b'{"usage":{"billed_units":{"search_units":2}}}', {"search_units": 2}),
        (b'data: {"billed_units": {"input_tokens": 1}}\n\ndata: {"billed_units": {"input_tokens": 5}}\n\n',
         {"input_tokens": 5, "tokens": 5}),
        (b'{"text": "\\"billed_units\\": {\\"input_tokens\\": 9}"}', {}),
        (b'{"meta": {"billed_units": {"images": 0, "pages": true, "x": null}}}', {}),
        (b'"billed_units": {broken}', {}),
        (b"\xff", {}),
        (None, {}),
    ],
)  # fmt: skip
def test_what_was_billed(body: bytes | None, billed: dict[str, float]) -> None:
    assert billed_units(Response(200, body=body)) == billed


def test_events_of_a_recording_count_as_well() -> None:
    event = StreamEvent('{"response": {"meta": {"billed_units": {"output_tokens": 6}}}}')
    assert billed_units(Response(200, events=(event,)))["tokens"] == 6


def test_a_budget_ends_when_so_much_was_billed() -> None:
    budget = Budget(None, max_billed={"tokens": 10})
    budget.bill({"tokens": 9, "pages": 100})
    reserve = budget.reserve(1)
    budget.spend()
    budget.bill({"tokens": 2})
    with pytest.raises(BudgetError, match=r"at most 10 billed tokens, responses said 11.*--max-billed"):
        budget.spend()
    with reserve.spending():
        budget.spend()  # what was created is removed all the same
    assert budget.billed == {"tokens": 11, "pages": 100}
