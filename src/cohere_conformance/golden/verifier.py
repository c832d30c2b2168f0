"""Verifies golden cassettes: compares what a target responds today with what was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec.structs import replace

from cohere_conformance.cases.roles import case_with_models
from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.errors import CassetteError
from cohere_conformance.golden import Cassette, load
from cohere_conformance.golden.cassette import Origin
from cohere_conformance.golden.compare import Demands, compare
from cohere_conformance.golden.digest import CaseDigests
from cohere_conformance.golden.replayer import NO_CASSETTE, given_headers
from cohere_conformance.model import Expectation, Severity
from cohere_conformance.privacy.anonymous import anonymised
from cohere_conformance.session.result import OURS, CaseResult, Sent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from cohere_conformance.cases import Case, Suite
    from cohere_conformance.contract import Contract
    from cohere_conformance.golden.compare import Rules
    from cohere_conformance.model import Exchange, Finding
    from cohere_conformance.session.judging import Judge
    from cohere_conformance.session.runner import Runner


def differences(
    contract: Contract,
    rules: Rules,
    golden: Cassette,
    sent: Sent,
    *,
    values_of: Collection[Origin] = tuple(Origin),
) -> tuple[Finding, ...]:
    """Return where the response to a case means something else than the recorded one.

    Args:
        contract: of the responses.
        rules: what has to be equal, and what is expected to differ.
        golden: the cassette.
        sent: the case as it was sent again.
        values_of: the origins whose cassettes are compared by value; those of others by status and shape.
    """
    values = golden.provenance.values
    fresh, renamed = anonymised(sent.exchange)
    return compare(
        contract,
        rules,
        golden.provenance.id,
        golden.exchange,
        fresh,
        golden_values=values,
        fresh_values={name: renamed(sent.values[name]) for name in values.keys() & sent.values.keys()},
        demands=None if golden.provenance.origin in values_of else Demands(sent.expectation),
    )


def _once(first: Sequence[Finding], then: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings, and those of others at locations that none of the first is at."""
    places = {one.location for one in first}
    return (*first, *(one for one in then if one.location not in places))


class Verifier:
    """Compares the responses of a target with the recorded ones.

    Values that are not compared (ids, generated text) are at least judged by the contract and its
    requirements: a finding that the golden response does not have is a change, too.

    Args:
        runner: sends.
        suite: the resources that cases need.
        judge: judges exchanges by the contract.
        rules: what may differ.
        cassettes: path of each cassette by its id.
        values_of: the origins whose cassettes are compared by value.
        models: that the caller wants for roles, instead of the recorded ones.
    """

    def __init__(
        self,
        runner: Runner,
        suite: Suite,
        judge: Judge,
        rules: Rules,
        cassettes: Mapping[str, Path],
        *,
        values_of: Collection[Origin],
        models: Mapping[str, str] | None = None,
    ) -> None:
        self._runner = runner
        self._suite = suite
        self._models = models or {}
        self._sends = CaseDigests(suite)
        self._judge = judge
        self._rules = rules
        self._cassettes = cassettes
        self._values_of = values_of

    def run(self, case: Case) -> CaseResult:
        """Send a case and compare the response with the golden one."""
        return self._runner.conclude(case.id, case.operation, self._verified(case))

    def replay(self, name: str) -> CaseResult:
        """Send an imported request again, unless it depends on things of its author."""
        try:
            golden = load(self._cassettes[name])
        except CassetteError as error:
            return self._runner.conclude(name, "", CaseResult("error", str(error)))
        label = golden.provenance.operation
        return self._runner.conclude(name, label, self._again(name, golden))

    def _again(self, name: str, golden: Cassette) -> CaseResult:
        label, request = golden.provenance.operation, golden.exchange.request
        if "{" in label or not self._runner.permission.harmless(label):
            return CaseResult("skipped", "its request uses or creates things of its author")
        if (reason := self._runner.permission.forbidden([label])) is not None:
            return CaseResult("skipped", reason)
        parts = urlsplit(request.url)
        outgoing = Outgoing(
            request.method,
            request.url.removeprefix(f"{parts.scheme}://{parts.netloc}"),
            given_headers(request.headers, but="authorization"),
            request.body,
            has_key=request.has_key,
        )
        if (reason := self._runner.claims.unclaimed_request(label, outgoing)) is not None:
            return CaseResult("skipped", reason)
        exchange = self._runner.sent(outgoing, name)
        if isinstance(exchange, CaseResult):
            return exchange
        return self._compared(golden, Sent(exchange, Expectation(status=()), {}))

    def _verified(self, case: Case) -> CaseResult:
        path = self._cassettes.get(case.id)
        if path is None:
            return CaseResult("skipped", NO_CASSETTE)
        try:
            golden = load(path)
        except CassetteError as error:
            return CaseResult("error", str(error))
        recorded = golden.provenance.role_models
        case = case_with_models(case, self._suite, recorded)
        if golden.provenance.case != self._sends.of(case):
            return CaseResult(
                "error", "the case sends another request than the recorded one; record it again"
            )
        sent = self._runner.send(case_with_models(case, self._suite, {**recorded, **self._models}))
        if isinstance(sent, CaseResult):
            return sent
        return self._compared(golden, sent)

    def _compared(self, golden: Cassette, sent: Sent) -> CaseResult:
        judged = self._judge.findings(sent.exchange)
        sent = replace(
            sent, expectation=self._runner.claims.demanded(sent.exchange, sent.expectation, judged)
        )
        statuses = (golden.exchange.response.status, *self._accepted(golden, sent))
        if (excused := self._runner.excused(sent.exchange, Expectation(status=statuses))) is not None:
            return excused
        found = (
            *differences(self._judge.contract, self._rules, golden, sent, values_of=self._values_of),
            *self._further(golden, sent.exchange),
        )
        by_value = golden.provenance.origin in self._values_of
        if by_value and any(one.severity is Severity.BREAKING for one in found):
            return self._runner.weighed(sent.exchange, found)
        # What differs only a little does not explain what else is wrong.
        worse = list(self._worse(golden.exchange, sent.exchange))
        return self._runner.weighed(sent.exchange, _once(found, worse) if by_value else _once(worse, found))

    def _further(self, golden: Cassette, fresh: Exchange) -> Iterable[Finding]:
        """Return differences beyond the meaning of the response; none unless a subclass knows some."""
        return ()

    def _accepted(self, golden: Cassette, sent: Sent) -> tuple[int, ...]:
        return () if golden.provenance.origin in self._values_of else sent.expectation.status

    def _worse(self, golden: Exchange, fresh: Exchange) -> Iterable[Finding]:
        """Yield the findings that the golden response does not have."""
        known = {finding.fingerprint for finding in self._judge.findings(golden)}
        return (
            finding
            for finding in self._judge.findings(fresh)
            if finding.kind not in OURS and finding.amendment is None and finding.fingerprint not in known
        )
