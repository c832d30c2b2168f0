"""The selftest: whom it asks about a fault, when it stops, and what it makes of the answers."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.cli import run
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.model import Kind
from cohere_conformance.reference.faults import catalogue
from cohere_conformance.report.render import selftest as rendering
from cohere_conformance.report.selftest import Catch, Matrix, Trial, matrix_of, merged
from cohere_conformance.session import selftest as session
from cohere_conformance.session.selftest import COMMON, FURTHER, TRANSPORT, owing, scopes

if TYPE_CHECKING:
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
    first = trial(requirements=("b",), kinds=(Kind.TYPE_CHANGED,), cases=2, seconds=1.5)
    second = trial(requirements=("a", "b"), exit_code=0, cases=3, seconds=2.0)
    assert merged([first, second]) == trial(
        requirements=("a", "b"), kinds=(Kind.TYPE_CHANGED,), cases=5, seconds=3.5
    )
    assert merged([first, trial(message="it broke")]).message == "it broke"


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


def test_the_command_tries_one_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["selftest", "--fault", FAULT, "-n", "2", "--report-dir", str(tmp_path)])
    out = capsys.readouterr().out
    assert code == 0, out
    assert "PASSED: 1 of 1 fault caught (100.0 %), 1 by exactly what they break (100.0 %)" in out
    written = json.loads((tmp_path / "selftest.json").read_bytes())
    assert [one["fault"] for one in written["trials"]] == [FAULT]
    assert written["trials"][0]["requirements"]
    assert {one["profile"] for one in written["faultless"]} == {"contract", "live-2026"}
    assert FAULT in (tmp_path / "selftest.md").read_text()


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

    def tried(fault: str) -> Trial:
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
