"""Removes what killed runs have left: what their ledger and its unique name both prove to be theirs.

It is the one thing that may touch what existed before it began. So everything is read again before it is
removed, and whatever differs from the ledger stays: another name, another time of creation, two candidates.
"""

from __future__ import annotations

import enum
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.client.creations import ABSENT, has_ended
from cohere_conformance.client.inventory import answered_as, pages, reading, shown
from cohere_conformance.client.ledger import LedgerState
from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.client.ownership import moment
from cohere_conformance.contract.collections import shipped_collections
from cohere_conformance.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cohere_conformance.client.inventory import Shown
    from cohere_conformance.client.ledger import CreationLedger, LedgerEntry
    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.collections import Collection
    from cohere_conformance.model import Exchange, Response

_UNIQUE = re.compile(r"conformance.*[0-9a-f]{6}", re.DOTALL)
"""A name that a run has made unique (see `session.unique`)."""
_WINDOW = timedelta(minutes=10)
"""How far the creation of a resource may be from its line in the ledger, by the clock of the target."""
_TOLERANCE = timedelta(seconds=5)
"""How far the clock of the target may be from where the `Date` of its responses puts it."""
_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
CHECK = ("POST", "/v1/check-api-key")
"""The first request to a live host, which changes nothing."""


class Fate(enum.StrEnum):
    """What became of an entry of the ledger."""

    REMOVED = "removed"
    """It was deleted."""
    REMOVABLE = "would remove"
    """It would be deleted, if that were allowed."""
    ENDED = "ended"
    """No operation deletes it; it does nothing any more, and what it made is gone."""
    GONE = "gone"
    """It is not on the target."""
    UNTOUCHED = "untouched"
    """It is not proven to be created by a run."""
    FAILED = "failed"
    """It could not be read or removed."""


LEFT = frozenset({Fate.REMOVABLE, Fate.UNTOUCHED, Fate.FAILED})
"""After these something may be left that can be removed."""


class Swept(NamedTuple):
    """What became of one entry.

    Attributes:
        entry: of the ledger.
        fate: what became of it.
        id: of the resource; empty if it is not known.
        reason: details for a reader; empty if there are none.
    """

    entry: LedgerEntry
    fate: Fate
    id: str = ""
    reason: str = ""


class SweepGate:
    """Allows requests that read, and single requests that were approved after a look at the resource."""

    def __init__(self) -> None:
        self._approved: set[tuple[str, str]] = set()

    def approve(self, outgoing: Outgoing) -> Outgoing:
        """Allow one request that removes something, and return it."""
        self._approved.add((outgoing.method, outgoing.path))
        return outgoing

    def admit(self, outgoing: Outgoing, ask: Callable[[Outgoing], Exchange]) -> None:
        """Allow a request.

        Raises:
            RuntimeError: it would change something that was not approved.
        """
        key = (outgoing.method, outgoing.path)
        if outgoing.method != "GET" and key not in self._approved and key != CHECK:
            raise RuntimeError(f"sweep was about to send {outgoing.method} {outgoing.path}; please report it")

    def begin(self, outgoing: Outgoing) -> None:
        """An approval is for one request."""
        self._approved.discard((outgoing.method, outgoing.path))

    def note(self, outgoing: Outgoing, response: Response) -> None:
        """Ignore a response."""


