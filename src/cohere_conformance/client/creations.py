"""Notes in the ledger what a run creates, removes and renames, by the requests that it sends."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.client.inventory import shown
from cohere_conformance.client.ledger import LedgerState
from cohere_conformance.client.outgoing import given
from cohere_conformance.contract.tiers import Effect
from cohere_conformance.recordings.fields import first

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cohere_conformance.client.ledger import CreationLedger
    from cohere_conformance.client.meaning import Meaning
    from cohere_conformance.client.outgoing import Outgoing
    from cohere_conformance.contract.collections import Collection
    from cohere_conformance.contract.tiers import LivePolicy
    from cohere_conformance.model import Response

RUNNING = frozenset(
    {
        *("processing", "cancelling"),
        *("BATCH_STATUS_QUEUED", "BATCH_STATUS_IN_PROGRESS", "BATCH_STATUS_CANCELING"),
    }
)
"""The statuses of embed jobs and batches that are not over, as the contract declares them."""
ABSENT = frozenset({404, 410})
"""Statuses that say that a resource is not there."""
_PROCESSED = 500
"""From here on a status does not say whether the request had an effect."""
_UNDECIDED = frozenset({408, 499})


class Answered(NamedTuple):
    """What a response says about one operation that its request may be taken for.

    Attributes:
        meaning: the operation.
        collection: that it belongs to.
        response: to the request.
        body: of the response, as JSON; `None` if it is none.
        named: what the response names as created: the path of the collection, and the id.
    """

    meaning: Meaning
    collection: Collection
    response: Response
    body: object
    named: tuple[tuple[str, str], ...]


class Creations:
    """Follows what one process creates.

    Args:
        ledger: where it is noted.
        policies: what each operation does, by label.
        collections: of the contract, by path.
    """

    def __init__(
        self,
        ledger: CreationLedger,
        policies: Mapping[str, LivePolicy],
        collections: Mapping[str, Collection],
    ) -> None:
        self._ledger = ledger
        self._policies = policies
        self._collections = collections
        self._begun: dict[int, tuple[Outgoing, list[str]]] = {}
        self._open: dict[tuple[str, str], str] = {}
        self._nameless: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._ahead = 0.0

    def begin(self, outgoing: Outgoing, meant: Iterable[tuple[str, Meaning]]) -> None:
        """Note what a request is about to create or rename.

        Args:
            outgoing: the request.
            meant: the operations that it may be taken for, each with its collection.

        Raises:
            LedgerError: it cannot be written, so the request must not be sent.
        """
        begun = []
        for path, meaning in meant:
            effect = self._policies[meaning.label].effect
            if effect is Effect.CREATES and path in self._collections:
                begun.append(
                    self._ledger.begin(
                        meaning.label,
                        path,
                        name=given(outgoing, "name"),
                        source=given(outgoing, "dataset_id") or given(outgoing, "input_dataset_id"),
                        ahead=self._ahead,
                    )
                )
            elif effect is Effect.CHANGES and (name := given(outgoing, "name")):
                for identity in meaning.ids:
                    if (entry := self._open.get((path, identity))) is not None:
                        self._ledger.note(entry, LedgerState.RENAMING, name=name)
        if begun:
            # A request that is sent again has an entry for each time.
            _, before = self._begun.get(id(outgoing), (outgoing, []))
            self._begun[id(outgoing)] = (outgoing, before + begun)

    def end(self, outgoing: Outgoing, response: Response, answered: Iterable[Answered]) -> None:
        """Note what has become of that.

        Args:
            outgoing: the request.
            response: to it.
            answered: what the response says, for each operation that the request may be taken for.

        Raises:
            LedgerError: it cannot be written.
        """
        self._ahead = _ahead(response, self._ahead)
        _, begun = self._begun.pop(id(outgoing), (outgoing, []))
        if 400 <= response.status < _PROCESSED and response.status not in _UNDECIDED:
            for entry in begun:
                self._ledger.note(entry, LedgerState.REFUSED)
        for one in answered:
            if one.meaning.label == one.collection.create:
                self._created(begun, one, given(outgoing, "name"))
            else:
                self._followed(one)

    def recognised(self, collection: str, name: str, identity: str) -> None:
        """Note the id of something in whose creation it was missing.

        Args:
            collection: its path.
            name: of it.
            identity: as a list shows it.

        Raises:
            LedgerError: it cannot be written.
        """
        if entries := self._nameless[collection, name.casefold()]:
            entry = self._open[collection, identity] = entries.pop(0)
            self._ledger.note(entry, LedgerState.CREATED, identity=identity)

    def _created(self, begun: list[str], one: Answered, name: str) -> None:
        """Note the id of what was created last; what a first attempt has created can only be looked for."""
        if not 200 <= one.response.status < 300:
            return
        if begun and not one.named:
            self._nameless[one.collection.path, name.casefold()].append(begun[-1])
        for entry, (path, identity) in zip(reversed(begun), one.named, strict=False):
            self._open[(path, identity)] = entry
            self._ledger.note(entry, LedgerState.CREATED, identity=identity)

    def _followed(self, one: Answered) -> None:
        collection, status = one.collection, one.response.status
        for identity in one.meaning.ids:
            if (entry := self._open.get((collection.path, identity))) is None:
                continue
            label = one.meaning.label
            removed = label == collection.remove and 200 <= status < 300
            if removed or (label in {collection.remove, collection.read} and status in ABSENT):
                self._over(collection, identity, LedgerState.GONE)
            elif label == collection.read and status == 200:
                self._results(entry, one)
                if collection.stop and has_ended(one.body, identity):
                    self._over(collection, identity, LedgerState.ENDED)

    def _results(self, entry: str, one: Answered) -> None:
        """Note what a job of the run has made."""
        for path, identity in one.named:
            if (path, identity) not in self._open:
                operation = one.meaning.label
                made = self._ledger.begin(operation, path, made_by=entry, identity=identity)
                self._open[(path, identity)] = made

    def _over(self, collection: Collection, identity: str, state: LedgerState) -> None:
        self._ledger.note(self._open.pop((collection.path, identity)), state)


def has_ended(body: object, identity: str) -> bool:
    """Return whether a response shows that a job does nothing any more.

    Args:
        body: of the response to the request that reads it.
        identity: of the job.
    """
    return any(one.id == identity and one.status not in {"", *RUNNING} for one in shown(body))


def _ahead(response: Response, before: float) -> float:
    """Return by how many seconds the clock of the target is ahead, by the date of a response."""
    try:
        date = parsedate_to_datetime(first(response.headers, "date") or "")
    except (ValueError, TypeError):
        return before
    date = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return (date - datetime.now(UTC)).total_seconds()
