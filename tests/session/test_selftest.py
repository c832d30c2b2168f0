"""The selftest: whom it asks about a fault, when it stops, and what it makes of the answers."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from running import called

from cohere_conformance.cases import shipped_suite
from cohere_conformance.cli import run
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError
from cohere_conformance.model import Kind
from cohere_conformance.reference.faults import catalogue
from cohere_conformance.report.render import selftest as rendering
from cohere_conformance.report.selftest import Catch, Matrix, Trial, matrix_of, merged
from cohere_conformance.session import selftest as session
from cohere_conformance.session.detecting import DETECTED, as_text, detecting, load_detections, updated
from cohere_conformance.session.selftest import COMMON, FURTHER, TRANSPORT, owing, scopes

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

FAULT, SIBLING = "classify.confidence-differs", "classify.one-missing"
NAMED = next(
    requirement for requirement in shipped_requirements().requirements.values() if requirement.faults
)


def trial(fault: str = NAMED.faults[0], **rest: object) -> Trial:
    return Trial(**{"fault": fault, "profile": "contract", "exit_code": 1, **rest})  # type: ignore[arg-type]


def matrix(*trials: Trial, quiet: Trial | None = None) -> Matrix:
    faultless = quiet or Trial(fault="", profile="contract", exit_code=0)
    return matrix_of(trials, [faultless], {NAMED.id: NAMED}, catalogue())


def test_a_fault_is_asked_about_where_it_shows() -> None:
    assert scopes("embed-jobs.unsorted") == (("embed-jobs",),)
    assert scopes("transport.hang") == TRANSPORT
    assert scopes("auth.expired-accepted") == (COMMON, *FURTHER)


def test_it_is_asked_on_until_every_requirement_has_spoken() -> None:
    fault = NAMED.faults[0]
    named = tuple(one.id for one in shipped_requirements().requirements.values() if fault in one.faults)
    assert owing(fault, [])
    assert owing(fault, [trial()])
    assert owing(fault, [trial(kinds=(Kind.TYPE_CHANGED,))])
    assert not owing(fault, [trial(kinds=(Kind.TYPE_CHANGED,)), trial(requirements=named)])


def test_several_runs_count_as_one() -> None:
    first = trial(requirements=("b",), kinds=(Kind.TYPE_CHANGED,), cases=2, detected_by=("y",), seconds=1.5)
    second = trial(requirements=("a", "b"), exit_code=0, cases=3, detected_by=("x", "y"), seconds=2.0)
    assert merged([first, second]) == trial(
        requirements=("a", "b"), kinds=(Kind.TYPE_CHANGED,), cases=5, detected_by=("x", "y"), seconds=3.5
    )
    assert merged([first, trial(message="it broke")]).message == "it broke"


class Tried:
    """Stands in for the runs of the suites: notes what is run, and returns what is given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *trials: Trial) -> None:
        self.ran: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
        self._trials = iter(trials)
        monkeypatch.setattr(session, "_trial", self._trial)
        monkeypatch.setattr(session, "load_detections", lambda: {NAMED.faults[0]: ("a.known",)})

    def _trial(
        self, fault: str, profile: str, groups: tuple[str, ...], *, fuzzed: bool, cases: tuple[str, ...] = ()
    ) -> Trial:
        self.ran.append((groups, cases))
        return next(self._trials)


def found(fault: str) -> Trial:
    return trial(fault, requirements=tuple(session.naming(fault)))