class Sweep:
    """Sweeps one target.

    Args:
        contract: the operations.
        gate: of the sender.
        send: sends a request.
        ledger: where it is noted what is gone.
        entries: all entries of the ledger, by their names.
        target: its address as in the ledger.
        removing: whether anything is removed; else it is only said what would be.
        settle: seconds after which a request whose response is not known has had its effect.
        patience: seconds to wait for the end of a job.
        now: the time by our clock.
        pause: waits so many seconds.
    """

    def __init__(
        self,
        contract: Contract,
        gate: SweepGate,
        send: Callable[[Outgoing], Exchange],
        ledger: CreationLedger,
        entries: Mapping[str, LedgerEntry],
        target: str,
        *,
        removing: bool,
        settle: float,
        patience: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._contract = contract
        self._gate = gate
        self._send = send
        self._ledger = ledger
        self._entries = entries
        self._target = target
        self._removing = removing
        self._settle = settle
        self._patience = patience
        self._now = now
        self._pause = pause
        self._collections = shipped_collections()
        self._ids = {(one.first.collection, one.id) for one in entries.values() if one.id}

    def run(self) -> Iterator[Swept]:
        """Sweep every open entry, the newest first: jobs before the datasets that they read.

        Raises:
            TargetError: the target does not respond, or refuses the key.
            BudgetError: no more requests may be sent.
            LedgerError: it cannot be noted what is gone.
        """
        for entry in reversed([*self._entries.values()]):
            if not entry.is_open or entry.first.target != self._target:
                continue
            yield self._swept(entry)

    def _swept(self, entry: LedgerEntry) -> Swept:
        collection = self._collections.get(entry.first.collection)
        if collection is None:
            return Swept(entry, Fate.UNTOUCHED, entry.id, "this version knows no such resources")
        if entry.id:
            return self._settled(entry, collection, entry.id)
        found = self._found(entry, collection)
        return found if isinstance(found, Swept) else self._settled(entry, collection, found)

    def _found(self, entry: LedgerEntry, collection: Collection) -> str | Swept:
        """Return the id of what an entry without id has created, or what becomes of the entry."""
        source = entry.first.source
        unique = any(map(_UNIQUE.search, entry.names))
        self._wait_until_settled(entry)
        listed = self._listed(collection)
        if listed is None:
            return Swept(entry, Fate.FAILED, "", f"{collection.list} cannot be read")
        listed = [one for one in listed if (collection.path, one.id) not in self._ids]
        if not unique and (collection.remove or ("/v1/datasets", source) not in self._ids):
            # Most such requests are invalid ones, and have created nothing.
            if not (near := [one.id for one in listed if _was_created_then(entry, one)]):
                return self._gone(entry, "", "nothing was created at that time")
            why = f"no response had its id, and its name is not unique; created then: {', '.join(near)}"
            return Swept(entry, Fate.UNTOUCHED, "", why)
        found = [one for one in listed if (one.name in entry.names if unique else one.source == source)]
        if not found:
            return self._gone(entry, "", "the list does not show it")
        if len(found) > 1:
            ids = ", ".join(sorted(one.id for one in found))
            return Swept(entry, Fate.UNTOUCHED, "", f"{len(found)} resources have its name: {ids}")
        if doubt := _doubt(entry, found[0]):
            return Swept(entry, Fate.UNTOUCHED, found[0].id, doubt)
        self._ledger.note(entry.first.entry, LedgerState.CREATED, identity=found[0].id)
        self._ids.add((collection.path, found[0].id))
        return found[0].id

    def _listed(self, collection: Collection) -> list[Shown] | None:
        """Return what a collection lists; `None` if the list cannot be read."""
        asked = [*pages(collection, self._contract.operations[collection.list].query, self._read)]
        found = {one.id: one for page in asked for one in shown(page)}
        return [*found.values()] if asked else None

    def _wait_until_settled(self, entry: LedgerEntry) -> None:
        """Wait while the target may still be busy with the request that creates something."""
        began = moment(entry.first.at)
        if began is None:
            return
        left = self._settle - (self._now() - began).total_seconds()
        if 0 < left <= self._settle:
            self._pause(left)

    def _settled(self, entry: LedgerEntry, collection: Collection, identity: str) -> Swept:
        """Remove what an entry is about, after a look at it."""
        response = self._read(reading(collection.read, identity)).response
        if response.status in ABSENT:
            return self._gone(entry, identity, "")
        if response.status != 200 or response.failure is not None:
            return Swept(entry, Fate.FAILED, identity, f"{collection.read}: {_said(response)}")
        body = answered_as(collection.read, (identity,), response).answer
        one = next((one for one in shown(body) if one.id == identity), None)
        if one is None:
            return Swept(entry, Fate.UNTOUCHED, identity, "the target shows another resource under its id")
        doubt = self._doubt_of_result(entry, one) if entry.first.made_by else _doubt(entry, one)
        if doubt:
            return Swept(entry, Fate.UNTOUCHED, identity, doubt)
        if collection.remove:
            return self._removed(entry, collection, identity)
        return self._stopped(entry, collection, identity, body)

    def _doubt_of_result(self, entry: LedgerEntry, one: Shown) -> str:
        """Return why a dataset may not be the result of the job of a run."""
        job = self._entries.get(entry.first.made_by)
        if job is None or not job.id:
            return "the ledger does not have the job that has made it"
        label = self._collections[job.first.collection].read
        response = self._read(reading(label, job.id)).response
        shows = next(
            (it for it in shown(answered_as(label, (job.id,), response).answer) if it.id == job.id), None
        )
        if response.status != 200 or shows is None or _doubt(job, shows):
            return "the job that has made it cannot be recognized"
        made = self._results(self._collections[job.first.collection], job.id, response)
        if (entry.first.collection, entry.id) not in made:
            return f"{label.partition(' ')[2].partition('/{')[0]} does not name it as its result any more"
        return _older(one, shows)

    def _results(self, collection: Collection, identity: str, response: Response) -> list[tuple[str, str]]:
        answered = answered_as(collection.read, (identity,), response)
        found = [(path, expression.value(answered)) for path, expression in collection.results]
        return [(path, value) for path, value in found if isinstance(value, str) and value]

    def _removed(self, entry: LedgerEntry, collection: Collection, identity: str) -> Swept:
        if not self._removing:
            return Swept(entry, Fate.REMOVABLE, identity)
        if why := self._delete(collection, identity):
            return Swept(entry, Fate.FAILED, identity, why)
        self._ledger.note(entry.first.entry, LedgerState.GONE, identity=identity)
        return Swept(entry, Fate.REMOVED, identity)

    def _delete(self, collection: Collection, identity: str) -> str:
        """Delete one resource that may be deleted, and return why it was not."""
        response = self._change(collection.remove, identity).response
        if 200 <= response.status < 300 or response.status in ABSENT:
            return ""
        return f"{collection.remove}: {_said(response)}"

    def _stopped(self, entry: LedgerEntry, collection: Collection, identity: str, body: object) -> Swept:
        """Cancel a job, wait for its end, and delete its results."""
        if not self._removing:
            return Swept(entry, Fate.REMOVABLE, identity, "would cancel: no operation deletes it")
        if not has_ended(body, identity):
            self._change(collection.stop, identity)  # one that has ended in the meantime refuses that
        response = self._read(reading(collection.read, identity)).response
        waited, pause = 0.0, _PAUSE
        while response.status == 200 and waited < self._patience:
            body = answered_as(collection.read, (identity,), response).answer
            if has_ended(body, identity):
                break
            self._pause(pause)
            waited, pause = waited + pause, min(2 * pause, _LONGEST_PAUSE)
            response = self._read(reading(collection.read, identity)).response
        job = next((one for one in shown(body) if one.id == identity), None)
        if response.status != 200 or job is None or not has_ended(body, identity):
            return Swept(entry, Fate.FAILED, identity, "it is cancelled and has not ended; sweep again later")
        for path, result in self._results(collection, identity, response):
            if why := self._delete_result(self._collections[path], result, job):
                return Swept(entry, Fate.FAILED, identity, f"its result {result} is left: {why}")
        self._ledger.note(entry.first.entry, LedgerState.ENDED, identity=identity)
        return Swept(entry, Fate.ENDED, identity, f"no operation deletes it; it has the status {job.status}")

    def _delete_result(self, collection: Collection, identity: str, job: Shown) -> str:
        response = self._read(reading(collection.read, identity)).response
        if response.status in ABSENT:
            return ""
        body = answered_as(collection.read, (identity,), response).answer
        one = next((one for one in shown(body) if one.id == identity), None)
        if response.status != 200 or one is None:
            return f"{collection.read}: {_said(response)}"
        why = _older(one, job) or self._delete(collection, identity)
        if not why:
            self._note_gone(collection.path, identity)
        return why

    def _note_gone(self, path: str, identity: str) -> None:
        for name, entry in self._entries.items():
            if entry.is_open and (entry.first.collection, entry.id) == (path, identity):
                self._ledger.note(name, LedgerState.GONE)

    def _gone(self, entry: LedgerEntry, identity: str, reason: str) -> Swept:
        self._ledger.note(entry.first.entry, LedgerState.GONE, identity=identity)
        return Swept(entry, Fate.GONE, identity, reason)

    def _change(self, label: str, identity: str) -> Exchange:
        method, path = reading(label, identity).path, label.partition(" ")[0]
        return self._checked(self._send(self._gate.approve(Outgoing(path, method))))

    def _read(self, outgoing: Outgoing) -> Exchange:
        return self._checked(self._send(outgoing))

    def _checked(self, exchange: Exchange) -> Exchange:
        response = exchange.response
        if response.failure is not None and response.status == 0:
            raise TargetError(
                f"{self._target}: expected a server that responds, got {response.failure.kind}: "
                f"{response.failure.detail}; start it, and sweep again"
            )
        if response.status in {401, 403}:
            raise TargetError(
                f"{self._target}: expected the key of the runs to be accepted, got status {response.status}; "
                "set it, and sweep again"
            )
        return exchange


def _doubt(entry: LedgerEntry, one: Shown) -> str:
    """Return how a resource differs from what a run has created; empty if it does not."""
    if entry.names and one.name not in entry.names:
        return f"it has another name, {one.name!r}" if one.name else "the target does not show its name"
    if not entry.names and not entry.first.source:
        return "the ledger has no name of it"
    if entry.first.source and one.source not in {"", entry.first.source}:
        return f"it reads another dataset, {one.source}"
    if not entry.names and not one.source:
        return "it shows neither a name nor its dataset"
    began = _began(entry)
    if one.created is None or began is None:
        return ""
    if abs(one.created - began) > _WINDOW:
        return f"it was created at {one.created.isoformat()}, and the request of the run at {entry.first.at}"
    return ""


def _began(entry: LedgerEntry) -> datetime | None:
    """Return when the request of an entry was sent, by the clock of the target."""
    began = moment(entry.first.at)
    return None if began is None else began + timedelta(seconds=entry.first.ahead)


def _was_created_then(entry: LedgerEntry, one: Shown) -> bool:
    """Return whether a resource can be what a request has created, by its time."""
    began = _began(entry)
    return one.created is None or began is None or -_TOLERANCE <= one.created - began <= _WINDOW


def _older(result: Shown, job: Shown) -> str:
    if result.created is None or job.created is None or result.created < job.created:
        return "it is not shown to be newer than the job"
    return ""


def _said(response: Response) -> str:
    return f"status {response.status}" if response.failure is None else str(response.failure.kind)
