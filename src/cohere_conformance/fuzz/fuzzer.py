"""Fuzzes one operation after the other: sends generated requests, judges them, shrinks those that fail."""

from __future__ import annotations

import hashlib
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky

from cohere_conformance.cases import Credential
from cohere_conformance.data import folder
from cohere_conformance.errors import BudgetError, ForbiddenError
from cohere_conformance.fuzz.anchors import anchors, written
from cohere_conformance.fuzz.baseline import Attempt, Baseline
from cohere_conformance.fuzz.candidate import GenerationMode
from cohere_conformance.fuzz.database import DatabaseSection, open_database
from cohere_conformance.fuzz.derive import chosen, derived
from cohere_conformance.fuzz.domain import load_domain
from cohere_conformance.fuzz.effort import EFFORTS
from cohere_conformance.fuzz.mix import mixed
from cohere_conformance.fuzz.overlay import overlaid
from cohere_conformance.fuzz.paths import harmless
from cohere_conformance.fuzz.shrink import shrunk
from cohere_conformance.model import Kind
from cohere_conformance.session.draws import independent_of_installation
from cohere_conformance.session.plan import TargetKind
from cohere_conformance.session.resources import MissingError

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from cohere_conformance.cases import Suite
    from cohere_conformance.contract import Contract, Operation
    from cohere_conformance.fuzz.baseline import ToBlame
    from cohere_conformance.fuzz.candidate import Anchor, Candidate
    from cohere_conformance.fuzz.effort import FuzzOptions
    from cohere_conformance.fuzz.runner import FuzzRunner
    from cohere_conformance.model import Finding
    from cohere_conformance.session.plan import Plan

_FAILED = b"failed"
"""The key of the names of candidates that failed."""
_MAX_SHRINK_REQUESTS = 30
"""Requests that are spent on shrinking one failing request."""
_MAX_DRAWN_SHRINK_REQUESTS = 1000
"""Requests that Hypothesis may send to make what it has drawn smaller; a large body can take it thousands."""
_MAX_SHRUNK = 5
"""Failing requests of one kind that are shrunk: a server without validation fails at every location."""


class FuzzResult(NamedTuple):
    """The result of fuzzing one operation in one generation mode.

    Attributes:
        findings: what fails it, the first of each fingerprint.
        reason: why it ended early, or why some requests were left out.
        left_out: why nothing was sent, where nothing may be sent.
        unsent: requests that were left out, because their starting request is not served.
        unclaimed: requests that were left out, because they need what the target does not claim.
    """

    findings: tuple[Finding, ...]
    reason: str = ""
    left_out: str = ""
    unsent: int = 0
    unclaimed: int = 0


class _StopError(Exception):
    """No further request may be sent."""


class _LostError(_StopError):
    """No complete response was received: each further one would cost as much time."""


