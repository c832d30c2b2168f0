"""A service that is asked too often is waited for, as long as that can be of use."""

from __future__ import annotations

import httpx
import pytest

from cohere_conformance.client.budget import Budget
from cohere_conformance.client.retrying import PatientSender
from cohere_conformance.client.sender import OPEN, Outgoing
from cohere_conformance.errors import BudgetError

ASK = Outgoing("GET", "/v1/models")
TOO_OFTEN = b'{"message": "You are using a Trial key, which is limited to 20 API calls / minute."}'
THIS_MONTH = b'{"message": "You are using a Trial key, which is limited to 1000 API calls / month."}'


def sender(
    *answers: tuple[int, bytes, dict[str, str]], longest: float = 600.0, most: int | None = None
) -> tuple[PatientSender, list[float]]:
    """Return one that gets these answers, and the pauses that it makes."""
    coming, pauses = iter(answers), list[float]()

    def answer(_: httpx.Request) -> httpx.Response:
        status, body, headers = next(coming)
        return httpx.Response(status, content=body, headers=headers)

    transport = httpx.MockTransport(answer)
    made = PatientSender(
        "https://h", gate=OPEN, longest=longest, pause=pauses.append, transport=transport, budget=Budget(most)
    )
    return made, pauses


def test_a_response_other_than_429_is_returned_at_once() -> None:
    asked, pauses = sender((200, b"{}", {}))
    assert asked.send(ASK).response.status == 200
    assert pauses == []


def test_after_a_429_the_request_is_sent_again_a_minute_later() -> None:
    asked, pauses = sender((429, TOO_OFTEN, {}), (429, TOO_OFTEN, {}), (200, b"{}", {}))
    exchange = asked.send(ASK, position="models.list")
    assert (exchange.response.status, exchange.source.position) == (200, "models.list")
    assert pauses == [60.0, 60.0]


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0", 1.0), ("Mon, 23 Nov 2026 10:00:00 GMT", 60.0), ("-1", 60.0)]
)
def test_retry_after_is_obeyed(header: str, seconds: float) -> None:
    asked, pauses = sender((429, TOO_OFTEN, {"retry-after": header}), (200, b"{}", {}))
    assert asked.send(ASK).response.status == 200
    assert pauses == [seconds]


def test_a_monthly_limit_is_returned() -> None:
    asked, pauses = sender((429, THIS_MONTH, {}))
    assert asked.send(ASK).response.status == 429
    assert pauses == []


def test_the_time_for_waiting_is_limited() -> None:
    asked, pauses = sender(*[(429, TOO_OFTEN, {})] * 4, longest=130)
    assert asked.send(ASK).response.status == 429
    assert asked.send(ASK).response.status == 429
    assert pauses == [60.0, 60.0]


def test_every_attempt_counts_as_a_request() -> None:
    asked, _ = sender(*[(429, TOO_OFTEN, {})] * 4, most=2)
    with pytest.raises(BudgetError):
        asked.send(ASK)
