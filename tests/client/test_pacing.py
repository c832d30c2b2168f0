"""Rate limits are kept before a service complains."""

from __future__ import annotations

import pytest

from cohere_conformance.client.pacing import Pacer
from cohere_conformance.contract.tiers import shipped_policies
from cohere_conformance.model import Response

JOBS, CHAT, EMBED = "GET /v1/embed-jobs", "POST /v2/chat", "POST /v2/embed"


class Service:
    """A clock, and a pacer that goes by it.

    Args:
        share: of how many processes the pacer is one.
    """

    def __init__(self, share: int = 1) -> None:
        self.time = 1000.0
        self.pacer = Pacer(shipped_policies(), lambda: self.time, share=share)

    def call(self, label: str | None, **headers: int) -> float:
        """Wait, call, and return the seconds of the wait."""
        seconds = self.pacer.wait(label)
        self.time += seconds
        fields = tuple((f"x-trial-endpoint-call-{name}", str(value)) for name, value in headers.items())
        self.pacer.note(label, Response(200, fields))
        return seconds


def test_a_trial_key_is_recognised_by_its_headers_and_kept_to_its_limits() -> None:
    service = Service()
    service.call(CHAT, limit=20, remaining=19)
    assert service.pacer.trial
    assert [service.call(JOBS) for _ in range(6)] == [0, 0, 0, 0, 0, 60.5], (
        "five calls a minute are documented"
    )


def test_a_production_key_has_other_limits() -> None:
    service = Service()
    assert [service.call(JOBS) for _ in range(50)] == [0] * 50
    assert service.call(JOBS) == 60.5


def test_the_limit_that_the_service_names_wins() -> None:
    service = Service()
    service.call(CHAT, limit=3, remaining=2)
    assert [service.call(CHAT, limit=3) for _ in range(3)] == [0, 0, 60.5]


def test_where_no_call_remains_the_minute_is_waited_for() -> None:
    """Somebody else may use the same key."""
    service = Service()
    service.call(CHAT, limit=20, remaining=0)
    service.time += 10
    assert service.call(CHAT) == 50.5
    assert service.call(EMBED) == 0, "the limit is that of an endpoint"


def test_processes_share_the_limit() -> None:
    service = Service(share=2)
    service.call(CHAT, limit=4)
    assert [service.call(CHAT) for _ in range(2)] == [0, 60.5]


@pytest.mark.parametrize("value", ["", "-1", "many", "9" * 12])
def test_a_header_that_is_no_number_is_ignored(value: str) -> None:
    pacer = Pacer({}, lambda: 0.0)
    pacer.note(CHAT, Response(200, (("x-trial-endpoint-call-limit", value),)))
    assert (pacer.trial, pacer.wait(CHAT), pacer.wait(None)) == (False, 0.0, 0.0)
