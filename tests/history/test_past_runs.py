"""What a history stores of a report: which target it was, and where the run has looked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cohere_conformance.history import past_run, target_name
from cohere_conformance.history.past import PastFinding
from cohere_conformance.model import Exchange, Request, Response, Severity, Source
from cohere_conformance.report import (
    CaseCoverage,
    CaseEnd,
    ConfigurationUsed,
    Header,
    Mode,
    NightPlan,
    Report,
    Tally,
    Target,
)
from cohere_conformance.report.shard import Shard

CHAT, EMBED = "POST /v2/chat", "POST /v2/embed"
NOTHING = CaseCoverage(run=2, passed=2, failed=0, inconclusive=0, error=0, skipped=0)


def header(**given: Any) -> Header:
    fixed = Header(
        tool="cohere-conformance",
        version="1",
        contract_version="1",
        contract_digest="sha256:1",
        mode=Mode.AMENDED,
        inputs=(),
        started_at="2026-11-29T00:00:00Z",
    )
    return msgspec.structs.replace(fixed, **given)


def report(cases: CaseCoverage | None = None, exit_code: int | None = None, **given: Any) -> Report:
    """Return the report of a run that has called chat."""
    tally = Tally()
    request = Request("POST", "https://api.cohere.com/v2/chat", (), b"{}")
    exchange = Exchange(request, Response(200, (), b"{}"), Source("a.har", "entry 1", None))
    tally.add(exchange, CHAT, [], "application/json", case="" if cases is None else "chat.plain")
    return tally.finish(
        header(**given),
        {CHAT: "chat", EMBED: "embed"},
        finished_at="2026-11-29T00:00:01Z",
        cases=cases,
        exit_code=exit_code,
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"target": Target(url="http://Localhost:4000/cohere/")}, "http://localhost:4000/cohere"),
        ({"target": Target(url="https://api.cohere.com")}, "https://api.cohere.com:443"),
        ({"target": Target(url="http://[::1]")}, "http://[::1]:80"),
        ({"target": Target(url="unix:///run/gateway.sock")}, "unix:///run/gateway.sock"),
        (
            {"target": Target(url="reference server (embedded)", profile="live-2026", serve=("serve",))},
            "embedded, profile live-2026",
        ),
        ({"inputs": ("b.har", "a.har")}, "a.har b.har"),
        (
            {
                "target": Target(url="http://localhost:4000"),
                "configuration": ConfigurationUsed(file="conformance.toml", name="gateway"),
            },
            "gateway",
        ),
    ],
)
def test_a_target_is_known_by_its_name_its_address_or_its_inputs(
    given: dict[str, Any], expected: str
) -> None:
    assert target_name(header(**given)) == expected


def test_a_run_has_looked_at_what_its_cases_have_called() -> None:
    assert past_run(report(NOTHING)).operations == {CHAT}
    assert past_run(report()).operations == {CHAT}


@pytest.mark.parametrize("outcome", ["inconclusive", "error", "not-run"])
def test_an_operation_with_a_case_without_a_response_counts_as_not_called(outcome: Any) -> None:
    end = CaseEnd(case="chat.tools", operation="" if outcome == "not-run" else CHAT, outcome=outcome)
    cases = msgspec.structs.replace(NOTHING, ends=(end,), failed_bare=1)
    assert past_run(report(cases, exit_code=1)).operations == frozenset()
    other = msgspec.structs.replace(cases, ends=(msgspec.structs.replace(end, operation=EMBED),))
    assert past_run(report(other, exit_code=1)).operations == {CHAT}


@pytest.mark.parametrize("exit_code", [2, 3, 5])
def test_a_run_without_a_verdict_has_looked_at_nothing(exit_code: int) -> None:
    run = past_run(report(NOTHING, exit_code=exit_code))
    assert (run.ended, run.operations) == (False, frozenset())


def test_random_requests_are_compared_with_the_same_ones_only() -> None:
    target = Target(url="http://localhost:4000")
    seven = past_run(report(target=target, arguments=("fuzz", "--seed=7", "--url=http://localhost:4000")))
    eight = past_run(report(target=target, arguments=("fuzz", "--seed=8", "--url=http://localhost:4000")))
    assert seven.method == "fuzz --seed=7" != eight.method
    assert past_run(report(target=target, arguments=("run", "--case=chat.plain"))).only_cases == {
        "chat.plain"
    }


@pytest.mark.parametrize(
    ("target", "arguments", "expected"),
    [
        (Target(url="x"), ("run", "--url=x", "--history=h"), ""),
        (Target(url="x"), ("run", "--only=embed", "--url=x"), "--only=embed"),
        (Target(url="x"), ("run", "--case=b", "--case=a"), "--case=a --case=b"),
        (
            Target(url="x", declares=("rerank", "embed"), without=("tools",)),
            ("run",),
            "--declares=embed --declares=rerank --without=tools",
        ),
    ],
)
def test_a_run_of_another_part_of_the_api_has_another_selection(
    target: Target, arguments: tuple[str, ...], expected: str
) -> None:
    assert past_run(report(target=target, arguments=arguments)).selection == expected


def test_a_shard_is_compared_with_the_same_shard_only() -> None:
    target = Target(url="http://localhost:4000", shard=Shard(number=1, of=2))
    assert past_run(report(target=target, arguments=("run", "--shard=1/2"))).method == "run --shard=1/2"


def test_a_night_says_nothing_about_cases_that_were_planned_for_another() -> None:
    """What an earlier night has shown by other cases is neither resolved nor seen again."""
    plan = NightPlan(
        day="2026-11-29", remembered=True, cases=("chat.plain",), requests=1, calls={CHAT: 1}, bills={},
        elements=1, reachable=2, declared=3,
    )  # fmt: skip
    target = Target(url="https://api.cohere.com")
    tonight = past_run(report(NOTHING, 0, target=target, night=plan))
    before = past_run(report(NOTHING, 1, target=target, night=plan))
    assert (tonight.only_cases, tonight.selection) == ({"chat.plain"}, "planned")
    for cases, shows in ((("chat.plain",), True), (("chat.plain", "chat.other"), False), ((), False)):
        finding = PastFinding(title="x", severity=Severity.BREAKING, operation=CHAT, cases=cases)
        assert tonight.would_show(finding, before) is shows
