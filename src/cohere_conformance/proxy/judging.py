"""Judges the exchanges that the proxy has passed on, and keeps them as cassettes and as an archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import replace

from cohere_conformance.access import DIRECT, Access
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.errors import CassetteError, ReportError, TrafficError
from cohere_conformance.golden.digest import ContractDigests
from cohere_conformance.golden.importing import Importer, add
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.proxy.observed import ObservedExchange, exchange_of
from cohere_conformance.recordings.archive import ArchiveWriter
from cohere_conformance.recordings.scalars import UnusableError
from cohere_conformance.report import Header, Report, Tally, render_html, render_json
from cohere_conformance.report.verdict import quantity
from cohere_conformance.sdk.parsers import NO_SDKS, SdkParsers
from cohere_conformance.session.evidence import background_of, now
from cohere_conformance.session.judging import Judge, JudgeSettings
from cohere_conformance.session.sdk_evidence import with_sdk
from cohere_conformance.session.shapes import AUTO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cohere_conformance.model import Exchange

_MOST_KEYS = 256
"""Distinct keys of clients that are remembered, to look for them in what is written."""


class ProxySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the proxy makes of the exchanges.

    Attributes:
        upstream: base URL of the upstream.
        access: how it is reached besides its URL.
        header: of the report; contract and version are filled in.
        as_published: judge by the document as published, without amendments and requirements.
        record: folder of cassettes to write; empty for none.
        har: archive to write; empty for none.
        sdks: the official SDKs that parse what deviates.
        observed: what responses are compared with besides, see `session.shapes`.
    """

    upstream: str
    access: Access = DIRECT
    header: Header
    as_published: bool = False
    record: str = ""
    har: str = ""
    sdks: SdkParsers = NO_SDKS
    observed: str = AUTO


ReportForm = Literal["json", "html", "value"]


class ReportQuestion(msgspec.Struct, tag="report", kw_only=True):
    """Asks for the report of the exchanges so far.

    Attributes:
        form: as `report.json` or `report.html` have it; `value` without what is only for people.
        unjudged: how many exchanges were passed on without being judged, by reason.
        lost: how many exchanges could not be judged because the judge was too slow.
        final: nothing follows; cassettes are written.
    """

    form: ReportForm = "json"
    unjudged: dict[str, int] = {}
    lost: int = 0
    final: bool = False


_RENDERERS: dict[ReportForm, Callable[[Report], bytes]] = {
    "json": render_json,
    "html": render_html,
    "value": msgspec.json.encode,
}


class ReportReply(msgspec.Struct, kw_only=True):
    """The report in the form that was asked for.

    Attributes:
        content: the text of it.
        written: sentences about the files that were written.
        error: why there is none.
    """

    content: bytes = b""
    written: tuple[str, ...] = ()
    error: str = ""


