"""Finds the amendment that explains a deviation: the one without which it would be a finding."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.checks.difference import ContractDifference, difference
from cohere_conformance.checks.judge import Judgement, judge_parsed, judgement_of
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract, Declarations
    from cohere_conformance.contract.overlay import Amendment
    from cohere_conformance.model import Exchange, Finding


_MOST_SEARCHED = 20
"""Maximum number of searches for an explanation in one exchange: each takes long."""
_LARGEST_SEARCHED = 1024 * 1024
"""Bytes of a response above which only known explanations are used."""


class Explainer:
    """Judges against the amended contract and reports the deviations that amendments explain.

    A deviation from the published document only is returned with the id of the amendment that explains it.
    The amendment is found by trying: the published document with this amendment alone no longer shows the
    deviation, or the amended document without it does.

    Args:
        declarations: the documents below `contracts/`.
    """

    def __init__(self, declarations: Declarations) -> None:
        self._declarations = declarations
        self._known: dict[tuple[str, int], ContractDifference | None] = {}
        self._explained: dict[str, str] = {}

    @cached_property
    def contract(self) -> Contract:
        """The amended contract."""
        return self._declarations.contract()

    @cached_property
    def _published(self) -> Contract:
        return self._declarations.contract(as_published=True)

    def judge(self, exchange: Exchange) -> list[Finding]:
        """Return the findings of the exchange; those with an `amendment` are explained by it."""
        return self.judgement(exchange).findings

    def judgement(self, exchange: Exchange) -> Judgement:
        """Return these findings, with the requirements that are not testable on the exchange."""
        return self.judgement_parsed(ParsedExchange(exchange))

    def judgement_parsed(self, parsed: ParsedExchange) -> Judgement:
        """Return the same for an exchange that is already parsed."""
        exchange, judgement = parsed.exchange, judgement_of(self.contract, parsed)
        findings = judgement.findings
        label = self.contract.route(exchange.request.method, exchange.request.url).operation
        differing = self._difference(label, exchange.response.status) if label is not None else None
        if label is None or differing is None:
            return judgement
        if any(finding.omitted for finding in findings):
            return judgement  # which of the omitted ones are explained is unknown
        remaining = {finding.fingerprint for finding in findings}
        body = exchange.response.body or b""
        left = _MOST_SEARCHED if len(body) <= _LARGEST_SEARCHED else 0
        conforms = all(finding.requirement is not None for finding in findings)
        published = differing.findings(parsed) if conforms else None
        if published is None:
            published = judge_parsed(self._published, parsed, requirements=False)
        for finding in published:
            fingerprint = finding.fingerprint
            if fingerprint in remaining:
                continue
            if fingerprint not in self._explained:
                if left <= 0:
                    continue  # each search judges the response many times
                left -= 1
                self._explained[fingerprint] = self._search(label, fingerprint, parsed)
            amendment = self._explained[fingerprint]
            findings.append(msgspec.structs.replace(finding, amendment=amendment))
        return judgement

    def _difference(self, label: str, status: int) -> ContractDifference | None:
        """Return what amendments change of what is declared of an exchange; if nothing, it is judged once."""
        key = label, status
        if key not in self._known:
            ours, published = self.contract.operations[label], self._published.operations.get(label)
            if published is None:
                self._known[key] = ContractDifference(ours, True, None, None)
            elif published.digest == ours.digest:
                self._known[key] = None
            else:
                self._known[key] = difference(ours, published, status)
        return self._known[key]

    def _search(self, label: str, fingerprint: str, parsed: ParsedExchange) -> str:
        # An amendment of what the operation does not use explains nothing, and trying it takes long.
        amending = self._declarations.amending(label)
        for amendment in amending:
            contract = self._contract((amendment,))
            if contract is not None and not _shows(contract, parsed, fingerprint):
                return amendment.id
        for amendment in amending:
            others = tuple(other for other in self._declarations.changes if other is not amendment)
            contract = self._contract(others)
            if contract is not None and _shows(contract, parsed, fingerprint):
                return amendment.id
        return "several"

    def _contract(self, chosen: tuple[Amendment, ...]) -> Contract | None:
        """Compile a variant; `None` if the chosen amendments depend on the others."""
        try:
            return self._declarations.contract_with(chosen)
        except ContractError:
            return None


class Corrector:
    """Judges against the document as published, and names the amendment that corrects each deviation.

    Args:
        declarations: the documents below `contracts/`.

    Attributes:
        contract: the document as published.
    """

    def __init__(self, declarations: Declarations) -> None:
        self.contract = declarations.contract(as_published=True)
        self._declarations = declarations
        self._corrections: dict[str, str | None] = {}

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self._declarations)

    def judgement(self, exchange: Exchange) -> Judgement:
        """Return the findings, each with the `correction` that the document needs there, if there is one."""
        judgement = judgement_of(self.contract, ParsedExchange(exchange), requirements=False)
        findings = judgement.findings
        if unknown := {one.fingerprint for one in findings} - self._corrections.keys():
            amended = {one.fingerprint: one.amendment for one in self._explainer.judge(exchange)}
            self._corrections |= {name: amended.get(name) for name in unknown}
        findings[:] = [
            msgspec.structs.replace(one, correction=self._corrections[one.fingerprint]) for one in findings
        ]
        return judgement


def _shows(contract: Contract, parsed: ParsedExchange, fingerprint: str) -> bool:
    found = judge_parsed(contract, parsed, requirements=False)
    return any(finding.fingerprint == fingerprint for finding in found)
