"""Fuzzing as a way to run tests: one test for each operation and generation mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.contract.tiers import Tier
from cohere_conformance.fuzz.effort import EFFORTS
from cohere_conformance.names import slug
from cohere_conformance.session.driver import Driver
from cohere_conformance.session.result import CaseResult

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from cohere_conformance.cases import Case
    from cohere_conformance.fuzz.candidate import GenerationMode
    from cohere_conformance.fuzz.effort import FuzzOptions
    from cohere_conformance.fuzz.fuzzer import Fuzzer
    from cohere_conformance.fuzz.runner import FuzzRunner
    from cohere_conformance.report import CaseOutcome
    from cohere_conformance.session.driver import CollectedTest, Connection
    from cohere_conformance.session.runner import Runner

GROUP = "fuzz"
"""The first part of the ids of the tests that fuzz."""


def test_id(label: str, mode: GenerationMode) -> str:
    """Return the id of the test that fuzzes an operation: `fuzz.positive.post-v2-chat`.

    Args:
        label: of the operation.
        mode: how its requests are generated.
    """
    return f"{GROUP}.{mode}.{slug(label)}"


class FuzzDriver(Driver):
    """Fuzzes operations instead of running the written cases.

    Args:
        options: how much, and where failing examples are kept.
    """

    command = "fuzz"
    # Nobody can say beforehand what a fuzzer costs: without --allow it only calls what is free.
    live_tiers = frozenset({Tier.FREE_READ})
    nightly = False

    def __init__(self, options: FuzzOptions) -> None:
        self._options = options

    def prepare(self, groups: Collection[str]) -> None:
        """Make sure that the database of examples can be opened."""
        # Every run has this module, and only one that fuzzes pays for Hypothesis.
        from cohere_conformance.fuzz.database import open_database

        open_database(self._options.database)

    def collects(self, group: str, groups: Collection[str]) -> bool:
        """Return whether a group is that of the fuzzer, whatever is fuzzed."""
        return group == GROUP

    def cases(self, cases: Iterable[Case], named: Collection[str] = ()) -> list[Case]:
        """Return no case: the fuzzer only starts from them."""
        return []

    def selects(self, test: CollectedTest, groups: Collection[str], operations: Collection[str]) -> bool:
        """Return whether a test is one of the fuzzer, and of operations that the run is about."""
        # The others of a sequence lead up to its last one, as in the suites: files for jobs, say.
        return test.group == GROUP and {*test.operations[-1:]} <= set(operations)

    def open(self, connection: Connection) -> tuple[Runner, FuzzExecutor]:
        """Return what sends in one worker, and what fuzzes with that."""
        from cohere_conformance.fuzz.fuzzer import Fuzzer
        from cohere_conformance.fuzz.runner import FuzzRunner

        settings, runner = connection.settings, connection.runner(FuzzRunner)
        runner.relations = EFFORTS[self._options.profile].relations
        fuzzer = Fuzzer(settings.plan, self._options, settings.suite, settings.judge.contract, runner)
        return runner, FuzzExecutor(runner, fuzzer)


class FuzzExecutor:
    """Runs the tests of the fuzzer in one worker.

    Args:
        runner: sends, judges and records.
        fuzzer: generates the requests.
    """

    def __init__(self, runner: FuzzRunner, fuzzer: Fuzzer) -> None:
        self._runner = runner
        self._fuzzer = fuzzer

    def run(self, case: Case) -> CaseResult:
        """Run a written case."""
        return self._runner.run(case)

    def fuzz(self, test: str, label: str, mode: GenerationMode) -> CaseResult:
        """Fuzz one operation.

        Args:
            test: id under which everything is recorded.
            label: of the operation.
            mode: how its requests are generated.
        """
        if (reason := self._runner.permission.forbidden([label])) is not None:
            result = CaseResult("skipped", reason)
            self._runner.note(test, result)
            return result
        fuzzed = self._fuzzer.run(test, label, mode)
        outcome: CaseOutcome = "failed" if fuzzed.findings else "inconclusive" if fuzzed.reason else "passed"
        if fuzzed.left_out and not fuzzed.findings:
            outcome = "skipped"
        result = CaseResult(outcome, fuzzed.left_out or fuzzed.reason, fuzzed.findings)
        self._runner.note(test, result, operation=label, unsent=fuzzed.unsent, unclaimed=fuzzed.unclaimed)
        return result
