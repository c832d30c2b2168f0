"""Accepted drift: what it accepts, and which of its entries are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec
import pytest

from cohere_conformance.model import Kind
from cohere_conformance.report import AcceptedDrift, CaseCoverage, Report, Tally, Target
from cohere_conformance.report.header import Acceptance, Header, Mode
from cohere_conformance.report.render.parts import summary_lines
from cohere_conformance.report.shard import Shard

if TYPE_CHECKING:
    from tests.report.conftest import MakeExchange, MakeFinding

CHAT, EMBED = "POST /v2/chat", "POST /v2/embed"
LATER = "2027-01-31"
OPERATIONS = (CHAT, EMBED)


def entry(line: int = 2, **given: str) -> Acceptance:
    fixed = {"reason": "agreed with the team", "expires": LATER, "line": line}
    return msgspec.convert(fixed | given, Acceptance)


class MakeReport(Protocol):
    def __call__(
        self,
        *entries: Acceptance,
        locations: tuple[str, ...] = ...,
        today: str = ...,
        cases: CaseCoverage | None = ...,
        others: tuple[str, ...] = ...,
        exit_code: int | None = ...,
        shard: Shard | None = ...,
    ) -> Report: ...


@pytest.fixture
def report_of(exchange: MakeExchange, finding: MakeFinding) -> MakeReport:
    def make(
        *entries: Acceptance,
        locations: tuple[str, ...] = ("/id", "/usage/tokens"),
        today: str = "2026-11-29",
        cases: CaseCoverage | None = None,
        others: tuple[str, ...] = (),
        exit_code: int | None = None,
        shard: Shard | None = None,
    ) -> Report:
        tally = Tally()
        for location in locations:
            tally.add(exchange(), CHAT, [finding(Kind.TYPE_CHANGED, location)], "application/json")
        tally.add(exchange(), CHAT, [], "application/json")
        header = Header(
            tool="cohere-conformance",
            version="1",
            contract_version="1",
            contract_digest="sha256:1",
            mode=Mode.AMENDED,
            inputs=("a.har",),
            started_at=f"{today}T00:00:00Z",
            target=Target(url="http://127.0.0.1:4000", shard=shard) if shard else None,
            baseline=AcceptedDrift(file="conformance-baseline.yaml", entries=entries),
        )
        finished_at = f"{today}T00:00:01Z"
        return tally.finish(
            header, OPERATIONS, finished_at=finished_at, cases=cases, others=others, exit_code=exit_code
        )

    return make


def problems(report: Report) -> list[tuple[int, bool]]:
    return [(one.line, one.gone) for one in report.baseline_problems]


def test_an_accepted_finding_is_counted_apart_and_fails_nothing(report_of: MakeReport) -> None:
    every = report_of()
    report = report_of(*(entry(finding=row.fingerprint, operation=CHAT) for row in every.findings))
    assert (every.footer.exit_code, report.footer.exit_code) == (1, 0)
    assert report.findings == report.causes == ()
    assert report.accepted == every.findings
    assert report.footer.totals.accepted == 2
    assert report.footer.verdict.endswith("; accepted: 2 findings")


def test_what_is_not_accepted_still_fails(report_of: MakeReport) -> None:
    report = report_of(entry(location="/id", operation=CHAT))
    assert report.footer.exit_code == 1
    assert [row.location for row in report.findings] == ["/usage/tokens"]
    assert {one for cause in report.causes for one in cause.findings} == {report.findings[0].fingerprint}


@pytest.mark.parametrize(
    ("named", "accepted"),
    [
        ({"operation": CHAT}, 2),
        ({"operation": "POST /v2/*"}, 2),
        ({"operation": CHAT, "kind": "type-changed"}, 2),
        ({"operation": CHAT, "kind": "null-unexpected"}, 0),
        ({"location": "/usage/*", "operation": CHAT}, 1),
        ({"location": "*", "operation": CHAT}, 2),
        ({"location": "/usage", "operation": CHAT}, 0),
        ({"location": "/i.", "operation": CHAT}, 0),
        ({"location": "", "operation": CHAT}, 0),
        ({"finding": "0000", "operation": CHAT}, 0),
    ],
)
def test_all_that_an_entry_names_has_to_fit(
    report_of: MakeReport, named: dict[str, str], accepted: int
) -> None:
    report = report_of(entry(**named))
    assert len(report.accepted) == accepted
    assert problems(report) == ([] if accepted else [(2, True)])


def test_a_cause_is_accepted_with_all_its_findings(report_of: MakeReport) -> None:
    cause = report_of(locations=("/id",)).causes[0]
    report = report_of(entry(cause=cause.id), locations=("/id",), others=())
    assert [row.fingerprint for row in report.accepted] == list(cause.findings)


def test_an_entry_counts_until_the_end_of_its_last_day(report_of: MakeReport) -> None:
    for today, code in ((LATER, 0), ("2027-02-01", 1)):
        report = report_of(entry(operation=CHAT), today=today)
        assert report.footer.exit_code == code
    [problem] = report.baseline_problems
    assert not problem.gone
    assert "2 findings fail again" in problem.says
    assert "expires: 2027-05-01" in problem.says
    assert len(report.findings) == 2


def test_an_entry_without_anything_to_accept_fails_the_run(report_of: MakeReport) -> None:
    report = report_of(entry(line=7, operation=CHAT, location="/gone"), locations=())
    assert report.footer.exit_code == 1
    assert problems(report) == [(7, True)]
    assert report.footer.verdict.startswith("DEVIATES: 1 entry of the baseline to correct")


def test_a_finding_that_has_moved_is_proposed(report_of: MakeReport) -> None:
    stale = entry(finding="0123456789ab", operation=CHAT, kind="type-changed")
    report = report_of(stale, locations=("/id",))
    [problem] = report.baseline_problems
    assert f"finding: {report.findings[0].fingerprint}" in problem.says


def test_nothing_is_gone_that_was_not_looked_at(report_of: MakeReport) -> None:
    report = report_of(entry(operation=EMBED), entry(finding="0123"), locations=())
    assert report.footer.exit_code == 0
    assert (problems(report), report.baseline_unseen) == ([], 2)


@pytest.mark.parametrize("interrupted", [{"interrupted": True}, {"not_run": 1}, {"unclosed": ("gw0",)}])
def test_a_run_that_did_not_end_makes_nothing_gone(
    report_of: MakeReport, interrupted: dict[str, object]
) -> None:
    cases = CaseCoverage(run=1, passed=1, failed=0, inconclusive=0, error=0, skipped=0)
    cases = msgspec.structs.replace(cases, **interrupted)
    report = report_of(entry(operation=CHAT), locations=(), cases=cases)
    assert (problems(report), report.baseline_unseen) == ([], 1)


def test_an_interrupted_check_makes_nothing_gone(report_of: MakeReport) -> None:
    report = report_of(entry(operation=CHAT), locations=(), exit_code=2)
    assert (problems(report), report.footer.exit_code) == ([], 2)


def test_a_shard_makes_nothing_gone(report_of: MakeReport) -> None:
    """The case that shows it may be in another one; the merged report decides."""
    report = report_of(entry(operation=CHAT), locations=(), shard=Shard(number=1, of=2))
    assert (problems(report), report.baseline_unseen) == ([], 1)


def test_the_summary_counts_the_entries_and_is_silent_about_an_empty_file(report_of: MakeReport) -> None:
    shown = [line for line in summary_lines(report_of(entry(kind="type-changed"))) if "accepted" in line]
    assert shown == ["accepted: 2 findings by conformance-baseline.yaml (1 accepted deviation)"]
    assert [line for line in summary_lines(report_of()) if "accepted" in line] == []
