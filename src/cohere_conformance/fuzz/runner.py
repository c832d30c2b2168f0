"""Runs derived requests: what the fuzzer has changed is sent, judged and written down one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.edge import EXCUSES
from cohere_conformance.client.sender import Outgoing
from cohere_conformance.contract.tiers import Effect
from cohere_conformance.errors import OwnershipError
from cohere_conformance.fuzz.baseline import Attempt
from cohere_conformance.fuzz.response_checks import led_elsewhere, observed, refused_for_size, status_findings
from cohere_conformance.report import CaseOutcome, Record
from cohere_conformance.session.liveness import UNANSWERED
from cohere_conformance.session.plan import TargetKind
from cohere_conformance.session.resources import MissingError
from cohere_conformance.session.reused import reused_ids
from cohere_conformance.session.runner import Runner
from cohere_conformance.session.unique import Unique

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.fuzz.baseline import ToBlame
    from cohere_conformance.fuzz.candidate import Candidate
    from cohere_conformance.model import Exchange, Response


class FuzzRunner(Runner):
    """Runs derived requests against one target, beside the cases."""

    def _names(self, run: str) -> tuple[Unique, str]:
        # For the same seed a run sends the same requests again, so its names are the same as well.
        unique = Unique(self._plan.seed)
        return unique, unique()

    def attempt(self, test: str, candidate: Candidate, to_blame: ToBlame | None = None) -> Attempt:
        """Send a derived request and judge the answer.

        What it made is removed at once, and what it has destroyed or changed is made anew before it is used
        again, so that every request meets the same state.

        Args:
            test: id under which it is written down.
            candidate: the request.
            to_blame: keeps of findings that fail it those that its change may be blamed for.

        Raises:
            BudgetError: no further request may be sent.
            ForbiddenError: the target may not be sent such a request.
            MissingError: what the case needs cannot be made.
            RuntimeError: the request could harm what the run did not make, which is a defect of whatever
                derived it.
        """
        if self._liveness.over and not self._alive(test):
            reason = self._gone().reason
            return Attempt((), served=False, observed=reason, gone=reason)
        values = self._resources.values(candidate.needs)
        template = candidate.template
        outgoing = template.outgoing(
            values, name=test, key=candidate.key, authorization=self._authorizations.get(candidate.key)
        )
        # By its size, so that a report shows the smallest of several requests that fail alike.
        position = f"{test}: {len(outgoing.body or b'') + len(outgoing.path)} bytes"

        def send() -> Exchange:
            return self._send_for_keeps(template.operation, test, outgoing, values, position)

        try:
            exchange = send()
        except OwnershipError as error:
            if error.claimed:
                raise MissingError(str(error)) from error
            raise RuntimeError(f"{test} was about to send {error}; please report it") from error
        response = exchange.response
        lost = self._liveness.note(response)
        excuse = self._fuzz_excuse(response, send)
        unjudged = led_elsewhere(candidate, exchange) or refused_for_size(candidate, exchange)
        judged = [] if unjudged else self._found(exchange)
        foreign = tuple(reused_ids(self._guard, exchange))
        findings = foreign if excuse else (*judged, *foreign, *status_findings(candidate, exchange, judged))
        self._restore(test, candidate, exchange)
        if to_blame is not None and any(self._failing(findings)):
            findings = to_blame(findings)
        failing = tuple(self._failing(findings))
        outcome: CaseOutcome = "inconclusive" if excuse else "failed" if failing else "passed"
        self._write(
            Record(
                case=test,
                operation=template.operation if self._declared(template.operation) else "",
                outcome=outcome,
                reason=excuse or "",
                exchange=exchange,
                findings=findings,
                way=candidate.mode,
            )
        )
        served = 200 <= response.status < 300 and response.failure is None
        return Attempt(
            failing,
            served=served and not excuse,
            observed="" if served else excuse or observed(exchange),
            gone="an answer never came" if lost else "",
        )

    def _alive(self, test: str) -> bool:
        """Tell whether a target that left several requests in a row without an answer answers at all."""
        # Asked once: a target that is gone is gone for the rest of the run.
        if self._liveness.worth_asking():
            response = self._sender.send(Outgoing("GET", "/v1/models"), position=test).response
            if response.status and response.failure is None:
                self._liveness.answered()
        return not self._liveness.over

    def _declared(self, operation: str) -> bool:
        return operation in self._policies

    def _fuzz_excuse(self, response: Response, again: Callable[[], Exchange]) -> str | None:
        """Return why an answer of a live service says nothing, if so: one crash may be an incident."""
        if self._plan.target_kind is not TargetKind.LIVE:
            return None
        if response.failure is not None and response.failure.kind in UNANSWERED:
            return f"no answer: {response.failure.kind}"
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
