"""Resources that a server never gets ready, or that must not be made ready: what becomes of the cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from running import called
from third_party import third_party

from cohere_conformance.cases import shipped_suite
from cohere_conformance.errors import OwnershipError, RefusedError
from cohere_conformance.model import Exchange, Expectation, Request, Response, Source
from cohere_conformance.session import patience
from cohere_conformance.session.resources import MissingError, Resources
from cohere_conformance.session.unique import Unique

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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


def test_what_must_not_be_made_ready_is_missing_for_every_case(amended: Contract, suite: Suite) -> None:
    """A connector that must not be deleted is no deleted one: a case that needs one would prove nothing."""
    sent: list[str] = []

    def guarded(
        template: RequestTemplate, name: str, values: Mapping[str, str], expectation: Expectation
    ) -> Exchange:
        method, _, path = template.operation.partition(" ")
        sent.append(method)
        if method == "DELETE":
            raise OwnershipError("DELETE of something older", claimed=True)
        response = Response(200, body=b'{"connector": {"id": "a"}}')
        return Exchange(Request(method, f"http://127.0.0.1:1{path}"), response, Source("run", name))

    made = Resources(suite, amended, guarded, "r", Unique())
    for _ in range(3):
        with pytest.raises(RefusedError, match="DELETE of something older"):
            made.values(("connectors.deleted",))
    assert sent == ["POST", "DELETE"], "another one would be left on the target as well"


@pytest.mark.parametrize(
    ("status", "body", "ready"),
    [
        (200, b"{}", True),
        (204, b"", True),
        (200, b"", True),
        (404, b"", False),
        (200, b'{"message": "no"}', False),
    ],
)
def test_an_empty_response_to_a_deletion_says_that_it_is_done(
    amended: Contract, suite: Suite, clock: Clock, status: int, body: bytes, *, ready: bool
) -> None:
    deletions = 0

    def answered(
        template: RequestTemplate, name: str, values: Mapping[str, str], expectation: Expectation
    ) -> Exchange:
        nonlocal deletions
        method, _, path = template.operation.partition(" ")
        response = Response(200, body=b'{"connector": {"id": "a"}}')
        if method == "DELETE":
            deletions += 1
            response = Response(status, headers=(("content-type", "application/json"),), body=body)
        return Exchange(Request(method, f"http://127.0.0.1:1{path}"), response, Source("run", name))

    made = Resources(suite, amended, answered, "r", Unique())
    if ready:
        assert made.values(("connectors.deleted",))["connectors.deleted.id"] == "a"
        assert deletions == 1, "a second one would not find it"
    else:
        with pytest.raises(MissingError, match="was not ready"):
            made.values(("connectors.deleted",))


def test_a_server_that_does_not_say_when_something_was_created_has_one_cause(tmp_path: Path) -> None:
    def since_1970(body: Any) -> Any:
        if isinstance(body, dict) and isinstance(one := body.get("connector"), dict):
            one["created_at"] = 1_700_000_000
        return body

    with third_party(change=since_1970) as url:
        done = called(tmp_path, "run", "--url", url, "--only", "connectors", "--no-sdk-effect")
    assert done.code == 1
    (cause,) = done.report["causes"]
    assert cause["title"] == "connector.created_at is 1700000000"
