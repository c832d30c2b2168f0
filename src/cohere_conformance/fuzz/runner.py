"""Runs generated requests: sends, judges and records one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.edge import EXCUSES
from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.contract.tiers import Effect
from cohere_conformance.errors import OwnershipError
from cohere_conformance.fuzz.baseline import Attempt
from cohere_conformance.fuzz.response_checks import (
    may_be_misrouted,
    observed,
    refused_for_size,
    status_findings,
)
from cohere_conformance.model import Expectation
from cohere_conformance.report import CaseOutcome, Record
from cohere_conformance.session.api import Api
from cohere_conformance.session.liveness import UNANSWERED
from cohere_conformance.session.plan import TargetKind
from cohere_conformance.session.resources import MissingError
from cohere_conformance.session.runner import Runner
from cohere_conformance.session.unique import Unique

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cohere_conformance.fuzz.baseline import ToBlame
    from cohere_conformance.fuzz.candidate import Candidate
    from cohere_conformance.model import Exchange, Finding, Response
    from cohere_conformance.session.result import CaseResult

_NOTHING = Expectation(status=())


class FuzzRunner(Runner):
    """Runs generated requests, and written cases, against one target.

    Attributes:
        relations: how many inputs a test generates for each relation between several responses.
    """

    relations = 1

    def api(self, test: str, operations: Collection[str], *, protocol: bool = False) -> Api | CaseResult:
        """Return the client of a test that generates inputs, or the result of one that must not call."""
        found = super().api(test, operations, protocol=protocol)
        if isinstance(found, Api):
            found.examples = self.relations
        return found

    def _names(self, run: str) -> tuple[Unique, str]:
        # For the same seed a run sends the same requests again, so its names are the same as well.
        unique = Unique(self._plan.seed)
        return unique, unique()

    def attempt(self, test: str, candidate: Candidate, to_blame: ToBlame | None = None) -> Attempt:
        """Send a generated request and judge the response.

        What the request created is removed at once, and what it deleted or changed is created again before
        it is used the next time, so that every request meets the same state.

        Args:
            test: id under which it is recorded.
            candidate: the request.
            to_blame: returns, of findings that fail the request, those that its change causes.

        Raises:
            BudgetError: no further request may be sent.
            ForbiddenError: such a request may not be sent to the target, or needs what it does not claim.
            MissingError: a resource that the request needs cannot be created.
            RuntimeError: the request could harm what the run did not create, which is a defect of the
                generator.
        """
        self.claims.check(candidate.template, candidate.key)
        if self._liveness.over and not self._alive(test):
            reason = self._gone().reason
            return Attempt((), served=False, observed=reason, gone=reason)
        send = self._sending(test, candidate)
        exchange = self._checked(test, send)
        response = exchange.response
        lost = self._liveness.note(response)
        excuse = self._absent.note(exchange, _NOTHING) or self._fuzz_excuse(response, send)
        findings = self._fuzz_findings(candidate, exchange, excuse)
        self._restore(test, candidate, exchange)
        if to_blame is not None and any(self._failing(findings)):
            findings = to_blame(findings)
        failing = tuple(self._failing(findings))
        self._record(test, candidate, exchange, findings, excuse)
        served = 200 <= response.status < 300 and response.failure is None
        return Attempt(
            failing,
            served=served and not excuse,
            observed="" if served else excuse or observed(exchange),
            gone="no complete response was received" if lost else "",
        )

    def _sending(self, test: str, candidate: Candidate) -> Callable[[], Exchange]:
        """Return what sends a request, with the resources that it needs."""
        values, template = self._resources.values(candidate.needs), candidate.template
        outgoing = template.outgoing(
            values, name=test, key=candidate.key, authorization=self._authorizations.get(candidate.key)
        )
        # The size comes first where a report chooses one of several requests that fail alike.
        position = f"{test}: {len(outgoing.body or b'') + len(outgoing.path)} bytes"
        return lambda: self._send_tracked(template.operation, test, outgoing, values, position)

    def _checked(self, test: str, send: Callable[[], Exchange]) -> Exchange:
        try:
            return send()
        except OwnershipError as error:
            if error.claimed:
                raise MissingError(str(error)) from error
            raise RuntimeError(f"{test} was about to send {error}; please report it") from error

    def _fuzz_findings(
        self, candidate: Candidate, exchange: Exchange, excuse: str | None
    ) -> tuple[Finding, ...]:
        unjudged = may_be_misrouted(candidate, exchange) or refused_for_size(candidate, exchange)
        raw = self._judge.findings(exchange)
        judged = list(self.claims.judged([] if unjudged else self._found(exchange, raw)))
        reused = self.claims.judged(self.reused(exchange))
        if excuse:
            return reused
        return (*judged, *reused, *self.claims.enforced(status_findings(candidate, exchange, judged), raw))

    def _record(
        self,
        test: str,
        candidate: Candidate,
        exchange: Exchange,
        findings: tuple[Finding, ...],
        excuse: str | None,
    ) -> None:
        failed = any(self._failing(findings))
        outcome: CaseOutcome = "inconclusive" if excuse else "failed" if failed else "passed"
        operation = candidate.template.operation
        self._write(
            Record(
                case=test,
                operation=operation if self._declared(operation) else "",
                outcome=outcome,
                reason=excuse or "",
                exchange=exchange,
                findings=findings,
                mode=candidate.mode,
            )
        )

    def _alive(self, test: str) -> bool:
        """Return whether a target that did not respond to several requests in a row responds at all."""
        # Once in a run: a target that is gone is gone for the rest of it.
        if self._liveness.worth_asking():
            response = self._sender.send(Outgoing("GET", "/v1/models"), position=test).response
            if response.status and response.failure is None:
                self._liveness.answered()
        return not self._liveness.over

    def _declared(self, operation: str) -> bool:
        return operation in self._policies

    def _fuzz_excuse(self, response: Response, again: Callable[[], Exchange]) -> str | None:
        """Return why a response of a live service is inconclusive, if it is: one crash may be an incident."""
        if self._plan.target_kind is not TargetKind.LIVE:
            return None
        if response.failure is not None and response.failure.kind in UNANSWERED:
            return f"no response: {response.failure.kind}"
        if response.status in EXCUSES - {401} or response.status in {502, 503, 504}:
            return f"status {response.status}"
        if response.status >= 500 and again().response.status < 500:
            return f"status {response.status}, once"
        return None

    def _restore(self, test: str, candidate: Candidate, exchange: Exchange) -> None:
        self._resources.clear(test)
        status, label = exchange.response.status, candidate.template.operation
        if not 200 <= status < 300 or not self._declared(label):
            return
        if self._policies[label].effect is Effect.DESTROYS or label.endswith("cancel"):
            self._resources.renew(candidate.needs)
