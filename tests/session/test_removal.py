"""What requests have made is removed, and with it what that has made in its turn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.cases import Credential, RequestTemplate, shipped_suite
from cohere_conformance.client.budget import Budget
from cohere_conformance.contract.tiers import Effect, shipped_policies
from cohere_conformance.errors import BudgetError
from cohere_conformance.model import Exchange, Expectation, Request, Response, Source
from cohere_conformance.session import patience
from cohere_conformance.session.api import Api
from cohere_conformance.session.patience import Patience
from cohere_conformance.session.removal import cost, pauses
from cohere_conformance.session.resources import Resources
from cohere_conformance.session.unique import Unique

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cohere_conformance.cases import Suite
    from cohere_conformance.contract import Contract
    from cohere_conformance.session.api import Judged

POLICIES = shipped_policies()
BEGIN, GET, CANCEL = "POST /v1/embed-jobs", "GET /v1/embed-jobs/{id}", "POST /v1/embed-jobs/{id}/cancel"
DELETE, REGISTER = "DELETE /v1/datasets/{id}", "POST /v1/connectors"
RESULT = "GET /v1/datasets/{id}"
BEGUN = "2026-11-22T10:00:00.5Z"
LOOKS = 8
"""Requests that it takes at most to see how a job has ended."""


@pytest.fixture
def suite() -> Suite:
    return shipped_suite()


class Server:
    """Sends the given responses of each operation; the last one is repeated."""

    def __init__(self, budget: Budget, answers: dict[str, list[tuple[int, Any]]]) -> None:
        self.sent: list[tuple[str, str]] = []
        self._budget = budget
        self._answers = answers

    def send(
        self, template: RequestTemplate, name: str, values: Mapping[str, str], expectation: Expectation
    ) -> Exchange:
        """Answer."""
        self._budget.spend()
        outgoing = template.outgoing(values, name=name)
        self.sent.append((outgoing.method, outgoing.path))
        responses = self._answers.get(template.operation, [(200, {})])
        status, body = responses.pop(0) if len(responses) > 1 else responses[0]
        request = Request(outgoing.method, f"http://127.0.0.1:1{outgoing.path}")
        return Exchange(request, Response(status, body=json.dumps(body).encode()), Source("run", name))

    def asked(self, operation: str) -> Exchange:
        """Answer an operation without parameters."""
        return self.send(RequestTemplate(operation), "test", {}, Expectation(status=(200,)))


class Bench:
    """Resources of a server whose answers are given, and whose time passes only while somebody waits."""

    def __init__(
        self,
        suite: Suite,
        contract: Contract,
        limit: int | None,
        answers: dict[str, list[tuple[int, Any]]],
        patience: Patience | None = None,
    ) -> None:
        self.budget = Budget(limit)
        self.server = Server(self.budget, answers)
        send = self.server.send
        self.resources = Resources(suite, contract, send, "r", Unique(), self.budget, patience=patience)

    def begin(self, operation: str = BEGIN, owner: str = "a", **values: str) -> Exchange:
        """Make something."""
        return self.resources.making(operation, owner, lambda: self.server.asked(operation), values)

    def removed(self, owner: str = "a") -> list[str]:
        """Remove it, and return what was sent for that."""
        before = len(self.server.sent)
        self.resources.clear(owner)
        return [" ".join(one) for one in self.server.sent[before:]]


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that were waited for, which nobody does."""
    found: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", found.append)
    return found


def job(*statuses: str, result: str = "", made: object = BEGUN) -> dict[str, list[tuple[int, Any]]]:
    """Return the answers of a server with a job that takes these steps."""
    responses = [{"job_id": "j", "status": status, "created_at": BEGUN} for status in statuses]
    responses[-1] |= {"output_dataset_id": result} if result else {}
    dataset = {"dataset": {"id": result, "created_at": made}}
    return {
        BEGIN: [(200, {"job_id": "j"})],
        GET: [(200, one) for one in responses],
        RESULT: [(200, dataset)],
    }


def test_every_resource_that_is_made_is_removed(suite: Suite) -> None:
    creating = {label for label, one in POLICIES.items() if one.effect is Effect.CREATES}
    made = [one for one in suite.resources.values() if one.create.operation in creating]
    assert len(made) > 50
    assert [one.name for one in made if not one.remove] == []


