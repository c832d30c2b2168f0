"""Runs written cases: sends, judges, compares with the expectation, and records the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.cases import Case, RequestTemplate, Skip
from cohere_conformance.checks.edge import EXCUSES
from cohere_conformance.checks.expect import expected
from cohere_conformance.contract.tiers import Effect, shipped_policies
from cohere_conformance.errors import BudgetError, OwnershipError, RefusedError, ReportError
from cohere_conformance.report import CaseOutcome, Record
from cohere_conformance.report.verdict import RANK
from cohere_conformance.session.absent_models import AbsentModels
from cohere_conformance.session.api import Api
from cohere_conformance.session.claims import Claims
from cohere_conformance.session.liveness import UNANSWERED, Liveness
from cohere_conformance.session.missing_ids import with_id
from cohere_conformance.session.patience import Patience
from cohere_conformance.session.permission import Permission
from cohere_conformance.session.plan import Plan, TargetKind
from cohere_conformance.session.resources import MissingError, Resources
from cohere_conformance.session.result import OURS, CaseResult, Sent
from cohere_conformance.session.reused import reused_ids
from cohere_conformance.session.sharing import SharedResponses
from cohere_conformance.session.steady import Steady
from cohere_conformance.session.unique import Unique
from cohere_conformance.session.wrapping import with_wrapper

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from cohere_conformance.cases import Credential, Suite
    from cohere_conformance.client.guard import Guard
    from cohere_conformance.client.outgoing import Outgoing
    from cohere_conformance.client.sender import Sender
    from cohere_conformance.model import Exchange, Expectation, Finding, Response, Severity
    from cohere_conformance.report import Journal
    from cohere_conformance.session.api import Judged
    from cohere_conformance.session.judging import Judge


class Runner:
    """Runs cases against one target.

    Args:
        plan: what the run may do.
        suite: the cases and their resources.
        judge: judges every response.
        sender: sends.
        journal: records everything as it happens.
        guard: the gate of the sender; knows what the run has created.
        authorizations: fields for further keys, by name (`trial`, `expired`).
        fail_on: the least severity that fails a case.
        run: distinguishes the resources of this run from others.
        patience: waits for what takes time on the target.

    Attributes:
        permission: decides what must not be sent.
        claims: decides what is not sent or not judged because the target does not claim it.
    """

    def __init__(
        self,
        plan: Plan,
        suite: Suite,
        judge: Judge,
        sender: Sender,
        journal: Journal,
        *,
        guard: Guard,
        authorizations: Mapping[str, str],
        fail_on: Severity,
        run: str,
        patience: Patience | None = None,
    ) -> None:
        self._plan = plan
        self._patience = patience or Patience()
        self._suite = suite
        self._judge = judge
        self._sender = sender
        self._guard = guard
        self._journal = journal
        self._authorizations = authorizations
        self._fail_on = fail_on
        self._policies = shipped_policies()
        self._unique, run = self._names(run)
        self._resources = Resources(
            suite,
            judge.contract,
            self._send_for_resource,
            run,
            self._unique,
            sender.budget,
            guard.foreign,
            self._patience,
        )
        self._liveness = Liveness()
        self._absent = AbsentModels(suite.models)
        self._steady = Steady(judge.contract)
        self._shared = SharedResponses(active=plan.planned)
        self._closing = False
        self._unwritten: ReportError | None = None
        self.claims = Claims(plan, judge.contract)
        self.permission = Permission(plan, suite, judge.contract, self._policies, authorizations.keys())

    def _names(self, run: str) -> tuple[Unique, str]:
        """Return what makes the names of things, and what distinguishes those of this run from others."""
        return Unique(), run

    def run(self, case: Case) -> CaseResult:
        """Run one case and record its result."""
        sent = self.send(case)
        return self.conclude(
            case.id, case.operation, sent if isinstance(sent, CaseResult) else self.judged(sent)
        )

    def conclude(self, case: str, operation: str, result: CaseResult) -> CaseResult:
        """Record the result of a case, and return it with only the findings that fail it.

        Args:
            case: its id.
            operation: label of its operation.
            result: of the case.
        """
        self._write(
            Record(
                case=case,
                operation=operation,
                outcome=result.outcome,
                reason=result.reason,
                exchange=result.exchange,
                findings=result.findings,
            )
        )
        failing = tuple(self._failing(result.findings))
        return msgspec.structs.replace(result, findings=failing)

    def api(self, test: str, operations: Collection[str], *, protocol: bool = False) -> Api | CaseResult:
        """Return the client of a test, or the result of a test that must not call the target.

        Args:
            test: its id.
            operations: labels of all operations that it calls.
            protocol: it is about the protocol only.
        """
        if (unclaimed := self.claims.test(protocol=protocol)) is not None:
            self.note(test, unclaimed)
            return unclaimed
        if (reason := self.permission.forbidden(operations)) is None and not self._liveness.over:
            return Api(
                test,
                self._judge.contract,
                self._send_for_test,
                self._record_for_test,
                profile=self._plan.profile,
                unique=self._unique(),
                seed=self._plan.seed,
                undo=self._resources.clear,
                patience=self._patience,
                models=self._suite.models,
                waived=self.claims.waived,
            )
        result = CaseResult("skipped", reason) if reason else self._gone()
        self.note(test, result)
        return result

    def note(
        self, test: str, result: CaseResult, *, operation: str = "", unsent: int = 0, unclaimed: int = 0
    ) -> None:
        """Record the result of a test without an exchange.

        Args:
            test: its id.
            result: of the test.
            operation: label of its operation, if it has one.
            unsent: number of requests that were left out, because their starting request is not served.
            unclaimed: likewise, because they need what the target does not claim.
        """
        outcome, reason = result.outcome, result.reason
        self._write(
            Record(
                case=test,
                operation=operation,
                outcome=outcome,
                reason=reason,
                unsent=unsent,
                unclaimed=unclaimed,
            )
        )

    def close(self) -> None:
        """Remove what the run has created, with the requests that were reserved for it.

        Raises:
            ReportError: the journal cannot be written; what was created is removed all the same.
        """
        self._closing = True
        self._resources.remove()
        if self._unwritten is not None:
            raise self._unwritten

    def _write(self, record: Record) -> None:
        self._note(record)
        self._check_written()

    def _note(self, record: Record) -> None:
        """Write a record; an error is raised later, when nothing is being created."""
        try:
            self._journal.add(record)
        except ReportError as error:
            self._unwritten = self._unwritten or error

    def _check_written(self) -> None:
        if self._unwritten is not None and not self._closing:
            raise self._unwritten

    def left_out(self, case: Case) -> str | None:
        """Return why a case is not sent to the target; `None` if it is."""
        return self.permission.left_out(case) or self.claims.unclaimed(case.template, case.key)

    def send(self, case: Case) -> Sent | CaseResult:
        """Send a case, or return the result of one that must not or cannot be sent."""
        if (reason := self.left_out(case)) is not None:
            return CaseResult("skipped", reason)
        if self._liveness.over:
            return self._gone()
        if (reason := self._absent.reason(case.models.values())) is not None:
            return CaseResult("inconclusive", reason)
        try:
            values = self._resources.values(case.needs)
            expectation = case.expectation(self._plan.profile, values)
            if isinstance(expectation, Skip):
                return CaseResult("skipped", expectation.reason)
            outgoing = case.outgoing(values, self._authorizations.get(case.key))
            exchange = self._send_tracked(case.operation, case.id, outgoing, values, case.id)
        except MissingError as error:
            if (reason := self._absent.reason(case.models.values())) is not None:
                return CaseResult("inconclusive", reason)
            # On a server that must be able to do it, not testable counts as failed.
            return self.claims.stateless or CaseResult(
                "inconclusive" if self._plan.target_kind is TargetKind.LIVE else "failed", str(error)
            )
        except BudgetError as error:
            return CaseResult("inconclusive", str(error))
        except RefusedError as error:
            return self._refused(error)
        changes = self._policies[case.operation].effect in {Effect.CHANGES, Effect.DESTROYS}
        if changes and 200 <= exchange.response.status < 300:
            # The next case that needs the resource gets a new one.
            self._resources.renew(case.needs)
        return Sent(exchange, expectation, values)

    def judged(self, sent: Sent) -> CaseResult:
        """Return the result of a case that was sent."""
        return self._judged(sent.exchange, sent.expectation)

    def _refused(self, error: RefusedError) -> CaseResult:
        """Return the result of a case that the guard has refused."""
        if not isinstance(error, OwnershipError):
            return CaseResult("skipped", str(error))
        if not error.claimed:
            return CaseResult("error", f"the case was about to send {error}; please report it")
        return self.claims.stateless or CaseResult(
            "inconclusive" if self._plan.target_kind is TargetKind.LIVE else "failed", str(error)
        )

    def _gone(self) -> CaseResult:
        return CaseResult("error", self._liveness.reason)

    def _judged(self, exchange: Exchange, expectation: Expectation) -> CaseResult:
        judged = self._judge.findings(exchange)
        expectation = self.claims.demanded(exchange, expectation, judged)
        return self.excused(exchange, expectation) or self.weighed(
            exchange,
            [*self._found(exchange, judged), *expected(self._judge.contract, exchange, expectation)],
        )

    def sent(self, outgoing: Outgoing, name: str) -> Exchange | CaseResult:
        """Send a request for which no case is written, or return the result where it cannot be sent."""
        if self._liveness.over:
            return self._gone()
        try:
            return self._sender.send(outgoing, position=name)
        except BudgetError as error:
            return CaseResult("inconclusive", str(error))
        except RefusedError as error:
            return self._refused(error)

    def excused(self, exchange: Exchange, expectation: Expectation) -> CaseResult | None:
        """Return the result of a case whose response is inconclusive; `None` for others."""
        response = exchange.response
        self._liveness.note(response)
        excuse = self._absent.note(exchange, expectation) or self._excuse(response, expectation)
        return None if excuse is None else CaseResult("inconclusive", excuse, (), exchange)

    def weighed(self, exchange: Exchange, findings: Iterable[Finding]) -> CaseResult:
        """Return the result of a case by its findings, and by reused ids in the response."""
        found = self.claims.judged((*findings, *self.reused(exchange)))
        return CaseResult("failed" if any(self._failing(found)) else "passed", "", found, exchange)

    def reused(self, exchange: Exchange) -> Iterable[Finding]:
        """Return findings about ids in a response that existed before."""
        return () if self.claims.stateless else reused_ids(self._guard, exchange)

    def _found(self, exchange: Exchange, judged: Iterable[Finding]) -> list[Finding]:
        found = (*judged, *self._steady.findings(exchange))
        # Invalid requests are deliberate, and the tests of the suites check all others.
        return [one for one in found if one.kind not in OURS]

    def _failing(self, findings: Iterable[Finding]) -> Iterable[Finding]:
        worst = RANK[self._fail_on]
        return (one for one in findings if one.amendment is None and RANK[one.severity] <= worst)

    def _excuse(self, response: Response, expectation: Expectation) -> str | None:
        """Return why a response of a live service is inconclusive; `None` for others."""
        if self._plan.target_kind is not TargetKind.LIVE:
            return None
        if response.failure is not None and response.failure.kind in UNANSWERED:
            return f"no response: {response.failure.kind}"
        wanted = response.status in expectation.status
        if not wanted and (response.status in EXCUSES or response.status >= 500):
            return f"status {response.status}, which the case does not expect"
        return None

    def _send_for_test(
        self, test: str, template: RequestTemplate, key: Credential, expectation: Expectation, clearing: bool
    ) -> Judged:
        self.claims.check(template, key)
        authorization = self._authorizations.get(key)
        outgoing = template.outgoing({}, name=test, key=key, authorization=authorization)
        try:
            exchange = self._send_tracked(template.operation, test, outgoing, {}, test)
        except BudgetError as error:
            self.note(test, CaseResult("inconclusive", str(error)))
            raise
        result = self._judged(exchange, expectation)
        self._write(
            Record(
                case=test,
                operation=template.operation,
                outcome=result.outcome,
                reason=result.reason,
                exchange=exchange,
                findings=result.findings,
                setup=clearing,
            )
        )
        return exchange, tuple(self._failing(result.findings)), result.reason

    def _send_tracked(
        self, operation: str, owner: str, outgoing: Outgoing, values: Mapping[str, str], position: str
    ) -> Exchange:
        """Send a request; what it creates is removed at the end of the run at the latest."""
        if (known := self._shared.find(owner, outgoing)) is not None:
            return known

        def send() -> Exchange:
            return self._sender.send(outgoing, position=position)

        exchange = self._resources.making(operation, owner, send, values)
        self._shared.add(owner, operation, outgoing, exchange)
        return exchange

    def _record_for_test(self, test: str, exchange: Exchange, finding: Finding) -> None:
        label = self._judge.contract.route(exchange.request.method, exchange.request.url).operation
        outcome: CaseOutcome = "failed" if any(self._failing([finding])) else "passed"
        self._write(
            Record(case=test, operation=label or "", outcome=outcome, exchange=exchange, findings=(finding,))
        )

    def _send_for_resource(
        self, template: RequestTemplate, name: str, values: Mapping[str, str], expectation: Expectation
    ) -> Exchange:
        self._check_written()
        exchange = self._sender.send(template.outgoing(values, name=name), position=name)
        result = self._judged(exchange, expectation)
        self._note(
            Record(
                case=name,
                operation=template.operation,
                outcome=result.outcome,
                reason=result.reason,
                exchange=exchange,
                findings=result.findings,
                setup=True,
            )
        )
        return with_id(
            template.operation,
            with_wrapper(self._judge.contract, exchange),
            lambda listing: self._send_for_resource(RequestTemplate.literal(listing), name, {}, expectation),
        )
