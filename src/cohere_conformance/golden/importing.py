"""Imports recorded traffic as golden cassettes: one for each shape."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from cohere_conformance import __version__
from cohere_conformance.errors import LeakError, TrafficError
from cohere_conformance.golden.cassette import Cassette, Provenance
from cohere_conformance.golden.shape import shape_key
from cohere_conformance.golden.store import IMPORTED, find, load, save
from cohere_conformance.golden.whole import origin_of, whole, writable
from cohere_conformance.model import Exchange, Finding
from cohere_conformance.names import slug
from cohere_conformance.privacy.anonymous import anonymous
from cohere_conformance.recordings import RecordingNote, SkippedFile, discover, parse_recording
from cohere_conformance.recordings.hosts import WITHOUT_HOST, has_host, placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from cohere_conformance.contract import Contract
    from cohere_conformance.privacy.secret import Secret

Traffic = Exchange | TrafficError | RecordingNote | SkippedFile
_Shown = dict[tuple[str, str], Finding]
"""Findings by fingerprint and amendment."""
_DIGITS = re.compile(r"\d+")


class ImportTally(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an import.

    Attributes:
        read: exchanges that were read and judged: the sum of those down to `unrouted`.
        kept: those that became cassettes.
        duplicates: those of the same shape as one that became a cassette.
        partial: those with an incomplete response, which cannot be replayed.
        foreign: exchanges with other hosts than the API's, counted by host.
        unrouted: those with the API that no operation is declared for.
        undated: cassettes without a time, because the recording has none.
        unreadable: files and exchanges that could not be read or judged.
        skipped: files in folders that are not traffic.
        remarks: notes on what was read.
        lost: findings of the traffic that no cassette has.
        gained: findings of a cassette that the traffic does not have.
    """

    read: int
    kept: int
    duplicates: int
    partial: int
    foreign: dict[str, int]
    unrouted: int
    undated: int
    unreadable: tuple[TrafficError, ...]
    skipped: tuple[SkippedFile, ...]
    remarks: tuple[RecordingNote, ...]
    lost: tuple[Finding, ...]
    gained: tuple[Finding, ...]


class Imported(msgspec.Struct, frozen=True):
    """Cassettes, and the result of the import."""

    cassettes: tuple[Cassette, ...]
    tally: ImportTally


def traffic(paths: Iterable[str], servers: Sequence[str] = ()) -> Iterator[Traffic]:
    """Yield everything in files and folders, one exchange at a time; errors are yielded, not raised.

    Args:
        paths: files and folders.
        servers: the first of them is the host of URLs that have none.
    """
    for found in discover(paths):
        for value in parse_recording(found) if isinstance(found, str) else [found]:
            yield placed(value, servers) if isinstance(value, Exchange) else value


def gather(
    traffic: Iterable[Traffic],
    contract: Contract,
    findings: Callable[[Exchange], Sequence[Finding]],
    digest: Callable[[str], str],
) -> Imported:
    """Return the cassettes of traffic, as `Importer` makes them."""
    importer = Importer(contract, findings, digest)
    for value in traffic:
        importer.take(value)
    return importer.finish()


