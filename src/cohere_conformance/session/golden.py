"""Golden cassettes in a run: recorded, replayed, or held against what a target answers today."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import httpx
from msgspec.structs import replace

from cohere_conformance import __version__
from cohere_conformance.cases import Skip
from cohere_conformance.cases.sending import sent_with
from cohere_conformance.client.sender import OPEN, Outgoing, Sender
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.errors import CassetteError, LeakError, UsageError
from cohere_conformance.golden import Cassette, Origin, Provenance, load, save
from cohere_conformance.golden.compare import compare
from cohere_conformance.golden.digest import CaseDigests, ContractDigests
from cohere_conformance.golden.whole import HOME, origin_of
from cohere_conformance.model import Expectation
from cohere_conformance.privacy.anonymous import anonymised
from cohere_conformance.session.ending import OURS, Ending, Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from cohere_conformance.cases import Case, Suite
    from cohere_conformance.contract import Contract
    from cohere_conformance.golden.compare import Rules
    from cohere_conformance.model import Exchange, Finding, Headers
    from cohere_conformance.privacy.secret import Secret
    from cohere_conformance.session.judging import Judge
    from cohere_conformance.session.plan import Plan
    from cohere_conformance.session.runner import Runner

NO_CASSETTE = "no golden cassette"
STAGED = "recorded"
"""The folder below that of the report in which cassettes wait until somebody keeps them."""
_WRITTEN = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_REFUSED = "not replayed: {}; record it again"


class Recorder:
    """Makes a cassette of every case that passes.

    Args:
        runner: sends and judges.
        suite: the resources that cases need.
        contract: that the answers are judged by.
        plan: of the run.
        folder: where the cassettes are written.
        reference: the target is a reference server.
        keys: that must not stand in a cassette.
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
    ) -> None:
        self._runner = runner
        self._sends = CaseDigests(suite)
        self._digests = ContractDigests(contract, shipped_requirements().requirements.values())
        self._profile = plan.profile
        self._folder = folder
        self._keys = keys
        self._origin = Origin.REFERENCE if reference else origin_of(plan.url or "")

    def run(self, case: Case) -> Ending:
        """Run a case, and keep the exchange if nothing is wrong with it."""
        sent = self._runner.send(case)
        ending = sent if isinstance(sent, Ending) else self._runner.judged(sent)
        if isinstance(sent, Sent) and ending.outcome == "passed":
            try:
                save(self._folder, self._cassette(case, sent), self._keys)
            except (CassetteError, LeakError) as error:
                ending = Ending("error", str(error), (), sent.exchange)
        return self._runner.conclude(case.id, case.operation, ending)

    def _cassette(self, case: Case, sent: Sent) -> Cassette:
        exchange, renamed = anonymised(self._elsewhere(sent.exchange))
        told = Provenance(
            id=case.id,
            operation=case.operation,
            origin=self._origin,
            profile=self._profile,
            recorded_at=sent.exchange.source.recorded_at or "",
            contract=self._digests.of(case.operation),
            suite=__version__,
            case=self._sends.of(case),
            values={name: renamed(sent.values[name]) for name in sorted(case.placeholders)},
            seconds=exchange.response.seconds,
            arrivals=exchange.response.arrivals,
        )
        return Cassette(told, exchange)

    def _elsewhere(self, exchange: Exchange) -> Exchange:
        """Return the exchange without the address of a server that only whoever records can reach."""
        if self._origin is Origin.LIVE:
            return exchange
        parts = urlsplit(exchange.request.url)
        address = f"{parts.scheme}://{parts.netloc}"
        request, response = exchange.request, exchange.response

        def moved(text: str) -> str:
            return text.replace(address, HOME).replace(quote(address, safe=""), quote(HOME, safe=""))

        body = response.body and moved(response.body.decode("utf-8", "surrogateescape"))
        told = body and body.encode("utf-8", "surrogateescape")
        return replace(
            exchange,
            request=replace(request, url=HOME + request.url.removeprefix(address)),
            response=replace(
                response,
                headers=tuple((name, moved(value)) for name, value in response.headers),
                body=told,
                # Counts of other bytes than these would tell wrong times.
                arrivals=response.arrivals if told == response.body else (),
            ),
        )


