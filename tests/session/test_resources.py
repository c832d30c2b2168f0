"""Resources that a server never gets ready: how long they are waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance.cases import shipped_suite
from cohere_conformance.model import Exchange, Expectation, Request, Response, Source
from cohere_conformance.session import patience
from cohere_conformance.session.resources import MissingError, Resources
from cohere_conformance.session.unique import Unique

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cohere_conformance.cases import Suite
    from cohere_conformance.cases.request_template import RequestTemplate
    from cohere_conformance.contract import Contract


class Clock:
    """Time that passes only while somebody sleeps."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(patience, "time", made)
    return made


@pytest.fixture
def suite() -> Suite:
    return shipped_suite()


def queued(
    template: RequestTemplate, name: str, values: Mapping[str, str], expectation: Expectation
) -> Exchange:
    """Answer as a server on which every dataset and job is queued for ever."""
    body = b'{"id": "a", "job_id": "a", "dataset": {"id": "a", "validation_status": "queued"}}'
    method, _, path = template.operation.partition(" ")
    url = f"http://127.0.0.1:1{path}"
    return Exchange(Request(method, url), Response(200, body=body), Source("run", name))


def test_after_one_that_was_never_ready_others_of_its_kind_are_hardly_waited_for(
    amended: Contract, suite: Suite, clock: Clock
) -> None:
    """What is never ready costs its patience once: all datasets are of one kind, whoever needs them."""
    made = Resources(suite, amended, queued, "r", Unique())
    lasted = {}
    for name in ("datasets.reviews", "datasets.opinions", "embed-jobs.diary"):
        before = clock.now
        with pytest.raises(MissingError, match=f"{name} was not ready after"):
            made.values((name,))
        lasted[name] = clock.now - before
    assert lasted == pytest.approx(
        {"datasets.reviews": 60, "datasets.opinions": 0.5, "embed-jobs.diary": 0.5}
    )
    with pytest.raises(MissingError, match=r"datasets\.reviews was not ready after 60 s"):
        made.values(("datasets.reviews",))
    assert clock.now == pytest.approx(61), "what failed once is not tried again"
