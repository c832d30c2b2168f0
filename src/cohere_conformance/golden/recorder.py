"""Records golden cassettes: one of every case that passes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from msgspec.structs import replace

from cohere_conformance import __version__
from cohere_conformance.cases.roles import default_models
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.errors import BudgetError, CassetteError, LeakError
from cohere_conformance.golden import Cassette, Origin, Provenance, save
from cohere_conformance.golden.digest import CaseDigests, ContractDigests
from cohere_conformance.golden.whole import HOME, origin_of
from cohere_conformance.privacy.anonymous import anonymised
from cohere_conformance.session.resources import MissingError
from cohere_conformance.session.result import CaseResult, Sent

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from cohere_conformance.cases import Case, Suite
    from cohere_conformance.contract import Contract
    from cohere_conformance.golden.fresh_server import FreshServer
    from cohere_conformance.model import Exchange
    from cohere_conformance.privacy.secret import Secret
    from cohere_conformance.session.plan import Plan
    from cohere_conformance.session.runner import Runner

STAGED = "recorded"
"""Folder in that of the report for new cassettes, until they are accepted."""


class Recorder:
    """Makes a cassette of every case that passes.

    Args:
        runner: sends and judges.
        suite: the resources that cases need.
        contract: that responses are judged by.
        plan: of the run.
        folder: where the cassettes are written.
        reference: the target is a reference server.
        keys: that must not be in a cassette.
        fresh: what sends in place of the runner, where the target is the embedded reference server.
        failed: also record complete responses that fail a case.
    """

    def __init__(
        self,
        runner: Runner,
        suite: Suite,
        contract: Contract,
        plan: Plan,
        folder: Path,
        *,
        reference: bool,
        keys: Collection[Secret],
        fresh: FreshServer | None = None,
        failed: bool = False,
    ) -> None:
        self._runner = runner
        self._recorded = frozenset({"passed", "failed"} if failed else {"passed"})
        self._fresh = fresh
        self._sends = CaseDigests(suite)
        self._digests = ContractDigests(contract, shipped_requirements().requirements.values())
        self._profile = plan.profile
        self._folder = folder
        self._keys = keys
        self._origin = Origin.REFERENCE if reference else origin_of(plan.url or "")

    def run(self, case: Case) -> CaseResult:
        """Run a case, and write a cassette if it passes."""
        sent = self._sent(case)
        result = sent if isinstance(sent, CaseResult) else self._runner.judged(sent)
        incomplete = isinstance(sent, Sent) and sent.exchange.response.failure is not None
        if isinstance(sent, Sent) and result.outcome in self._recorded and not incomplete:
            try:
                save(self._folder, self._cassette(case, sent), self._keys)
            except (CassetteError, LeakError) as error:
                result = CaseResult("error", str(error), (), sent.exchange)
        return self._runner.conclude(case.id, case.operation, result)

    def _sent(self, case: Case) -> Sent | CaseResult:
        if self._fresh is None:
            return self._runner.send(case)
        if (reason := self._runner.left_out(case)) is not None:
            return CaseResult("skipped", reason)
        try:
            return self._fresh.send(case, self._profile)
        except MissingError as error:
            return CaseResult("failed", str(error))
        except BudgetError as error:
            return CaseResult("inconclusive", str(error))

    def _cassette(self, case: Case, sent: Sent) -> Cassette:
        exchange, renamed = anonymised(self._elsewhere(sent.exchange))
        provenance = Provenance(
            id=case.id,
            operation=case.operation,
            origin=self._origin,
            profile=self._profile,
            case=self._sends.of(case),
            values={name: renamed(sent.values[name]) for name in sorted(case.placeholders)},
            models=self._models(case),
            arrivals=exchange.response.arrivals,
        )
        if self._origin is not Origin.REFERENCE:
            # The reference server can be asked again at any time; other servers cannot.
            provenance = replace(
                provenance,
                recorded_at=sent.exchange.source.recorded_at or "",
                contract=self._digests.of(case.operation),
                suite=__version__,
                seconds=exchange.response.seconds,
            )
        return Cassette(provenance, exchange)

    def _models(self, case: Case) -> dict[str, str]:
        """Return the models of the case that the cassette has to name.

        The reference server is recorded again when a default changes; other servers cannot be.
        """
        usual = default_models(self._profile) if self._origin is Origin.REFERENCE else {}
        return {role: model for role, model in case.models.items() if usual.get(role) != model}

    def _elsewhere(self, exchange: Exchange) -> Exchange:
        """Return the exchange with the address of a local server replaced by a general one."""
        if self._origin is Origin.LIVE:
            return exchange
        parts = urlsplit(exchange.request.url)
        address = f"{parts.scheme}://{parts.netloc}"
        request, response = exchange.request, exchange.response

        def moved(text: str) -> str:
            return text.replace(address, HOME).replace(quote(address, safe=""), quote(HOME, safe=""))

        body = response.body and moved(response.body.decode("utf-8", "surrogateescape"))
        content = body and body.encode("utf-8", "surrogateescape")
        return replace(
            exchange,
            request=replace(request, url=HOME + request.url.removeprefix(address)),
            response=replace(
                response,
                headers=tuple((name, moved(value)) for name, value in response.headers),
                body=content,
                # Offsets into other bytes would give wrong times.
                arrivals=response.arrivals if content == response.body else (),
            ),
        )