class TrafficJudge:
    """Judges exchanges one after another.

    Args:
        settings: what is made of them.

    Raises:
        ReportError: the archive cannot be written.
    """

    def __init__(self, settings: ProxySettings) -> None:
        self._settings = settings
        self._judge = Judge(
            JudgeSettings(
                as_published=settings.as_published,
                servers=(settings.upstream,),
                sdks=settings.sdks,
                observed=settings.observed,
            )
        )
        self._tally = self._judge.tally()
        contract = self._judge.contract
        self._header = replace(
            settings.header,
            contract_version=contract.version,
            contract_digest=contract.digest,
            origins=contract.origins,
            sdks=settings.sdks.names,
        )
        self._archive = ArchiveWriter(Path(settings.har)) if settings.har else None
        self._importer: Importer | None = None
        self._keys: set[str] = set()
        if settings.record:
            digests = ContractDigests(contract, shipped_requirements().requirements.values())
            self._importer = Importer(contract, self._judge.findings, digests.of)

    def take(self, observed: ObservedExchange) -> None:
        """Judge an exchange, and keep it where that is wanted."""
        try:
            self._take(exchange_of(observed, self._settings.upstream, self._settings.access), observed)
        except UnusableError as error:
            self._unreadable(observed, str(error))
        except ReportError:
            raise
        except Exception as error:  # noqa: BLE001 - one exchange that trips us must not hide the others
            # Without the message of the error: it may quote the exchange.
            self._unreadable(observed, f"judging failed ({type(error).__name__}); please report it")

    def _unreadable(self, observed: ObservedExchange, reason: str) -> None:
        where = f"exchange {observed.number} ({observed.method} {observed.target.partition('?')[0]})"
        self._tally.add_unreadable(TrafficError(self._settings.upstream, where, reason))

    def _take(self, exchange: Exchange, observed: ObservedExchange) -> None:
        self._remember_key(observed)
        if observed.unreachable:
            self._unreachable(exchange, observed.unreachable)
            return
        self._judge.count(self._tally, exchange)
        if self._archive is not None:
            self._archive.add(exchange)
        if self._importer is not None:
            self._importer.take(exchange)

    def reply(self, question: ReportQuestion) -> ReportReply:
        """Return the report so far; with the final question, write what is left to be written."""
        report = self._report(question)
        written = tuple(self._finish()) if question.final else ()
        return ReportReply(content=_RENDERERS[question.form](report), written=written)

    def close(self) -> None:
        """Close the archive; a second call does nothing."""
        if self._archive is not None:
            self._archive.close()

    def _unreachable(self, exchange: Exchange, reason: str) -> None:
        request = exchange.request
        label = self._judge.contract.route(request.method, request.url).operation
        self._tally.add(
            exchange,
            label,
            (),
            "",
            request_judged=False,
            inconclusive=f"the upstream gave no response: {reason}",
        )

    def _remember_key(self, observed: ObservedExchange) -> None:
        if self._importer is None or len(self._keys) >= _MOST_KEYS:
            return
        for name, value in observed.request_headers:
            if name.lower() == b"authorization":
                self._keys.add(value.decode("latin-1").rpartition(" ")[2])

    def _report(self, question: ReportQuestion) -> Report:
        tally = Tally()
        tally.merge(self._tally)
        upstream = self._settings.upstream
        for text in _remarks(question.unjudged):
            tally.add_remark(upstream, "proxy", text)
        if question.lost:
            number = quantity(question.lost, "exchange")
            reason = f"{number} passed on, not judged: the judge was too slow; send fewer at the same time"
            tally.add_unreadable(TrafficError(upstream, "proxy", reason))
        contract = self._judge.contract
        background = background_of(contract, sent=False)
        header = replace(self._header, observed=self._judge.compared_with(tally))
        report = tally.finish(header, list(contract.operations), finished_at=now(), background=background)
        return with_sdk(report, background) if self._settings.sdks.python else report

    def _finish(self) -> list[str]:
        """Write the cassettes; return sentences about what was written."""
        written = []
        self.close()
        if self._archive is not None:
            written.append(f"wrote {quantity(self._archive.entries, 'exchange')} to {self._settings.har}")
        if self._importer is not None:
            written += self._record(self._importer)
        return written

    def _record(self, importer: Importer) -> list[str]:
        imported = importer.finish()
        keys = [Secret(key) for key in self._keys if key.isascii() and key.isprintable() and key.strip()]
        try:
            added = add(Path(self._settings.record), imported.cassettes, keys)
        except CassetteError as error:
            return [f"no cassettes: {error}"]
        numbers = f"wrote {len(added.written)} cassettes to {self._settings.record}"
        known = f"; {len(added.unchanged)} were there already" if added.unchanged else ""
        return [numbers + known, *(f"not written: {reason}" for reason in added.refused.values())]


def _remarks(unjudged: Mapping[str, int]) -> list[str]:
    return [f"{quantity(number, 'exchange')}: {reason}" for reason, number in sorted(unjudged.items())]
