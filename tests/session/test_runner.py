"""One case against a target: what is sent, what is left out, how it ends, and what is written down."""

from __future__ import annotations

import json
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest

from cohere_conformance.cases import Case, shipped_suite
from cohere_conformance.client.budget import Budget
from cohere_conformance.client.sender import Sender
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.tiers import Tier, shipped_policies
from cohere_conformance.fuzz.candidate import Candidate, Expected, GenerationMode
from cohere_conformance.fuzz.runner import FuzzRunner
from cohere_conformance.model import Severity
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.report import Header, Journal, Mode, Opening
from cohere_conformance.session import patience, permission
from cohere_conformance.session.judging import Judge, JudgeSettings
from cohere_conformance.session.plan import LIVE_TIERS, Plan, TargetKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cohere_conformance.session.result import CaseResult

    Answer = Callable[[httpx.Request], httpx.Response]

LIVE = "https://api.cohere.com"
SUITE = shipped_suite()
CASES = {case.id: case for case in SUITE.cases}
GROUPS = frozenset(case.group for case in SUITE.cases)
JUDGE = Judge(JudgeSettings())
RERANK = {
    "id": "9dfd50ed-1b2c-4f28-9d8c-8b6a3cbd5bd1",
    "results": [{"index": 0, "relevance_score": 0.9}],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
}
LABELS = frozenset(load_contract().operations)
PLAN = Plan(
    target_kind=TargetKind.LIVE, url=LIVE, profile="live-2026",
    declares=LABELS, declared=(), selected=GROUPS, cases=frozenset(),
    tiers=LIVE_TIERS, max_requests=None, key=Secret("co-test-0123456789abcdef"), faults=(),
)  # fmt: skip


