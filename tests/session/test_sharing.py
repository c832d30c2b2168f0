"""A night sends a request once: other cases get the response that it already has."""

from __future__ import annotations

import pytest

from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.model import Exchange, Failure, FailureKind, Request, Response
from cohere_conformance.session.sharing import SharedResponses, shareable

CHAT = "POST /v2/chat"
OUTGOING = Outgoing("POST", "/v2/chat", (), b"{}")


def exchange(status: int = 200, failure: Failure | None = None) -> Exchange:
    return Exchange(
        Request("POST", "https://api.cohere.com/v2/chat", (), b"{}"),
        Response(status, (), b"{}", failure=failure),
        "test",
    )


def shared() -> SharedResponses:
    responses = SharedResponses(active=True)
    responses.add("one", CHAT, OUTGOING, exchange())
    return responses


def test_another_case_gets_the_response_once() -> None:
    """A case that sends a request twice compares the responses, so that the second one is its own."""
    responses = shared()
    assert responses.find("two", OUTGOING) == exchange()
    assert responses.find("two", OUTGOING) is None
    assert responses.find("three", OUTGOING) == exchange()


def test_the_case_that_has_sent_the_request_sends_it_again() -> None:
    assert shared().find("one", OUTGOING) is None


@pytest.mark.parametrize(
    "other",
    [
        Outgoing("POST", "/v2/chat", (), b"{ }"),
        Outgoing("POST", "/v2/chat", (("x-debug", "1"),), b"{}"),
        Outgoing("POST", "/v2/chat", (), b"{}", has_key=False),
    ],
)
def test_another_request_is_sent(other: Outgoing) -> None:
    assert shared().find("two", other) is None


def test_only_conclusive_responses_of_operations_that_compute_are_shared() -> None:
    assert shareable(CHAT, exchange())
    assert shareable(CHAT, exchange(400))
    assert not shareable("GET /v1/datasets", exchange()), "another case may have created one"
    assert not shareable("POST /v9/unknown", exchange())
    for status in (401, 429, 500, 503):
        assert not shareable(CHAT, exchange(status))
    assert not shareable(CHAT, exchange(0, Failure(FailureKind.TIMEOUT, "no response")))
