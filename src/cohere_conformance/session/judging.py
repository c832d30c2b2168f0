"""Judges every exchange of a run, sent or recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from cohere_conformance.checks import Corrector, Explainer
from cohere_conformance.checks.edge import edge
from cohere_conformance.checks.headers import field, media_type
from cohere_conformance.checks.registry import checked
from cohere_conformance.contract import Contract, load_declarations
from cohere_conformance.errors import TrafficError
from cohere_conformance.model import BodyState, Kind
from cohere_conformance.recordings import RecordingNote
from cohere_conformance.recordings.hosts import WITHOUT_HOST, has_host, placed
from cohere_conformance.report import Tally
from cohere_conformance.sdk.parsers import NO_SDKS, SdkParsers
from cohere_conformance.session.deprecations import known_deprecations
from cohere_conformance.session.shapes import (
    AUTO,
    NONE,
    compared_with,
    observing,
    shipped_shapes,
    with_shipped,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cohere_conformance.checks.judge import Judgement
    from cohere_conformance.model import Exchange, Finding
    from cohere_conformance.report import ComparedShapes


_BODILESS = frozenset({204, 205, 304})
"""Statuses whose responses have no body, so that none is missing where none was recorded."""


class JudgeSettings(msgspec.Struct, frozen=True):
    """What exchanges are judged against.

    Attributes:
        as_published: the document as published, without amendments and requirements.
        servers: further base URLs that count as the API.
        sdks: the official SDKs that parse the responses that deviate.
        observed: what responses are compared with besides, see `session.shapes`.
        sends: whether the exchanges are our own, not recorded by anybody else.
        gates_sdks: whether the SDKs parse conforming responses as well, see `session.sdk_gate`.
    """

    as_published: bool = False
    servers: tuple[str, ...] = ()
    sdks: SdkParsers = NO_SDKS
    observed: str = NONE
    sends: bool = False
    gates_sdks: bool = False


class Judge:
    """Judges exchanges against one contract and counts them.

    Args:
        settings: what to judge against.

    Attributes:
        contract: what is judged against.
        judgement: judges one exchange; findings about a known spec defect name its amendment.

    Raises:
        ContractError: a document below `contracts/` is broken.
        UsageError: an official SDK is to be used and not installed, or observed shapes cannot be read.
    """

    def __init__(self, settings: JudgeSettings) -> None:
        self.settings = settings
        self._observed = NONE if settings.as_published else settings.observed
        # One that is not installed is an error of the call.
        _ = settings.sdks.names
        declarations = load_declarations(servers=settings.servers)
        self.judgement: Callable[[Exchange], Judgement]
        self.contract: Contract
        if settings.as_published:
            corrector = Corrector(declarations)
            self.contract, self.judgement = corrector.contract, corrector.judgement
        else:
            explainer = Explainer(declarations)
            self.contract = explainer.contract
            self.judgement = observing(
                explainer.judgement_parsed, self.contract, settings.observed, sends=settings.sends
            )

    def prepare(self) -> None:
        """Load now what the first exchange would load, for processes that are forked from this one."""
        checked()
        if self.settings.observed == AUTO:
            shipped_shapes(hints=True)

    def tally(self) -> Tally:
        """Return an empty tally for what is judged."""
        watched = [one.name for one in known_deprecations(self.contract)]
        return Tally(sdks=self.settings.sdks or None, watched=watched)

    def compared_with(self, tally: Tally) -> tuple[ComparedShapes, ...]:
        """Return the observed shapes that the responses in a tally were compared with."""
        return compared_with(self._observed, shipped=tally.with_shipped_shapes > 0)

    def findings(self, exchange: Exchange) -> list[Finding]:
        """Return the findings about one exchange; those about a known spec defect name its amendment."""
        return self.judgement(exchange).findings

    def count(self, tally: Tally, value: Exchange | TrafficError | RecordingNote) -> None:
        """Judge one exchange and add it to the tally; an error or a remark is added as it is."""
        if isinstance(value, RecordingNote):
            tally.add_remark(value.file, value.where, value.text)
            return
        if isinstance(value, TrafficError):
            tally.add_unreadable(value)
            return
        value = placed(value, self.settings.servers)
        request, response = value.request, value.response
        try:
            route = self.contract.route(request.method, request.url)
            if not route.ours:
                tally.add_foreign(_host(request.url))
                if not has_host(value):
                    tally.add_remark(value.source.file, "url", WITHOUT_HOST)
                return
            judgement = self.judgement(value)
            excuse = edge(value) if route.operation is not None else ""
        except Exception as error:  # noqa: BLE001 - one exchange that trips us must not hide the others
            reason = f"the judge failed on this exchange ({type(error).__name__}: {error}); please report it"
            tally.add_unreadable(TrafficError(value.source.file, value.source.position, reason))
            return
        tally.with_shipped_shapes += with_shipped(value, self._observed)
        content_type = field(response.headers, "content-type")
        judged = route.operation is not None and request.body is not None
        # A response that does not come from the API says nothing about it.
        found: Sequence[Finding] = judgement.findings
        if excuse:
            found = [one for one in found if one.kind is Kind.REQUEST_INVALID]
        elif self.settings.gates_sdks and route.operation is not None:
            from cohere_conformance.session.sdk_gate import with_incompatible  # brings the HTTP client

            found = with_incompatible(value, route.operation, found, self.settings.sdks, tally)
        tally.add(
            value,
            route.operation,
            found,
            media_type(content_type) if content_type else "",
            request_judged=judged,
            body=self._body_state(value, route.operation),
            untestable=() if excuse else judgement.untestable,
            inconclusive=excuse,
        )

    def _body_state(self, exchange: Exchange, label: str | None) -> BodyState:
        response = exchange.response
        if response.body is not None or response.events is not None or response.failure is not None:
            return BodyState.JUDGED
        if response.undecoded:
            return BodyState.NOT_DECODED
        if exchange.request.method == "HEAD" or response.status < 200 or response.status in _BODILESS:
            return BodyState.JUDGED
        declared = None if label is None else self.contract.operations[label].response(response.status)
        # Where the contract declares no body, there is nothing to judge.
        return BodyState.JUDGED if declared is not None and not declared.media else BodyState.NOT_RECORDED


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc or "(no host)"
    except ValueError:
        return "(no address)"