def test_a_job_is_stopped_and_what_it_has_made_is_deleted(suite: Suite, amended: Contract) -> None:
    bench = Bench(suite, amended, None, job("cancelling", "complete", result="d/1"))
    bench.begin()
    stop, look = "POST /v1/embed-jobs/j/cancel", "GET /v1/embed-jobs/j"
    seen = "GET /v1/datasets/d%2F1"
    assert bench.removed() == [stop, look, look, seen, "DELETE /v1/datasets/d%2F1"]
    assert bench.removed() == [], "it is removed once"


@pytest.mark.parametrize("made", [BEGUN, "2026-11-22T11:00:00.5+01:00", "2026-11-22T10:00:00.500000001Z"])
def test_a_result_that_is_as_old_as_the_job_is_its_own(made: str, suite: Suite, amended: Contract) -> None:
    bench = Bench(suite, amended, None, job("complete", result="d", made=made))
    bench.begin()
    assert bench.removed()[-1] == "DELETE /v1/datasets/d"


@pytest.mark.parametrize(
    "made",
    ["2026-11-22T10:00:00.4Z", "2020-01-01T00:00:00Z", "2026-11-22T10:00:01", "lately", "", None, 1e12],
)
def test_what_a_job_calls_its_result_is_left_alone_where_it_may_be_somebody_elses(
    made: object, suite: Suite, amended: Contract
) -> None:
    bench = Bench(suite, amended, None, job("complete", result="d", made=made))
    bench.begin()
    assert bench.removed()[-1] == "GET /v1/datasets/d"


def test_what_a_job_without_a_time_calls_its_result_is_left_alone(suite: Suite, amended: Contract) -> None:
    answers = job("complete", result="d")
    del answers[GET][0][1]["created_at"]
    bench = Bench(suite, amended, None, answers)
    bench.begin()
    assert bench.removed()[-1] == "GET /v1/datasets/d"


@pytest.mark.parametrize("result", ["", None, 0.5, ["d"]])
def test_a_job_that_has_made_nothing_leaves_nothing_to_delete(
    result: Any, suite: Suite, amended: Contract
) -> None:
    answers = job("cancelled")
    answers[GET][0][1]["output_dataset_id"] = result
    bench = Bench(suite, amended, None, answers)
    bench.begin()
    assert bench.removed() == ["POST /v1/embed-jobs/j/cancel", "GET /v1/embed-jobs/j"]


def test_a_job_that_never_ends_is_waited_for_once(
    suite: Suite, amended: Contract, waited: list[float]
) -> None:
    bench = Bench(suite, amended, None, job("processing"))
    bench.begin()
    assert len(bench.removed()) == 1 + LOOKS
    assert sum(waited) == pytest.approx(30)
    bench.begin()
    assert len(bench.removed()) == 1 + 1
    assert sum(waited) == pytest.approx(30)


@pytest.mark.parametrize(("seconds", "lasts"), [(2.0, 2), (600.0, 30)])
def test_the_callers_patience_holds_for_removals(
    seconds: float, lasts: float, suite: Suite, amended: Contract, waited: list[float]
) -> None:
    """Less than usual where the caller says so, and never more requests than were set aside."""
    bench = Bench(suite, amended, None, job("processing"), Patience(seconds))
    bench.begin()
    bench.removed()
    assert sum(waited) == pytest.approx(lasts)


@pytest.mark.parametrize("status", [404, 500])
def test_a_job_that_cannot_be_read_is_not_waited_for(
    status: int, suite: Suite, amended: Contract, waited: list[float]
) -> None:
    bench = Bench(suite, amended, None, {BEGIN: [(200, {"job_id": "j"})], GET: [(status, {})]})
    bench.begin()
    assert len(bench.removed()) == 2
    assert waited == []


def test_as_many_requests_are_reserved_as_a_removal_may_take(suite: Suite, amended: Contract) -> None:
    most = cost(suite.resources["embed-jobs.plain"].remove)
    # The last one is for the guard, which may have to see how old a thing is.
    assert most == 1 + LOOKS + 2 + 1
    # One to begin, and one that is spared.
    for limit in (most + 1, most + 2):
        bench = Bench(suite, amended, limit, job("processing", result="d"))
        if limit == most + 1:
            with pytest.raises(BudgetError, match="besides those that remove what it has created"):
                bench.begin()
            assert bench.server.sent == []
            continue
        bench.begin()
        with pytest.raises(BudgetError):
            bench.budget.spend()
        assert len(bench.removed()) == most - 1
        bench.budget.spend()


