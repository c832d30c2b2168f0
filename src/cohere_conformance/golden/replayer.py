"""Replays golden cassettes: judges the recorded responses by today's contract and cases."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
from msgspec.structs import replace

from cohere_conformance.cases import Skip
from cohere_conformance.cases.request_template import sent_with
from cohere_conformance.cases.roles import case_with_models
from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.client.sender import OPEN, Sender
from cohere_conformance.errors import CassetteError, UsageError
from cohere_conformance.golden import Cassette, load
from cohere_conformance.golden.digest import CaseDigests
from cohere_conformance.session.result import CaseResult, Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from cohere_conformance.cases import Case, Suite
    from cohere_conformance.model import Exchange, Finding, Headers
    from cohere_conformance.session.runner import Runner

NO_CASSETTE = "no golden cassette"
_SENDS = "httpx"
"""The library that VCR.py replaces; it would look for each of the others in every test."""
_WRITTEN = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_REFUSED = "not replayed: {}; record it again"


class Replayer:
    """Judges recorded responses. VCR.py has to play the cassette of the case meanwhile.

    Args:
        runner: judges by what a case expects.
        suite: the resources that cases need.
        findings: returns the findings of an exchange without a written case.
        cassettes: path of each cassette by its id.

    Attributes:
        left_alone: the libraries that VCR.py need not replace for that, as nothing is sent through them.
    """

    def __init__(
        self,
        runner: Runner,
        suite: Suite,
        findings: Callable[[Exchange], Iterable[Finding]],
        cassettes: Mapping[str, Path],
    ) -> None:
        self._runner = runner
        self._suite = suite
        self._sends = CaseDigests(suite)
        self._findings = findings
        self._cassettes = cassettes
        self._loaded: tuple[str, Cassette] | None = None
        # Only a replay pays for VCR.py, and pytest-recording wants to load it first.
        from vcr.errors import CannotOverwriteExistingCassetteException
        from vcr.patch import PATCHER_NAMES

        self.left_alone = tuple(name for name in PATCHER_NAMES if name != _SENDS)
        self._unknown = CannotOverwriteExistingCassetteException
        # VCR.py replaces it; where VCR.py does not play, it refuses instead of using the network.
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

    def run(self, case: Case) -> CaseResult:
        """Judge the recorded response to a case by the contract and expectations of today."""
        return self._runner.conclude(case.id, case.operation, self._replayed(case))

    def replay(self, name: str) -> CaseResult:
        """Judge an imported exchange, which has no written case, by the contract."""
        try:
            cassette = self._load(name)
            exchange = self._sent(cassette)
        except (CassetteError, self._unknown) as error:
            return self._runner.conclude(name, "", CaseResult("error", str(error)))
        # The request is not ours, so its findings are reported, too.
        result = self._runner.weighed(exchange, self._findings(exchange))
        return self._runner.conclude(name, cassette.provenance.operation, result)

    def _replayed(self, case: Case) -> CaseResult:
        if case.id not in self._cassettes:
            return CaseResult("skipped", NO_CASSETTE)
        try:
            cassette = self._load(case.id)
            provenance = cassette.provenance
            case = case_with_models(case, self._suite, provenance.role_models)
            if provenance.case != self._sends.of(case):
                return CaseResult(
                    "failed", _REFUSED.format("the case sends another request than the recorded one")
                )
            expectation = case.expectation(provenance.profile, provenance.values)
            if isinstance(expectation, Skip):
                return CaseResult("skipped", expectation.reason)
            exchange = self._sent(cassette)
        except CassetteError as error:
            return CaseResult("error", str(error))
        except UsageError as error:
            return CaseResult("failed", _REFUSED.format(error))
        except self._unknown as error:
            return CaseResult(
                "error", f"{case.id}: VCR.py does not find the request in its cassette: {error}"
            )
        exchange = replace(exchange, request=sent_with(exchange.request, case.key))
        return self._runner.judged(Sent(exchange, expectation, provenance.values))

    def _sent(self, cassette: Cassette) -> Exchange:
        """Return what VCR.py answers to the recorded request, with what its format cannot keep."""
        recorded = cassette.exchange
        parts = urlsplit(recorded.request.url)
        base = f"{parts.scheme}://{parts.netloc}"
        sender = Sender(base, gate=OPEN, source=recorded.source.file, transport=self._transport)
        outgoing = Outgoing(
            recorded.request.method,
            recorded.request.url.removeprefix(base),
            given_headers(recorded.request.headers),
            recorded.request.body,
        )
        exchange = sender.send(outgoing, position=cassette.provenance.id)
        played = exchange.response
        if played.body == recorded.response.body:
            provenance = cassette.provenance
            played = replace(played, seconds=provenance.seconds, arrivals=provenance.arrivals)
        return replace(
            exchange,
            request=replace(exchange.request, has_key=recorded.request.has_key),
            response=played,
            source=recorded.source,
        )


def _unplayed(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no cassette is played, and nothing is sent in a replay", request=request)


def given_headers(headers: Headers, but: str = "") -> Headers:
    """Return the fields that a sender does not write itself."""
    return tuple((name, value) for name, value in headers if name not in {*_WRITTEN, but})