class Replayer:
    """Judges what the cassettes answer. VCR.py has to be playing the cassette of the case meanwhile.

    Args:
        runner: compares with what a case expects.
        suite: the resources that cases need.
        findings: what there is to say about an exchange for which no case is written.
        cassettes: path of each cassette by its id.
    """

    def __init__(
        self,
        runner: Runner,
        suite: Suite,
        findings: Callable[[Exchange], Iterable[Finding]],
        cassettes: Mapping[str, Path],
    ) -> None:
        self._runner = runner
        self._sends = CaseDigests(suite)
        self._findings = findings
        self._cassettes = cassettes
        self._loaded: tuple[str, Cassette] | None = None
        # Only a replay pays for VCR.py, and pytest-recording wants to load it first.
        from vcr.errors import CannotOverwriteExistingCassetteException

        self._unknown = CannotOverwriteExistingCassetteException
        # What VCR.py stands in for; where it does not, there is no way to the network from here.
        self._transport = httpx.MockTransport(_unplayed)

    def plays(self, name: str) -> Path | None:
        """Return the cassette for VCR.py to play, if there is one that can be read."""
        path = self._cassettes.get(name)
        with suppress(CassetteError):
            if path is not None:
                self._loaded = (name, load(path))
                return path
        return None

    def _load(self, name: str) -> Cassette:
        loaded, cassette = self._loaded or ("", None)
        return cassette if cassette is not None and loaded == name else load(self._cassettes[name])

    def run(self, case: Case) -> Ending:
        """Replay a written case: today's request, contract and expectations on yesterday's answer."""
        return self._runner.conclude(case.id, case.operation, self._replayed(case))

    def replay(self, name: str) -> Ending:
        """Replay an imported exchange, for which no case is written: the contract has to accept it."""
        try:
            cassette = self._load(name)
            exchange = self._sent(cassette)
        except (CassetteError, self._unknown) as error:
            return self._runner.conclude(name, "", Ending("error", str(error)))
        # What was sent is no work of ours, so that what is wrong with it is told as well.
        ending = self._runner.weighed(exchange, self._findings(exchange))
        return self._runner.conclude(name, cassette.provenance.operation, ending)

    def _replayed(self, case: Case) -> Ending:
        if case.id not in self._cassettes:
            return Ending("skipped", NO_CASSETTE)
        try:
            cassette = self._load(case.id)
            told = cassette.provenance
            if told.case != self._sends.of(case):
                return Ending("failed", _REFUSED.format("the case sends something else than it did"))
            expectation = case.expectation(told.profile, told.values)
            if isinstance(expectation, Skip):
                return Ending("skipped", expectation.reason)
            exchange = self._sent(cassette)
        except CassetteError as error:
            return Ending("error", str(error))
        except UsageError as error:
            return Ending("failed", _REFUSED.format(error))
        except self._unknown as error:
            return Ending("error", f"{case.id}: VCR.py does not find the request in its cassette: {error}")
        exchange = replace(exchange, request=sent_with(exchange.request, case.key))
        return self._runner.judged(Sent(exchange, expectation, told.values))

    def _sent(self, cassette: Cassette) -> Exchange:
        """Return what VCR.py answers to the recorded request, with what its format cannot keep."""
        recorded = cassette.exchange
        parts = urlsplit(recorded.request.url)
        base = f"{parts.scheme}://{parts.netloc}"
        sender = Sender(base, gate=OPEN, source=recorded.source.file, transport=self._transport)
        outgoing = Outgoing(
            recorded.request.method,
            recorded.request.url.removeprefix(base),
            _kept(recorded.request.headers),
            recorded.request.body,
        )
        exchange = sender.send(outgoing, position=cassette.provenance.id)
        played = exchange.response
        if played.body == recorded.response.body:
            told = cassette.provenance
            played = replace(played, seconds=told.seconds, arrivals=told.arrivals)
        return replace(
            exchange,
            request=replace(exchange.request, keyed=recorded.request.keyed),
            response=played,
            source=recorded.source,
        )