@pytest.mark.parametrize("status", [400, 500])
def test_a_refused_creation_is_not_removed_and_reserves_nothing(
    status: int, suite: Suite, amended: Contract
) -> None:
    bench = Bench(suite, amended, 14, {BEGIN: [(status, {"job_id": "j"})]})
    bench.begin()
    assert bench.removed() == []
    for _ in range(13):
        bench.budget.spend()


def test_a_request_that_cannot_be_sent_reserves_nothing(suite: Suite, amended: Contract) -> None:
    bench = Bench(suite, amended, 14, {})

    def lost() -> Exchange:
        raise BudgetError("sent twice")

    with pytest.raises(BudgetError, match="sent twice"):
        bench.resources.making(BEGIN, "a", lost, {})
    for _ in range(14):
        bench.budget.spend()


def test_a_resource_without_an_id_is_not_taken_for_another(suite: Suite, amended: Contract) -> None:
    connector = {"connector": {"name": "conformance tides", "organization_id": "o"}}
    bench = Bench(suite, amended, None, {REGISTER: [(200, connector)]})
    bench.begin(REGISTER, **{"connectors.tides.id": "in-use"})
    assert bench.removed() == []


def test_each_owner_has_its_own_things_and_the_end_is_for_all(suite: Suite, amended: Contract) -> None:
    answers: list[tuple[int, Any]] = [(200, {"connector": {"id": name}}) for name in "123"]
    bench = Bench(suite, amended, None, {REGISTER: answers})
    for owner in ("a", "b", "a"):
        bench.begin(REGISTER, owner)
    assert bench.removed("a") == ["DELETE /v1/connectors/3", "DELETE /v1/connectors/1"]
    bench.resources.remove()
    assert bench.server.sent[-1] == ("DELETE", "/v1/connectors/2")


def test_a_resource_is_made_only_if_it_can_be_removed(suite: Suite, amended: Contract) -> None:
    bench = Bench(suite, amended, 3, {REGISTER: [(200, {"connector": {"id": "1"}})]})
    with pytest.raises(BudgetError, match="at most 3 requests"):
        bench.resources.values(("connectors.bare",))
    assert bench.server.sent == []
    bench = Bench(suite, amended, 4, {REGISTER: [(200, {"connector": {"id": "1"}})]})
    assert bench.resources.values(("connectors.bare",))["connectors.bare.id"] == "1"
    bench.resources.remove()
    assert bench.server.sent == [("POST", "/v1/connectors"), ("DELETE", "/v1/connectors/1")]


def test_pauses_grow_up_to_the_limit() -> None:
    for seconds in (0.01, 1.0, 30.0, 600.0):
        found = pauses(seconds)
        assert sum(found) == pytest.approx(seconds)
        assert list(found[:-1]) == sorted(found[:-1])
    assert len(pauses(30)) == LOOKS - 1


def test_a_test_sends_nothing_again_that_was_sent_to_remove_what_it_has_made(amended: Contract) -> None:
    sent: list[str] = []

    def send(
        test: str, template: RequestTemplate, key: Credential, expectation: Expectation, clearing: bool
    ) -> Judged:
        sent.append(template.operation.format(**template.path))
        if template.path["id"] == "last":
            raise BudgetError("no request is left")
        return Exchange(Request("DELETE", "http://127.0.0.1:1/"), Response(200), Source("run", test)), (), ""

    def record(*_: object) -> None:
        raise AssertionError

    api = Api(
        "t", amended, send, record, profile="contract", unique="u",
        undo=lambda test: {("DELETE", "/v1/datasets/a%20%24%7Bb%7D")} if test == "t" else set(),
    )  # fmt: skip
    for identity in ("b", "a ${b}", "last", "b", "a ${b}"):
        api.later(DELETE, path={"id": identity})
    api.clear()
    assert sent == ["DELETE /v1/datasets/b", "DELETE /v1/datasets/last"]
    api.clear()
    assert len(sent) == 2
