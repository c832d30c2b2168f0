"""What a target claims beyond its operations: which features, and whether its answers mean something.

What is not claimed is not sent, or not judged. A finding about anything else stays a finding: a requirement
is left out only if the feature says so, and the contract judges every response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import msgspec

from cohere_conformance.contract.features import FeatureRequest, shipped_features
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.errors import NotClaimedError
from cohere_conformance.model import Kind, Severity, Subject
from cohere_conformance.report.coverage import NOT_CLAIMED
from cohere_conformance.session.result import CaseResult

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.cases import Credential, RequestTemplate
    from cohere_conformance.client.outgoing import Outgoing
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange, Expectation, Finding
    from cohere_conformance.session.plan import Plan

CONTENT = "content"
"""What a target with canned answers does not claim, in place of a feature."""


def waived(without: Iterable[str], *, protocol_only: bool) -> frozenset[str]:
    """Return the ids of the requirements that are not judged.

    Args:
        without: ids of the features that the target does without; unknown ones do not matter.
        protocol_only: only the protocol is judged.
    """
    known, requirements = shipped_features().known, shipped_requirements().requirements.values()
    found = {clause for name in without if name in known for clause in known[name].unjudged}
    if protocol_only:
        found |= {one.id for one in requirements if one.about is Subject.CONTENT}
    return frozenset(found)


class Claims:
    """Decides what is not sent and not judged, because the target does not claim it.

    Args:
        plan: names the features that the target does without, and whether only the protocol is judged.
        contract: the operations.
    """

    def __init__(self, plan: Plan, contract: Contract) -> None:
        self._contract = contract
        self._protocol_only = plan.protocol_only
        known = shipped_features().known
        self._without = {name: known[name] for name in plan.without}
        self.waived = waived(plan.without, protocol_only=plan.protocol_only)
        """Ids of the requirements that are not judged."""

    # -- what is not sent

    def unclaimed(self, template: RequestTemplate, key: Credential) -> str | None:
        """Return why a request is not sent; `None` if it is."""
        return self._reason(FeatureRequest(template.operation, template.query, template.body, key))

    def unclaimed_request(self, operation: str, outgoing: Outgoing) -> str | None:
        """Return why a recorded request is not sent; `None` if it is.

        Args:
            operation: label of its operation.
            outgoing: the request.
        """
        query = tuple(parse_qsl(urlsplit(outgoing.path).query, keep_blank_values=True))
        try:
            body = msgspec.json.decode(outgoing.body or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            body = msgspec.UNSET
        return self._reason(FeatureRequest(operation, query, body))

    def check(self, template: RequestTemplate, key: Credential) -> None:
        """Allow a request.

        Raises:
            NotClaimedError: it needs a feature that the target does without.
        """
        if (reason := self.unclaimed(template, key)) is not None:
            raise NotClaimedError(reason)

    def _reason(self, request: FeatureRequest) -> str | None:
        needed = [name for name, feature in self._without.items() if feature.needed_by(request)]
        return f"{NOT_CLAIMED}{', '.join(needed)}" if needed else None

    def test(self, *, protocol: bool) -> CaseResult | None:
        """Return the result of a test that is not run; `None` if it is.

        Args:
            protocol: the test is about the protocol, not about what several responses mean together.
        """
        return self.stateless if self._protocol_only and not protocol else None

    @property
    def stateless(self) -> CaseResult | None:
        """The result of what needs a target that stores something; `None` where it has to."""
        return CaseResult("skipped", f"{NOT_CLAIMED}{CONTENT}") if self._protocol_only else None

    # -- what is not judged

    def judged(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Return the findings about what the target claims."""
        return tuple(
            one for one in findings if one.requirement not in self.waived and not self._leaves_out(one)
        )

    def _leaves_out(self, finding: Finding) -> bool:
        """Return whether a finding is about an optional part that an example of another server has."""
        optional = finding.kind is Kind.GOLDEN_CHANGED and finding.severity is Severity.NOTICE
        return self._protocol_only and optional

    def enforced(self, findings: Iterable[Finding], judged: Iterable[Finding]) -> tuple[Finding, ...]:
        """Return the findings about how a generated request was refused or served that the target claims.

        Args:
            findings: about the status of the response.
            judged: what the contract says of the request and the response.
        """
        if not self._protocol_only or any(map(_refusable, judged)):
            return tuple(findings)
        # The rule is about the meaning of the request: the contract accepts it.
        return tuple(one for one in findings if one.kind is not Kind.RULE_UNENFORCED)

    def startable(self, needs: Iterable[str]) -> str | None:
        """Return why a request must not be varied by the fuzzer; `None` if it may.

        Args:
            needs: resources of the request: canned answers do not create any.
        """
        return f"{NOT_CLAIMED}{CONTENT}" if self._protocol_only and any(needs) else None

    def demanded(
        self, exchange: Exchange, expectation: Expectation, findings: Iterable[Finding]
    ) -> Expectation:
        """Return what is demanded of a response of what its case expects.

        Args:
            exchange: the case as it was sent.
            expectation: of the case.
            findings: of the exchange: whether the request is valid.
        """
        if self._protocol_only:
            status = (*expectation.status, *self._also(exchange, expectation, findings))
            return msgspec.structs.replace(expectation, status=status, headers={}, body={})
        if not self._without:
            return expectation
        body = {
            location: schema
            for location, schema in expectation.body.items()
            if not any(feature.shows_at(location) for feature in self._without.values())
        }
        return msgspec.structs.replace(expectation, body=body)

    def _also(
        self, exchange: Exchange, expectation: Expectation, findings: Iterable[Finding]
    ) -> tuple[int, ...]:
        """Return further statuses: canned answers may serve what only its meaning makes wrong."""
        request = exchange.request
        label = self._contract.route(request.method, request.url).operation
        if label is None or not request.has_key or any(status < 400 for status in expectation.status):
            return ()
        if any(map(_refusable, findings)):
            return ()
        declared = self._contract.operations[label].responses
        return tuple(int(status) for status in declared if status.isdecimal() and status.startswith("2"))


def _refusable(finding: Finding) -> bool:
    """Return whether a finding shows that a request is invalid for every server, whatever it means."""
    # Version 1 ignores unknown properties.
    tolerated = finding.value_class.startswith(Kind.PROPERTY_UNDOCUMENTED) and "/v1/" in finding.operation
    return finding.kind is Kind.REQUEST_INVALID and finding.amendment is None and not tolerated
