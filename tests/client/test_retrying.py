"""A service that is asked too often is waited for, as long as that can be of use."""

from __future__ import annotations

import httpx
import pytest

from cohere_conformance.client.budget import Budget
from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.client.retrying import PatientSender
from cohere_conformance.client.sender import OPEN
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.tiers import shipped_policies
from cohere_conformance.errors import BudgetError

ASK = Outgoing("GET", "/v1/models")
TOO_OFTEN = b'{"message": "You are using a Trial key, which is limited to 20 API calls / minute."}'
THIS_MONTH = b'{"message": "You are using a Trial key, which is limited to 1000 API calls / month."}'


def sender(
    *answers: tuple[int, bytes, dict[str, str]], longest: float = 600.0, most: int | None = None
) -> tuple[PatientSender, list[float]]:
    """Return one that gets these answers, and the pauses that it makes."""
    coming, pauses = iter(answers), list[float]()

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["x-client-name"] == "cohere-conformance"
        status, body, headers = next(coming)
        if not status:
            raise httpx.ReadError("reset")
        return httpx.Response(status, content=body, headers=headers)

    transport = httpx.MockTransport(answer)
    made = PatientSender(
        "https://h", gate=OPEN, longest=longest, pause=pauses.append, transport=transport,
        budget=Budget(most), contract=load_contract(), policies=shipped_policies(), clock=lambda: 0.0,
        chance=lambda: 0.5,
    )  # fmt: skip
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


BUSY, LOST = (503, b"", {}), (0, b"", {})


@pytest.mark.parametrize(
    "outgoing",
    [
        ASK,
        Outgoing("GET", "/no-such-path"),
        Outgoing("POST", "/v2/chat", body=b"{}"),
        Outgoing("POST", "/v1/connectors", body=b"{}"),  # the canary of a retired operation
    ],
)
def test_what_reads_or_computes_is_sent_again_a_few_times(outgoing: Outgoing) -> None:
    asked, pauses = sender(BUSY, LOST, (502, b"", {}), (200, b"{}", {}))
    assert asked.send(outgoing).response.status == 200
    assert pauses == [1.0, 2.0, 4.0]
    asked, pauses = sender(*[BUSY] * 6)
    assert asked.send(outgoing).response.status == 503
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0]


@pytest.mark.parametrize(
    "outgoing",
    [
        Outgoing("POST", "/v1/datasets"),
        Outgoing("DELETE", "/v1/datasets/x"),
        Outgoing("POST", "/v9/unknown"),
        Outgoing("POST", "/v1/datasets", body=b"{}"),
        Outgoing("POST", "/v1/connectors", body=b'{"name": "a"}'),
    ],
)
def test_what_may_have_been_done_already_is_not_sent_again(outgoing: Outgoing) -> None:
    for answer in (BUSY, LOST):
        asked, pauses = sender(answer)
        assert asked.send(outgoing).response.status == answer[0]
        assert pauses == []


def test_a_limit_is_kept_before_the_service_complains() -> None:
    asked, pauses = sender(*[(200, b"{}", {"x-trial-endpoint-call-limit": "2"})] * 3)
    for _ in range(3):
        asked.send(ASK)
    assert pauses == [60.5]


def test_requests_with_another_key_are_not_counted() -> None:
    asked, pauses = sender(*[(401, b"{}", {"x-trial-endpoint-call-remaining": "0"})] * 3)
    for _ in range(3):
        asked.send(Outgoing("GET", "/v1/models", has_key=False))
    assert pauses == []


def test_every_attempt_counts_as_a_request() -> None:
    asked, _ = sender(*[(429, TOO_OFTEN, {})] * 4, most=2)
    with pytest.raises(BudgetError):
        asked.send(ASK)