def test_the_cases_that_have_detected_a_fault_are_run_first(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = NAMED.faults[0]
    tried = Tried(monkeypatch, found(fault))
    assert session._tried(fault) == found(fault)
    assert tried.ran == [((), ("a.known",))]


@pytest.mark.parametrize(
    "first", [trial(exit_code=0), trial(kinds=(Kind.TYPE_CHANGED,)), trial(message="unknown name")]
)
def test_where_they_do_not_detect_it_every_case_is_run(first: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a case that has changed nor one that no longer exists decides about a fault."""
    fault = NAMED.faults[0]
    tried = Tried(monkeypatch, first, found(fault))
    assert session._tried(fault) == found(fault), "what the first cases show is not part of the result"
    assert tried.ran == [((), ("a.known",)), (scopes(fault)[0], ())]


def test_every_case_can_be_run(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = NAMED.faults[0]
    tried = Tried(monkeypatch, found(fault))
    session._tried(fault, complete=True)
    assert tried.ran == [(scopes(fault)[0], ())]


def row(requirement: str | None, *cases: str) -> SimpleNamespace:
    return SimpleNamespace(requirement=requirement, cases=cases)


@pytest.mark.parametrize(
    ("rows", "named", "cases"),
    [
        ((), {"r"}, ()),
        ((row(None, "b", "a"), row(None, "c")), (), ("a",)),
        ((row(None, "b", "a"),), {"r"}, ("a",)),
        ((row("r", "batches.answers"),), {"r"}, ("batches.get.completed",)),
        ((row("r", "b", "c"), row("s", "c"), row("other", "a")), {"r", "s"}, ("c",)),
        ((row("r", "b"), row("s", "c")), {"r", "s", "not violated"}, ("b", "c")),
    ],
)
def test_as_few_cases_as_possible_show_what_names_a_fault(
    rows: tuple[Any, ...], named: Collection[str], cases: tuple[str, ...]
) -> None:
    assert detecting(rows, named) == cases


def is_test(name: str) -> bool:
    """Return whether the suites have a test of that name."""
    group, module, function = name.split(".")
    path = folder("suites") / group / f"test_{module.replace('-', '_')}.py"
    return f"\ndef test_{function.replace('-', '_')}(" in path.read_text(encoding="utf-8")


def test_the_shipped_detections_are_of_known_faults_and_cases() -> None:
    """A name that no longer exists costs time: every case is run then."""
    detections = load_detections()
    assert detections.keys() <= catalogue().keys()
    assert len(detections) > 500
    cases = {case.id for case in shipped_suite().cases}
    used = {case for cases in detections.values() for case in cases}
    assert not {case for case in used - cases if not case.startswith("fuzz.") and not is_test(case)}
    assert as_text(detections) == (folder("suites") / DETECTED).read_text(encoding="utf-8")


def test_a_selftest_changes_the_detections_of_its_faults() -> None:
    before = {FAULT: ("a.b",), SIBLING: ("c.d",), "classify.removed": ("e.f",)}
    after = updated(before, matrix(trial(FAULT, detected_by=("x.y",)), trial("no.case", exit_code=0)))
    assert after == {FAULT: ("x.y",), SIBLING: ("c.d",)}


def test_detections_that_cannot_be_read_are_reported(tmp_path: Path) -> None:
    (tmp_path / "detected.json").write_text('{"a": 1}')
    with pytest.raises(ContractError, match="write it with: make selftest"):
        load_detections(tmp_path / "detected.json")


@pytest.mark.parametrize(
    ("tried", "catch", "passed"),
    [
        (trial(requirements=(NAMED.id,)), Catch.EXACTLY, True),
        (trial(requirements=(NAMED.id, "another.one")), Catch.EXACTLY, True),
        (trial(requirements=("another.one",)), Catch.OTHERWISE, False),
        (trial(kinds=(Kind.TYPE_CHANGED,)), Catch.OTHERWISE, False),
        (trial(exit_code=0), Catch.MISSED, False),
        (trial(requirements=(NAMED.id,), message="it broke", exit_code=3), Catch.FAILED, False),
    ],
)
def test_how_a_fault_is_caught(tried: Trial, catch: Catch, passed: bool) -> None:
    found = matrix(tried)
    assert found.catch(tried) is catch
    assert found.passed is passed


def test_what_no_requirement_names_may_be_caught_by_anything() -> None:
    nameless = next(
        fault
        for fault in catalogue()
        if not any(fault in one.faults for one in shipped_requirements().requirements.values())
    )
    tried = trial(nameless, kinds=(Kind.TYPE_CHANGED,))
    assert matrix(tried).catch(tried) is Catch.EXACTLY


@pytest.mark.parametrize("quiet", [{"exit_code": 1, "requirements": ("a",)}, {"exit_code": 5}])
def test_a_faultless_server_has_to_conform(quiet: dict[str, object]) -> None:
    caught = trial(requirements=(NAMED.id,))
    assert matrix(caught).passed
    found = matrix(caught, quiet=trial("", **quiet))
    assert not found.passed
    assert rendering.summary(found)[0].startswith("FAILED: 1 of 1 fault caught (100.0 %)")


def test_a_requirement_without_a_fault_fails_the_selftest() -> None:
    found = matrix_of([], [Trial(fault="", profile="contract", exit_code=0)], {NAMED.id: NAMED}, ())
    assert not found.passed
    assert f"requirement without a fault: {NAMED.id}" in rendering.summary(found)


def test_the_page_names_what_was_missed() -> None:
    page = rendering.render(matrix(trial(exit_code=0), trial(SIBLING, requirements=("x.y",))))
    assert f"missed: {NAMED.faults[0]}" in page
    assert f"| {SIBLING} | exactly | x.y |" in page or f"| {SIBLING} | otherwise | x.y |" in page


def test_the_command_tries_one_fault(tmp_path: Path) -> None:
    done = called(tmp_path, "selftest", "--fault", FAULT, "-n", "2")
    assert done.code == 0, done.output
    assert "PASSED: 1 of 1 fault caught (100.0 %), 1 by exactly what they break (100.0 %)" in done.output
    written = json.loads((tmp_path / "conformance-report" / "selftest.json").read_bytes())
    assert [one["fault"] for one in written["trials"]] == [FAULT]
    assert written["trials"][0]["requirements"]
    assert {one["profile"] for one in written["faultless"]} == {"contract", "live-2026"}
    assert FAULT in (tmp_path / "conformance-report" / "selftest.md").read_text()


@pytest.mark.parametrize("arguments", [["--fault", "classify.nothing"], ["--only", "nothing"]])
def test_an_unknown_fault_is_a_wrong_call(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["selftest", *arguments]) == 4
    assert "nothing" in capsys.readouterr().err


def test_a_selftest_that_is_stopped_begins_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C, or SIGTERM, waits for what is running and not for every fault that is still waiting."""
    stopped, begun = threading.Event(), []

    class Pool(ThreadPoolExecutor):
        """Runs one after the other; what comes after the first result waits until the pool ends."""

        def __init__(self, *_: object, **__: object) -> None:
            super().__init__(1)

        def __exit__(self, *failure: Any) -> bool | None:
            stopped.set()
            return super().__exit__(*failure)

    def tried(fault: str, **_: object) -> Trial:
        stopped.wait()
        begun.append(fault)
        return trial(fault)

    def stop(first: Trial) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(session, "_trial", lambda *_, **__: Trial(fault="", profile="contract", exit_code=0))
    monkeypatch.setattr(session, "_tried", tried)
    with pytest.raises(KeyboardInterrupt):
        session.selftest([name for name in catalogue() if name.startswith("rerank.")], progress=stop)
    assert len(begun) <= 1
