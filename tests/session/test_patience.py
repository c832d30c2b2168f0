"""Patience with what takes time on a target: how long, what is learnt, and what a report says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from canned import examples, static

from cohere_conformance import cli, suites
from cohere_conformance.data import folder
from cohere_conformance.model import Severity
from cohere_conformance.reference import state
from cohere_conformance.report import Waiting
from cohere_conformance.report.render.parts import cases_line
from cohere_conformance.session import patience
from cohere_conformance.session.api import Api, InconclusiveError
from cohere_conformance.session.campaign import Campaign
from cohere_conformance.session.patience import Patience, Timer
from cohere_conformance.session.plan import RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cohere_conformance.report import Report

KIND, OTHER = "/v1/datasets", "/v2/batches"


class Clock:
    """Time that passes only while somebody sleeps."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(patience, "time", made)
    return made


def ready_at(clock: Clock, seconds: float) -> Callable[[], str | None]:
    return lambda: "ready" if clock.now >= seconds else None


def never() -> None:
    return None


def test_a_resource_that_becomes_ready_is_returned(clock: Clock) -> None:
    """Looks become rarer, and the one that finds it is the last."""
    assert Patience().until(KIND, ready_at(clock, 10), 60) == "ready"
    assert 10 <= clock.now <= 12


def test_a_resource_that_is_ready_is_returned_at_once(clock: Clock) -> None:
    """Even with no patience at all one look is taken."""
    assert Patience(0).until(KIND, ready_at(clock, 0), 60) == "ready"
    assert clock.now == 0


def test_a_kind_that_is_never_ready_is_waited_for_once(clock: Clock) -> None:
    """The second thing of a kind gets a couple of looks; one of another kind gets its time."""
    waits = Patience()
    lasted = []
    for kind in (KIND, KIND, OTHER):
        before = clock.now
        assert waits.until(kind, never, 60) is None
        lasted.append(clock.now - before)
    assert lasted == pytest.approx([60, 0.5, 60])


def test_a_kind_that_gets_ready_after_all_is_waited_for_again(clock: Clock) -> None:
    """A slow start does not shorten later waits."""
    waits = Patience()
    waits.until(KIND, never, 60)
    assert waits.until(KIND, ready_at(clock, clock.now + 0.1), 60) == "ready"
    assert waits.until(KIND, ready_at(clock, clock.now + 40), 60) == "ready"


@pytest.mark.parametrize(
    ("seconds", "most", "asked", "lasts"), [(5.0, 60, 300, 5), (600.0, 60, 30, 600), (None, 60, 300, 60)]
)
def test_the_caller_decides_how_long(
    seconds: float | None, most: float, asked: float, lasts: float, clock: Clock
) -> None:
    """An option takes the place of what each case says; without it there is a limit for local targets."""
    Patience(seconds, most=most).until(KIND, never, asked)
    assert clock.now == pytest.approx(lasts)


def test_waits_are_counted(clock: Clock) -> None:
    """By kind: how many, how long, how many in vain."""
    waits = Patience()
    waits.until(KIND, never, 60)
    waits.until(KIND, never, 60)
    waits.until(OTHER, ready_at(clock, 0), 60)
    waits.pause(OTHER, 2)
    assert list(waits.waiting()) == [
        Waiting(kind=KIND, number=2, seconds=60.5, never_ready=2),
        Waiting(kind=OTHER, number=1, seconds=2, never_ready=0),
    ]


def test_the_clock_of_a_target_is_moved_ahead_instead_of_waiting(clock: Clock) -> None:
    """Where the target has a clock that can be moved nobody sleeps, and patience ends all the same."""
    moved: list[float] = []
    assert Patience(timer=Timer(moved.append)).until(KIND, never, 60) is None
    assert sum(moved) == pytest.approx(60)
    assert clock.now == 0