class Importer:
    """Takes exchanges one by one and keeps the smallest of each shape.

    Its memory is bounded by the number of distinct shapes and findings. The cassettes depend neither on the
    order of the exchanges nor on the folders of their files.

    Args:
        contract: that the traffic is judged by; its servers are the API's.
        findings: returns the findings of one exchange.
        digest: returns the digest of the contract for one operation.
    """

    def __init__(
        self,
        contract: Contract,
        findings: Callable[[Exchange], Sequence[Finding]],
        digest: Callable[[str], str],
    ) -> None:
        self._contract = contract
        self._findings = findings
        self._digest = digest
        self._candidates: dict[str, _Candidate] = {}
        self._counts: Counter[str] = Counter()
        self._foreign: Counter[str] = Counter()
        self._unreadable: list[TrafficError] = []
        self._skipped: list[SkippedFile] = []
        self._remarks: list[RecordingNote] = []
        self._seen: _Shown = {}

    def take(self, value: Traffic) -> None:
        """Take the next exchange, note or error."""
        if isinstance(value, TrafficError):
            self._unreadable.append(value)
        elif isinstance(value, SkippedFile):
            self._skipped.append(value)
        elif isinstance(value, RecordingNote):
            self._remarks.append(value)
        else:
            self._take(value)

    def finish(self) -> Imported:
        """Return the cassettes of the traffic taken so far."""
        cassettes: list[Cassette] = []
        shown: _Shown = {}
        for name, candidate in sorted(self._candidates.items()):
            try:
                cassette = self._cassette(name, candidate)
                findings = self._findings(cassette.exchange)
            except Exception as error:  # noqa: BLE001 - as when it was taken
                self._unreadable.append(_tripped(candidate.exchange, error))
                continue
            cassettes.append(cassette)
            _note(shown, findings)
        return Imported(tuple(cassettes), self._tally(cassettes, shown))

    def _tally(self, cassettes: Sequence[Cassette], shown: _Shown) -> ImportTally:
        counts = self._counts
        return ImportTally(
            read=counts.total() + self._foreign.total(),
            kept=len(cassettes),
            duplicates=counts["whole"] - len(cassettes),
            partial=counts["partial"],
            foreign=dict(sorted(self._foreign.items())),
            unrouted=counts["unrouted"],
            undated=sum(not cassette.provenance.recorded_at for cassette in cassettes),
            unreadable=tuple(sorted(self._unreadable, key=str)),
            skipped=tuple(sorted(self._skipped, key=lambda one: (one.file, one.reason))),
            remarks=tuple(sorted(set(self._remarks), key=lambda one: (one.file, one.where, one.text))),
            lost=tuple(self._seen[key] for key in sorted(self._seen.keys() - shown.keys())),
            gained=tuple(shown[key] for key in sorted(shown.keys() - self._seen.keys())),
        )

    def _take(self, exchange: Exchange) -> None:
        request = exchange.request
        try:
            route = self._contract.route(request.method, request.url)
            if not route.ours:
                self._foreign[_host(request.url)] += 1
                if not has_host(exchange):
                    self._remarks.append(RecordingNote(exchange.source.file, "url", WITHOUT_HOST))
                return
            findings, label = self._findings(exchange), route.operation
            made = None if label is None else whole(self._contract, label, exchange)
            name = "" if label is None or made is None else self._name(label, made, findings)
        except Exception as error:  # noqa: BLE001 - one exchange that trips us must not hide the others
            self._unreadable.append(_tripped(exchange, error))
            return
        _note(self._seen, findings)
        if label is None or made is None:
            self._counts["unrouted" if label is None else "partial"] += 1
            return
        self._counts["whole"] += 1
        candidate = _Candidate(label, request.url, made)
        known = self._candidates.get(name)
        if known is None or candidate.rank < known.rank:
            self._candidates[name] = candidate

    def _name(self, label: str, exchange: Exchange, findings: Sequence[Finding]) -> str:
        """Return the id of the exchange, equal for exchanges of one shape."""
        group = self._contract.operations[label].group
        key = shape_key(self._contract, label, exchange, findings)
        return f"{group}{IMPORTED}{slug(label)}.{exchange.response.status}.{key}"

    def _cassette(self, name: str, candidate: _Candidate) -> Cassette:
        exchange = anonymous(candidate.exchange)
        provenance = Provenance(
            id=name,
            operation=candidate.label,
            origin=origin_of(candidate.url),
            profile="",
            recorded_at=exchange.source.recorded_at or "",
            contract=self._digest(candidate.label),
            suite=__version__,
            imported=writable(PurePath(exchange.source.file).name),
            seconds=exchange.response.seconds,
            arrivals=exchange.response.arrivals,
        )
        return Cassette(provenance, exchange)


class _Candidate:
    """The smallest exchange of its shape so far, ready for a cassette, and its real URL."""

    __slots__ = ("exchange", "label", "url")

    def __init__(self, label: str, url: str, exchange: Exchange) -> None:
        self.label = label
        self.url = url
        self.exchange = exchange

    @property
    def rank(self) -> tuple[object, ...]:
        """Return a total order: size, then position, then content; not the folder of the file."""
        request, response, source = self.exchange.request, self.exchange.response, self.exchange.source
        sent, answered = request.body or b"", response.body or b""
        location = (PurePath(source.file).name, [int(number) for number in _DIGITS.findall(source.position)])
        content = (self.url, sent, answered, request.headers, response.headers)
        when = (not source.recorded_at, source.recorded_at or "")
        return (len(sent) + len(answered), *location, source.position, *content, *when)


def _tripped(exchange: Exchange, error: Exception) -> TrafficError:
    # Without the message of the error: it may quote the exchange.
    reason = f"the import failed on this exchange ({type(error).__name__}); please report it"
    return TrafficError(exchange.source.file, exchange.source.position, reason)


def _note(shown: _Shown, findings: Iterable[Finding]) -> None:
    for finding in findings:
        shown.setdefault((finding.fingerprint, finding.amendment or ""), finding)


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc or "(no host)"
    except ValueError:
        return "(no address)"


# -- into the folder


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """Which imported cassettes were written; all are ids.

    Attributes:
        written: new ones, and those that replace an older one.
        unchanged: those whose shape is there already.
        refused: those that were not written, with the reason.
    """

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    refused: dict[str, str]


def add(folder: Path, cassettes: Sequence[Cassette], keys: Sequence[Secret] = ()) -> Added:
    """Write imported cassettes.

    An earlier import of the same shape stays, unless the contract has changed since, or the new one was
    recorded later. The cassette of a written case is never overwritten.

    Args:
        folder: of all cassettes.
        cassettes: to be written.
        keys: that must not be in them.

    Raises:
        CassetteError: a file of the same name cannot be read, or one cannot be written.
    """
    paths = find(folder)
    there = {
        provenance.id: load(paths[provenance.id]).provenance
        for provenance in (cassette.provenance for cassette in cassettes)
        if provenance.id in paths
    }
    written: list[str] = []
    unchanged: list[str] = []
    refused: dict[str, str] = {}
    for cassette in cassettes:
        provenance = cassette.provenance
        earlier = there.get(provenance.id)
        if earlier is not None and not earlier.imported:
            refused[provenance.id] = "a written case has a cassette of this name; rename that case"
        elif earlier is not None and not _outdated(earlier, provenance):
            unchanged.append(provenance.id)
        else:
            try:
                save(folder, cassette, keys)
                written.append(provenance.id)
            except LeakError as error:
                refused[provenance.id] = str(error)
    return Added(written=tuple(written), unchanged=tuple(unchanged), refused=refused)


def _outdated(earlier: Provenance, now: Provenance) -> bool:
    return earlier.contract != now.contract or earlier.recorded_at < now.recorded_at