class Fuzzer:
    """Fuzzes operations of one target.

    Args:
        plan: what may be done.
        options: how much is sent, and where failing examples are kept.
        suite: the cases to start from.
        contract: what requests are generated from.
        runner: what sends and judges.
    """

    def __init__(
        self, plan: Plan, options: FuzzOptions, suite: Suite, contract: Contract, runner: FuzzRunner
    ) -> None:
        self._plan = plan
        self._options = options
        self._suite = suite
        self._contract = contract
        self._runner = runner
        self._domain = load_domain(folder("suites") / "fuzz" / "domain.yaml", contract.operations)
        self._database = open_database(options.database)
        self._lost: set[str] = set()
        self._baselines: dict[str, Baseline] = {}

    def run(self, test: str, label: str, mode: GenerationMode) -> FuzzResult:
        """Fuzz one operation.

        Args:
            test: id under which everything is recorded.
            label: of the operation.
            mode: how its requests are generated.
        """
        if label in self._lost:
            return FuzzResult((), "an earlier request to this operation got no complete response")
        operation = self._contract.operations[label]
        start = self._permitted(anchors(self._suite, operation, self._plan.profile))
        if isinstance(start, str):
            return FuzzResult((), left_out=start)
        attempts = _Attempts(test, self._runner, self._baseline_of(operation, mode))
        reason = ""
        try:
            if mode is GenerationMode.POSITIVE:
                # Some defects show without a change: with a certain text, in a stream, or in a tool call.
                every = self._permitted(written(self._suite, operation, self._plan.profile))
                for anchor in () if isinstance(every, str) else every:
                    attempts.usable(anchor.case)
            self._one_change(test, operation, start, mode, attempts)
            if mode is GenerationMode.POSITIVE:
                self._several_changes(test, operation, start, attempts)
        except _LostError as error:
            self._lost.add(label)
            reason = str(error)
        except (_StopError, MissingError) as error:
            reason = str(error)
        left_out = "" if attempts.sent or reason else attempts.refused
        return FuzzResult(
            tuple(attempts.found.values()),
            reason or attempts.left_out(),
            left_out,
            attempts.unsent,
            attempts.unclaimed,
        )

    def _permitted(self, every: tuple[Anchor, ...]) -> tuple[Anchor, ...] | str:
        """Return the requests whose resources may be created, or why there is none."""
        reasons = [
            self._runner.permission.unavailable(anchor.needs)
            or self._runner.claims.unclaimed(anchor.template, Credential.VALID)
            or self._runner.claims.startable(anchor.needs)
            for anchor in every
        ]
        start = tuple(anchor for anchor, why in zip(every, reasons, strict=True) if why is None)
        return start if start or not every else reasons[0] or ""

    def _baseline_of(self, operation: Operation, mode: GenerationMode) -> Baseline | None:
        """Return what the starting requests show unchanged; `None` where they must not be sent."""
        if (
            mode is GenerationMode.PROTOCOL
            and self._plan.target_kind is TargetKind.LIVE
            and not harmless(operation.label)
        ):
            return None
        if operation.label not in self._baselines:
            start = self._permitted(written(self._suite, operation, self._plan.profile))
            self._baselines[operation.label] = Baseline(() if isinstance(start, str) else start)
        return self._baselines[operation.label]

    def _one_change(
        self,
        test: str,
        operation: Operation,
        start: tuple[Anchor, ...],
        mode: GenerationMode,
        attempts: _Attempts,
    ) -> None:
        hosted = self._plan.target_kind is TargetKind.LIVE
        database = DatabaseSection(self._database, test)
        failed = sorted(name.decode("utf-8", "replace") for name in database.fetch(_FAILED))
        every = derived(self._contract, operation, start, self._domain, mode, hosted=hosted)
        most = EFFORTS[self._options.profile].candidates
        for candidate in chosen(every, failed, most, f"{self._plan.seed or 0} {test}"):
            news = attempts.news(candidate)
            name = candidate.name.encode("utf-8", "backslashreplace")
            if attempts.failing:
                database.save(_FAILED, name)
            elif candidate.name in failed:
                database.delete(_FAILED, name)
            if news:
                attempts.shrink(operation, candidate, news)

    def _several_changes(
        self, test: str, operation: Operation, start: tuple[Anchor, ...], attempts: _Attempts
    ) -> None:
        effort, limit = EFFORTS[self._options.profile], self._options.max_examples
        examples = effort.examples if limit is None else limit
        overlays = effort.overlaid if limit is None else min(effort.overlaid, limit)
        bodied = [anchor for anchor in start if isinstance(anchor.template.body, dict)]
        if operation.request is None or not examples + overlays:
            return
        if not (bodied := [anchor for anchor in bodied if attempts.usable(anchor.case)]):
            return
        if examples:
            self._drawn(f"{test} several", mixed(operation, bodied, self._domain), examples, attempts)
        if overlays:
            strategy = overlaid(self._contract, operation, bodied, self._domain)
            self._drawn(f"{test} overlaid", strategy, overlays, attempts)

    def _drawn(
        self, name: str, strategy: SearchStrategy[Candidate], examples: int, attempts: _Attempts
    ) -> None:
        configured = settings(
            max_examples=examples,
            deadline=None,
            database=DatabaseSection(self._database, name),
            phases=[Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
            report_multiple_bugs=True,
        )

        left = examples + _MAX_DRAWN_SHRINK_REQUESTS

        def attempt(candidate: Candidate) -> None:
            nonlocal left
            if left <= 0:
                return  # Hypothesis takes it for a request that does not fail, and soon gives up
            attempts.news(candidate)
            left -= bool(attempts.found)
            if attempts.failing:
                raise _failing_error(attempts.failing[0].fingerprint)

        number = int.from_bytes(hashlib.sha256(f"{self._plan.seed or 0} {name}".encode()).digest()[:8])
        try:
            with independent_of_installation():
                configured(seed(number)(given(strategy)(attempt)))()
        except (FailingRequestError, Flaky, BaseExceptionGroup) as error:
            # What was found is recorded, also where the server does not respond alike twice.
            if _is_own_defect(error):
                raise
        attempts.go_on()


class FailingRequestError(Exception):
    """A request failed. Each fingerprint has a class of its own, so that Hypothesis shrinks each failure."""


_FAILING: dict[str, type[FailingRequestError]] = {}


def _failing_error(fingerprint: str) -> FailingRequestError:
    if fingerprint not in _FAILING:
        _FAILING[fingerprint] = type(f"Found{fingerprint}Error", (FailingRequestError,), {})
    return _FAILING[fingerprint](fingerprint)


def _is_own_defect(error: BaseException) -> bool:
    """Return whether an error is a defect of the fuzzer: not a failing request, not the end of sending."""
    # What did not happen twice Hypothesis calls flaky, a defect of the fuzzer included.
    if isinstance(error, BaseExceptionGroup):
        return any(_is_own_defect(one) for one in error.exceptions)
    return not isinstance(error, FailingRequestError | Flaky | _StopError)


class _Attempts:
    """The requests that were sent for one test, and what they showed.

    Args:
        test: its id.
        runner: what sends and judges.
        baseline: what the starting requests show unchanged; `None` where they must not be sent.

    Attributes:
        found: what fails the test, by its fingerprint.
        failing: what fails the last request.
        sent: how many requests were sent.
        refused: why the last request was not sent that may not be sent.
        unsent: how many requests were left out, because their starting request is not served.
        unclaimed: how many requests were left out, because they need what the target does not claim.
    """

    def __init__(self, test: str, runner: FuzzRunner, baseline: Baseline | None) -> None:
        self._test = test
        self._runner = runner
        self._baseline = baseline
        self._by_change: set[str] = set()
        self._shrunk: Counter[tuple[object, ...]] = Counter()
        self.unsent = 0
        self.unclaimed = 0
        self.found: dict[str, Finding] = {}
        self.failing: tuple[Finding, ...] = ()
        self.sent = 0
        self.refused = ""
        self._stopped: _StopError | None = None

    def go_on(self) -> None:
        """Raise the error that ended the sending, if it has ended.

        Raises:
            _StopError: no further request may be sent.
        """
        if self._stopped is not None:
            raise self._stopped

    def usable(self, case: str) -> bool:
        """Return whether a starting request is served unchanged.

        Args:
            case: id of its case.

        Raises:
            _StopError: no further request may be sent.
        """
        self.go_on()
        return self._baseline is None or self._baseline.usable(case, self._send_unchanged)

    def left_out(self) -> str:
        """Return which starting requests cannot be fuzzed, and why; nothing where all can."""
        refused = self._baseline.refused if self._baseline is not None else {}
        if not refused:
            return ""
        case, observed = next(iter(refused.items()))
        more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
        unsent = f"; {self.unsent} requests not sent" if self.unsent else ""
        return f"cannot be fuzzed: the unchanged request of {case}{more} is not served ({observed}){unsent}"

    def news(self, candidate: Candidate) -> list[str]:
        """Send a request, collect the findings that fail it, and return their new fingerprints.

        Raises:
            _StopError: no further request may be sent.
            MissingError: a resource that the case needs cannot be created.
        """
        self.failing = ()
        if self._runner.claims.unclaimed(candidate.template, candidate.key) is not None:
            self.unclaimed += 1
            return []
        if not self.usable(candidate.anchor):
            self.unsent += 1
            return []
        self.failing = self._send(candidate, partial(self._to_blame, candidate)).failing
        new = [one.fingerprint for one in self.failing if one.fingerprint not in self._by_change]
        self._by_change.update(new)
        return new

    def _to_blame(self, candidate: Candidate, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        if self._baseline is None:
            return findings
        try:
            return self._baseline.to_blame(candidate, findings, self._send_unchanged)
        except _StopError:
            return findings  # the starting request can no longer be sent

    def _send_unchanged(self, candidate: Candidate) -> Attempt:
        """Send a starting request unchanged; what it shows is a finding of that request."""
        try:
            return self._send(candidate)
        except MissingError as error:
            return Attempt((), served=False, observed=str(error))

    def _send(self, candidate: Candidate, to_blame: ToBlame | None = None) -> Attempt:
        self.go_on()  # Hypothesis repeats what failed
        try:
            attempt = self._runner.attempt(self._test, candidate, to_blame)
        except ForbiddenError as error:
            # Some server may take this request for a harmful one: it is left out, and the others are sent.
            self.refused = str(error)
            return Attempt((), served=False, observed=self.refused)
        except BudgetError as error:
            self._stopped = _StopError(str(error))
            raise self._stopped from error
        self.sent += 1
        for one in attempt.failing:
            self.found.setdefault(one.fingerprint, one)
        if attempt.gone:
            self._stopped = _LostError(attempt.gone)
            raise self._stopped
        return attempt

    def shrink(self, operation: Operation, candidate: Candidate, fingerprints: list[str]) -> None:
        """Leave out of a failing request what does not matter for the failure.

        Nothing is kept here: every request is recorded, and a report shows the smallest one.
        """
        if any(one.kind is Kind.VALID_REFUSED for one in self.failing):
            return  # a smaller request may be one that need not be served
        kinds = {(one.kind, one.severity, one.status, one.requirement) for one in self.failing}
        if all(self._shrunk[one] >= _MAX_SHRUNK for one in kinds):
            return
        self._shrunk.update(kinds)
        left, wanted = _MAX_SHRINK_REQUESTS, set(fingerprints)
        while left > 0:
            for tried in shrunk(operation, candidate):
                left -= 1
                self.news(tried)
                if wanted <= {one.fingerprint for one in self.failing}:
                    candidate = tried
                    break
                if left <= 0:
                    return
            else:
                return