def _unplayed(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no cassette is played, and nothing is sent in a replay", request=request)


def _kept(headers: Headers, but: str = "") -> Headers:
    """Return the fields that a sender does not write itself."""
    return tuple((name, value) for name, value in headers if name not in {*_WRITTEN, but})


class Verifier:
    """Compares what a target answers to a case with what was recorded.

    What the comparison leaves open (an id, a generated text) is at least held against the contract and its
    requirements: what is wrong with the new answer, and was not with the golden one, has changed as well.

    Args:
        runner: sends.
        suite: the resources that cases need.
        judge: the contract, and what there is to say about an exchange by it.
        rules: what has to be equal, and what is expected to differ.
        cassettes: path of each cassette by its id.
    """

    def __init__(
        self, runner: Runner, suite: Suite, judge: Judge, rules: Rules, cassettes: Mapping[str, Path]
    ) -> None:
        self._runner = runner
        self._sends = CaseDigests(suite)
        self._judge = judge
        self._rules = rules
        self._cassettes = cassettes

    def run(self, case: Case) -> Ending:
        """Send a case and compare the answer with the golden one."""
        return self._runner.conclude(case.id, case.operation, self._verified(case))

    def replay(self, name: str) -> Ending:
        """Send an imported request again, as far as it does not name what only its author had."""
        try:
            golden = load(self._cassettes[name])
        except CassetteError as error:
            return self._runner.conclude(name, "", Ending("error", str(error)))
        label = golden.provenance.operation
        return self._runner.conclude(name, label, self._again(name, golden))

    def _again(self, name: str, golden: Cassette) -> Ending:
        label, request = golden.provenance.operation, golden.exchange.request
        if "{" in label or not self._runner.permission.harmless(label):
            return Ending("skipped", "it names or makes what only its author had")
        if (reason := self._runner.permission.forbidden([label])) is not None:
            return Ending("skipped", reason)
        parts = urlsplit(request.url)
        outgoing = Outgoing(
            request.method,
            request.url.removeprefix(f"{parts.scheme}://{parts.netloc}"),
            _kept(request.headers, but="authorization"),
            request.body,
            keyed=request.keyed,
        )
        exchange = self._runner.sent(outgoing, name)
        if isinstance(exchange, Ending):
            return exchange
        return self._compared(name, golden, Sent(exchange, Expectation(status=()), {}))

    def _verified(self, case: Case) -> Ending:
        path = self._cassettes.get(case.id)
        if path is None:
            return Ending("skipped", NO_CASSETTE)
        try:
            golden = load(path)
        except CassetteError as error:
            return Ending("error", str(error))
        if golden.provenance.case != self._sends.of(case):
            return Ending("error", "the case sends something else than when it was recorded; record it again")
        sent = self._runner.send(case)
        if isinstance(sent, Ending):
            return sent
        return self._compared(case.id, golden, sent)

    def _compared(self, name: str, golden: Cassette, sent: Sent) -> Ending:
        wanted = Expectation(status=(golden.exchange.response.status,))
        if (excused := self._runner.excused(sent.exchange, wanted)) is not None:
            return excused
        known = golden.provenance.values
        fresh, renamed = anonymised(sent.exchange)
        differences = compare(
            self._judge.contract,
            self._rules,
            name,
            golden.exchange,
            fresh,
            golden_values=known,
            fresh_values={placeholder: renamed(sent.values[placeholder]) for placeholder in known},
        )
        return self._runner.weighed(sent.exchange, differences or self._worse(golden.exchange, sent.exchange))

    def _worse(self, golden: Exchange, fresh: Exchange) -> Iterable[Finding]:
        """Yield what is wrong with an answer, and was not with the golden one."""
        known = {finding.fingerprint for finding in self._judge.findings(golden)}
        return (
            finding
            for finding in self._judge.findings(fresh)
            if finding.kind not in OURS and finding.amendment is None and finding.fingerprint not in known
        )