class Bench:
    """A runner whose target is a function."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.sent: list[httpx.Request] = []

    def run(
        self, *cases: Case, answer: Answer, plan: Plan = PLAN, limit: int | None = None
    ) -> list[CaseResult]:
        with self.runner(answer, plan, limit) as runner:
            return [runner.run(case) for case in cases]

    @contextmanager
    def runner(self, answer: Answer, plan: Plan = PLAN, limit: int | None = None) -> Iterator[FuzzRunner]:
        def respond(request: httpx.Request) -> httpx.Response:
            request.read()
            self.sent.append(request)
            return answer(request)

        header = Header(
            tool="t", version="0", contract_version="c", contract_digest="d", mode=Mode.AMENDED, inputs=(),
            started_at="2026-11-01T00:00:00Z",
        )  # fmt: skip
        transport = httpx.MockTransport(respond)
        guard = permission.guard(plan, JUDGE.contract)
        with (
            Journal(self.home, Opening(worker="main", header=header)) as journal,
            Sender(LIVE, gate=guard, key=plan.key, transport=transport, budget=Budget(limit)) as sender,
        ):
            runner = FuzzRunner(
                plan,
                SUITE,
                JUDGE,
                sender,
                journal,
                guard=guard,
                authorizations={},
                fail_on=Severity.ADDITIVE,
                run="r",
            )
            yield runner
            runner.close()

    @property
    def records(self) -> list[dict[str, object]]:
        lines = (self.home / "journal-main.jsonl").read_text(encoding="utf-8").splitlines()
        return [line for line in map(json.loads, lines) if line["line"] == "record"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def derived(name: str) -> Candidate:
    """Return a request of the fuzzer that is the one of a case."""
    case = CASES[name]
    return Candidate(
        GenerationMode.POSITIVE,
        name,
        "",
        "unchanged",
        case.template,
        Expected.EITHER,
        needs=case.needs,
    )


def always(status: int, body: object = None) -> Answer:
    content = {"message": "no", "id": RERANK["id"]} if body is None else body
    return lambda request: httpx.Response(status, json=content)


def test_operations_that_cost_or_change_are_not_sent_to_a_live_host(bench: Bench) -> None:
    dangerous = [case for case in SUITE.cases if case.tier not in LIVE_TIERS]
    assert len(dangerous) > 50
    results = bench.run(*dangerous, answer=always(200, RERANK))
    assert {result.outcome for result in results} == {"skipped"}
    assert bench.sent == []


def test_resources_of_a_harmless_case_are_not_created_on_a_live_host(bench: Bench) -> None:
    needing = [
        case
        for case in SUITE.cases
        if case.tier in LIVE_TIERS
        and any(resource.tier not in LIVE_TIERS for resource in SUITE.in_order(case.needs))
    ]
    assert needing
    results = bench.run(*needing, answer=always(200, RERANK))
    assert {result.outcome for result in results} == {"skipped"}
    assert bench.sent == []


def test_no_operation_that_deletes_is_harmless() -> None:
    policies = shipped_policies()
    for case in SUITE.cases:
        effect = policies[case.operation].effect
        if effect in {"destroys", "changes"} and case.tier in LIVE_TIERS:
            assert set(case.expect.status) <= {400, 401, 404, 422}, case.id


@pytest.mark.parametrize("status", [401, 402, 403, 429, 500, 503, 504])
def test_an_error_of_a_live_service_is_inconclusive(bench: Bench, status: int) -> None:
    [result] = bench.run(CASES["rerank.v2.plain"], answer=always(status))
    assert result.outcome == "inconclusive"
    assert result.findings == ()
    assert str(status) in result.reason


@pytest.mark.parametrize("status", [401, 429, 500])
def test_on_this_machine_the_same_response_is_a_finding(bench: Bench, status: int) -> None:
    plan = msgspec.structs.replace(PLAN, target_kind=TargetKind.OWN)
    [result] = bench.run(CASES["rerank.v2.plain"], answer=always(status), plan=plan)
    assert result.outcome == "failed"
    assert "status-unexpected" in {finding.kind for finding in result.findings}


def test_an_expected_error_status_is_judged_on_a_live_host_too(bench: Bench) -> None:
    [right, violation] = bench.run(
        CASES["rerank.v2.no-key"], CASES["rerank.v2.wrong-key"], answer=lambda request: (
            httpx.Response(401, json={"message": "no api key supplied"})
            if "authorization" not in request.headers else httpx.Response(200, json=RERANK)
        ),
    )  # fmt: skip
    assert (right.outcome, violation.outcome) == ("passed", "failed")


def test_no_response_is_inconclusive_on_a_live_host_only(bench: Bench) -> None:
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    results = bench.run(*[CASES["rerank.v2.plain"]] * 8, answer=gone)
    assert {result.outcome for result in results[:5]} == {"inconclusive"}
    assert {result.outcome for result in results[5:]} == {"error"}
    assert len(bench.sent) == 5, "five in a row are enough"


def test_a_response_in_between_begins_the_count_anew(bench: Bench) -> None:
    """Sending stops after five requests in a row without a response; four, then one with, do not count."""
    numbers = iter(range(100))

    def now_and_then(request: httpx.Request) -> httpx.Response:
        if next(numbers) == 4:
            return httpx.Response(200, json=RERANK)
        raise httpx.ConnectError("refused")

    results = bench.run(*[CASES["rerank.v2.plain"]] * 11, answer=now_and_then)
    assert [result.outcome == "error" for result in results] == [False] * 10 + [True]
    assert len(bench.sent) == 10


def test_a_response_in_between_begins_the_count_anew_when_fuzzing(bench: Bench) -> None:
    """The same of derived requests; after five in a row the target is asked once more, and is gone."""
    numbers = iter(range(100))

    def now_and_then(request: httpx.Request) -> httpx.Response:
        if next(numbers) == 4:
            return httpx.Response(200, json=RERANK)
        raise httpx.ConnectError("refused")

    with bench.runner(now_and_then) as runner:
        sent = [runner.attempt("t", derived("rerank.v2.plain")) for _ in range(12)]
    assert [one.gone.startswith("not sent") for one in sent] == [False] * 10 + [True] * 2
    assert len(bench.sent) == 11


def test_the_budget_is_never_exceeded(bench: Bench) -> None:
    results = bench.run(*[CASES["rerank.v2.plain"]] * 6, answer=always(200, RERANK), limit=4)
    assert len(bench.sent) == 4
    assert [result.outcome for result in results[4:]] == ["inconclusive"] * 2


def test_cases_of_undeclared_groups_and_unknown_keys_are_skipped(bench: Bench) -> None:
    plan = msgspec.structs.replace(PLAN, declares=frozenset({"POST /v2/embed"}), tiers=frozenset(Tier))
    trial = next(case for case in SUITE.cases if case.key == "trial")
    other = msgspec.structs.replace(PLAN, tiers=frozenset(Tier))
    [undeclared] = bench.run(CASES["rerank.v2.plain"], answer=always(200, RERANK), plan=plan)
    assert (undeclared.outcome, undeclared.reason) == (
        "skipped",
        "group rerank not declared by the target",
    )
    (bench.home / "journal-main.jsonl").unlink()
    half = msgspec.structs.replace(plan, declares=frozenset({"POST /v1/rerank"}))
    [single] = bench.run(CASES["rerank.v2.plain"], answer=always(200, RERANK), plan=half)
    assert single.reason == "POST /v2/rerank not declared by the target"
    (bench.home / "journal-main.jsonl").unlink()
    needing = next(case for case in SUITE.cases if case.group == "embed-jobs" and case.needs)
    jobs = msgspec.structs.replace(plan, declares=frozenset({needing.template.operation}))
    [needy] = bench.run(needing, answer=always(200, RERANK), plan=jobs)
    assert "needs group datasets" in needy.reason
    assert needy.reason.endswith(", not declared by the target")
    (bench.home / "journal-main.jsonl").unlink()
    [keyless] = bench.run(trial, answer=always(200, RERANK), plan=other)
    assert (keyless.outcome, keyless.reason) == ("skipped", "no trial key known for the target")


def test_every_result_is_recorded_with_its_exchange(bench: Bench) -> None:
    bench.run(CASES["rerank.v2.plain"], CASES["rerank.v2.no-key"], answer=always(429))
    assert [(record["case"], record["outcome"]) for record in bench.records] == [
        ("rerank.v2.plain", "inconclusive"),
        ("rerank.v2.no-key", "inconclusive"),
    ]
    assert all(record["exchange"] for record in bench.records)
    assert "co-test-0123456789abcdef" not in (bench.home / "journal-main.jsonl").read_text(encoding="utf-8")


# -- resources


def dataset(request: httpx.Request) -> httpx.Response:
    if request.method == "POST":
        return httpx.Response(200, json={"id": "made-1"})
    if request.method == "DELETE":
        return httpx.Response(200, json={})
    dataset = {"id": "made-1", "validation_status": "processing", "created_at": "2999-01-01T00:00:00Z"}
    return httpx.Response(200, json={"dataset": dataset})


def test_what_was_made_is_removed_although_it_never_got_ready(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = next(
        case for case in SUITE.cases
        if case.group == "datasets" and any(one.remove and one.wait for one in SUITE.in_order(case.needs))
    )  # fmt: skip
    # Only that module's clock: other threads of this process go by the real one.
    clock = SimpleNamespace(monotonic=iter(range(0, 10_000, 100)).__next__, sleep=lambda seconds: None)
    monkeypatch.setattr(patience, "time", clock)
    plan = msgspec.structs.replace(PLAN, tiers=frozenset(Tier), target_kind=TargetKind.OWN)
    [result] = bench.run(case, answer=dataset, plan=plan)
    assert result.outcome == "failed"
    assert "not ready" in result.reason
    methods = [request.method for request in bench.sent]
    assert methods.count("POST") == methods.count("DELETE") == 1
    assert methods[-1] == "DELETE"
    assert all(record["setup"] for record in bench.records[:-2])


@pytest.mark.parametrize("fuzzing", [False, True], ids=["written", "derived"])
@pytest.mark.parametrize(
    ("status", "number"), [(200, 2), (204, 2), (404, 1), (422, 1), (500, 1)], ids="status {}".format
)
def test_what_was_taken_away_is_made_anew_and_what_was_not_is_used_again(
    status: int, number: int, fuzzing: bool, bench: Bench
) -> None:
    """A second case with the same resource gets a new one only where the first has destroyed it."""
    made: list[str] = []

    def server(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            return httpx.Response(status, json={})
        if request.method == "POST":
            made.append(f"made-{len(made)}")
            return httpx.Response(200, json={"id": made[-1]})
        if not request.url.path.startswith("/v1/datasets/made"):
            return httpx.Response(200, json={"datasets": []})
        shown = {"id": made[-1], "validation_status": "validated", "created_at": "2999-01-01T00:00:00Z"}
        return httpx.Response(200, json={"dataset": shown})

    plan = msgspec.structs.replace(PLAN, tiers=frozenset(Tier), target_kind=TargetKind.OWN)
    if fuzzing:
        with bench.runner(server, plan) as runner:
            for _ in range(2):
                runner.attempt("t", derived("datasets.delete.plain"))
    else:
        bench.run(*[CASES["datasets.delete.plain"]] * 2, answer=server, plan=plan)
    assert len(made) == number


def test_every_operation_has_cases_enough() -> None:
    numbers = dict.fromkeys(load_contract().operations, 0)
    for case in SUITE.cases:
        numbers[case.operation] += 1
    assert min(numbers.values()) >= 3
    assert sum(numbers.values()) >= 6 * len(numbers)


@pytest.mark.parametrize(("planned", "sent"), [(True, 1), (False, 2)])
def test_a_night_sends_the_request_of_two_cases_once(bench: Bench, planned: bool, sent: int) -> None:
    """Both cases are judged by its response. A run without a plan sends it for each."""
    first = CASES["rerank.v2.plain"]
    second = msgspec.structs.replace(first, id="rerank.v2.same")
    plan = msgspec.structs.replace(PLAN, planned=planned)
    results = bench.run(first, second, answer=lambda _: httpx.Response(200, json=RERANK), plan=plan)
    assert results[0].outcome == results[1].outcome
    assert len(bench.sent) == sent
    assert [record["case"] for record in bench.records] == [first.id, second.id]
    assert all(record["exchange"] for record in bench.records)