def test_no_wait_is_not_counted() -> None:
    """On a clock that is moved ahead only what was never ready is reported."""
    waits = Patience(timer=Timer(lambda _: None))
    waits.pause(OTHER, 2)
    waits.until(KIND, never, 60)
    assert list(waits.waiting()) == [Waiting(kind=KIND, number=1, seconds=0.0, never_ready=1)]


def test_a_run_of_the_embedded_server_does_not_sleep(
    clock: Clock, tmp_path: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job over a dataset is begun, followed and read: that takes time on the server, and none here."""
    # The suites are imported here without the plugin that knows their mark.
    pytestconfig.addinivalue_line("markers", "operations(*labels): every operation that a test calls")
    relations = suites.load(folder("suites") / "embed-jobs" / "test_relations.py")
    moved: list[float] = []

    def advance(clock: state.Clock, seconds: float) -> None:
        moved.append(seconds)
        forward(clock, seconds)

    forward = state.Clock.advance
    monkeypatch.setattr(state.Clock, "advance", advance)
    campaign = Campaign(
        RunOptions(only=("embed-jobs",)), folder=tmp_path, fail_on=Severity.ADDITIVE, environment={}
    )
    campaign.begin()
    worker = campaign.worker("main")
    worker.open(("embed-jobs.relations.a-job",))
    try:
        api = worker.api("embed-jobs.relations.a-job", relations.pytestmark.args)
        assert isinstance(api, Api)
        relations.test_a_job_makes_a_row_of_each_row(api)
        api.clear()
    finally:
        worker.close(interrupted=False)
    report, _ = campaign.report()
    assert report.coverage.cases is not None
    assert report.coverage.cases.waits == ()
    assert sum(moved) >= 0.4, "a dataset and a job of two steps each"
    assert clock.now == 0


def run(home: Path, url: str, patience: float | None = None) -> Report:
    """Run a group that needs datasets against a target, as `run` does."""
    campaign = Campaign(
        RunOptions(url=url, only=("datasets",), patience=patience),
        folder=home,
        fail_on=Severity.ADDITIVE,
        environment={},
    )
    campaign.begin()
    worker = campaign.worker("main")
    worker.open(tuple(case.id for case in campaign.cases))
    try:
        for case in campaign.cases:
            worker.run(case)
        api = worker.api("datasets.relations.waiting", ["GET /v1/datasets/{id}"])
        with pytest.raises(InconclusiveError, match=r"expected an end, got none within 0\.5 s"):
            api.poll("GET /v1/datasets/{id}", never, 300, expected="an end")  # type: ignore[union-attr]
    finally:
        worker.close(interrupted=False)
    report, _ = campaign.report()
    return report


@pytest.mark.parametrize(("seconds", "first"), [(None, 60), (7.0, 7)])
def test_a_static_mock_does_not_make_a_run_sleep(
    seconds: float | None, first: float, clock: Clock, tmp_path: Path
) -> None:
    """Nothing on it gets ever ready: one dataset is waited for, and the report says how long and of what."""
    with static() as server:
        report = run(tmp_path, server.url, seconds)
    cases = report.coverage.cases
    assert cases is not None
    [waited] = cases.waits
    assert waited.kind == KIND
    # One of the resources needs nothing but what the canned response shows already.
    assert waited.number - 1 <= waited.never_ready > 3
    assert waited.seconds == pytest.approx(clock.now, abs=0.1)
    assert first <= clock.now <= first + 0.5 * waited.number
    assert f"waited {clock.now:.0f} s, never ready: /v1/datasets ({waited.never_ready})" in cases_line(cases)


@pytest.mark.parametrize("command", ["run", "fuzz", "record", "verify"])
def test_patience_is_an_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command that calls a target has it, and a negative number is a wrong call."""
    assert cli.run([command, "--patience", "-1"]) == 4
    assert "--patience" in capsys.readouterr().err


def test_every_operation_has_a_canned_example() -> None:
    """The static mock knows all operations of the contract."""
    assert all(canned.status == 200 for canned in examples().values())
    assert len(examples()) > 30
