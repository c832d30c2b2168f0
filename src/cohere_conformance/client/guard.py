"""Decides which requests are sent to the target: by operation, tier and ownership.

The generators of requests, the permission of a case and the marks of a test follow the same rules. The guard
checks every request again before it is sent, because a mistake there would cost data or money.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.client.creations import Answered
from cohere_conformance.client.inventory import answered_as, dated, inventory, listed, reading, shown
from cohere_conformance.client.meaning import HARMLESS, Meaning, Meanings, methods, paths
from cohere_conformance.client.outgoing import given
from cohere_conformance.client.ownership import Named, Ownership, Standing, earliest
from cohere_conformance.contract.collections import collection_of, shipped_collections
from cohere_conformance.contract.tiers import Effect
from cohere_conformance.errors import ForbiddenError, OwnershipError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from cohere_conformance.client.creations import Creations
    from cohere_conformance.client.outgoing import Outgoing
    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.collections import Collection
    from cohere_conformance.contract.expression import CompletedCall
    from cohere_conformance.contract.tiers import LivePolicy, Tier
    from cohere_conformance.model import Exchange, Response

    Ask = Callable[[Outgoing], Exchange]

_EMPTY = b"{}"
_TOUCHING = frozenset({Effect.CHANGES, Effect.DESTROYS})
_MAY_BE_TOUCHED = frozenset({Standing.OWN, Standing.NOBODYS})


class Reused(NamedTuple):
    """An id in the response to a creation that an older resource had.

    Attributes:
        operation: label of what was called.
        location: JSON pointer of the id in the response.
        reason: why it is not new.
    """

    operation: str
    location: str
    reason: str


class Guard:
    """The gate of one target, in one worker.

    Args:
        contract: the operations.
        policies: what each operation does on the server, by label.
        tiers: what may be called.
        declares: labels of what the target implements.
        canaries: labels of what may be called whatever its tier.
        empty_canaries: labels of what may be sent an empty object whatever its tier: it would create nothing.
        hosted: the target is another host: nothing undeclared is sent to it that could do anything.
        fresh: the run has started the target itself, so that nothing was there before.
        now: the time by our clock.
        creations: notes what the run creates; `None` where nothing outlives the run.
    """

    def __init__(
        self,
        contract: Contract,
        policies: Mapping[str, LivePolicy],
        *,
        tiers: Iterable[Tier],
        declares: Iterable[str],
        canaries: Iterable[str] = (),
        empty_canaries: Iterable[str] = (),
        hosted: bool,
        fresh: bool,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        creations: Creations | None = None,
    ) -> None:
        self._contract = contract
        self._creations = creations
        self._policies = policies
        self._tiers = frozenset(tiers)
        self._declares = frozenset(declares)
        self._canaries = frozenset(canaries)
        self._empty_canaries = frozenset(empty_canaries)
        self._hosted = hosted
        self._now = now
        self._collections = shipped_collections()
        self._meanings = Meanings(contract.operations)
        self.ownership = Ownership(fresh=fresh, is_word=self._meanings.is_word)
        self._lock = threading.RLock()

    def admit(self, outgoing: Outgoing, ask: Ask) -> None:
        """Allow a request.

        Args:
            outgoing: the request.
            ask: sends a request that the decision depends on: what is there, and since when.

        Raises:
            ForbiddenError: what it calls is not allowed on the target.
            OwnershipError: it could change or remove what the run has not made.
            BudgetError: what the decision depends on cannot be asked.
        """
        with self._lock:
            meant = self._meanings.of(outgoing)
            self._check_tier(outgoing, meant)
            for collection, identity in self._touched(outgoing, meant):
                self._check_owner(outgoing, collection, identity, ask)
            for meaning in meant:
                creates = self._policies[meaning.label].effect is Effect.CREATES
                if creates and not self._creates_nothing(outgoing, meaning):
                    self._list(ask)

    def begin(self, outgoing: Outgoing) -> None:
        """Note what a request is about to create.

        Raises:
            LedgerError: it cannot be noted, so the request must not be sent.
        """
        if self._creations is not None:
            with self._lock:
                meant = self._meanings.of(outgoing)
                meant = frozenset(one for one in meant if not self._creates_nothing(outgoing, one))
                self._creations.begin(outgoing, [(collection_of(one.label), one) for one in meant])

    def note(self, outgoing: Outgoing, response: Response) -> None:
        """Note what a response shows: which resources exist, since when, and what was created.

        Raises:
            LedgerError: what was created cannot be noted.
        """
        with self._lock:
            answered = [
                (collection, meaning, answered_as(meaning.label, meaning.ids, response))
                for meaning in self._meanings.of(outgoing)
                if (collection := self._collections.get(collection_of(meaning.label))) is not None
            ]
            if 200 <= response.status < 300:
                for collection, _, call in answered:
                    self._note(collection, call, outgoing, response)
            if self._creations is not None:
                calls = [
                    Answered(meaning, collection, response, call.answer, tuple(self._ids(call)))
                    for collection, meaning, call in answered
                ]
                self._creations.end(outgoing, response, calls)

    def _note(
        self, collection: Collection, answered: CompletedCall, outgoing: Outgoing, response: Response
    ) -> None:
        match answered.operation:
            case collection.create:
                # The times in it prove nothing: they may belong to a resource with another id.
                since, named = earliest(response, self._now()), list(self._ids(answered))
                for path, identity in named:
                    self.ownership.claim(path, identity, since)
                if not named:
                    self.ownership.expect(collection.path, given(outgoing, "name"), since)
                return
            case collection.list:
                self._recognise(collection, answered.answer)
                self.ownership.seen(collection.path, listed(collection, answered.answer))
            case collection.read:
                self.ownership.seen(collection.path, answered.path.values())
                self._claim_results(answered)
            case _:
                return
        for identity, created in dated(answered, read=answered.operation == collection.read):
            self.ownership.dated(collection.path, identity, created)

    def _recognise(self, collection: Collection, answer: object) -> None:
        """Find in a list what the run has created without learning its id."""
        ids = set(listed(collection, answer))
        named = (Named(one.id, one.name) for one in shown(answer) if one.id in ids)
        for one in self.ownership.recognise(collection.path, named):
            if self._creations is not None:
                self._creations.recognised(collection.path, one.name, one.id)

    def reused(self, exchange: Exchange) -> Iterator[Reused]:
        """Yield ids in the response to a creation that existed before."""
        request, response = exchange.request, exchange.response
        label = self._contract.route(request.method, request.url).operation
        if label is None or not 200 <= response.status < 300 or collection_of(label) not in self._collections:
            return
        for collection, identity, tokens in self._named(answered_as(label, (), response)):
            if breach := self.ownership.breach(collection, identity):
                yield Reused(label, "/".join(("", *tokens)), breach)

    def foreign(self, operation: str, exchange: Exchange) -> str | None:
        """Return what the response to a creation has that the run has not created, if anything.

        Args:
            operation: label of what was called.
            exchange: with the response.
        """
        if collection_of(operation) not in self._collections:
            return None
        for collection, identity, _ in self._named(answered_as(operation, (), exchange.response)):
            if self.ownership.standing(collection, identity) is Standing.FOREIGN:
                return (
                    self.ownership.breach(collection, identity)
                    or "the id of something older than the request"
                )
        return None

    # -- tiers

    def _check_tier(self, outgoing: Outgoing, meant: frozenset[Meaning]) -> None:
        route = self._contract.route(outgoing.method, f"http://localhost{outgoing.path}")
        if self._hosted and route.operation is None and not methods(outgoing) <= HARMLESS:
            raise ForbiddenError(f"{outgoing.method} of an undeclared path not allowed on a live host")
        tiers = {
            self._policies[one.label].tier
            for one in meant
            if one.label not in self._canaries
            and not self._creates_nothing(outgoing, one)
            and not self._removes_own(one)
        }
        if excess := sorted(tiers - self._tiers):
            raise ForbiddenError(f"tier {', '.join(excess)} not allowed on a live host")

    def _creates_nothing(self, outgoing: Outgoing, meaning: Meaning) -> bool:
        """Return whether a request is a canary: an empty object, which lacks what a creation requires."""
        return meaning.label in self._empty_canaries and outgoing.body == _EMPTY

    def _removes_own(self, meaning: Meaning) -> bool:
        """Return whether a call removes what the run was allowed to create, and so may remove."""
        collection = self._collections.get(collection_of(meaning.label))
        if collection is None or meaning.label not in {collection.remove, collection.stop}:
            return False
        standings = {self.ownership.standing(collection.path, one) for one in meaning.ids}
        return (
            self._policies[collection.create].tier in self._tiers
            and bool(standings)
            and standings <= {Standing.OWN, Standing.UNPROVEN}
        )

    # -- ownership

    def _touched(self, outgoing: Outgoing, meant: frozenset[Meaning]) -> set[tuple[str, str]]:
        """Return what a request could change or remove: the collection and the id of each.

        Raises:
            OwnershipError: it could be everything that is there.
        """
        touched = {
            (collection_of(one.label), identity)
            for one in meant
            if self._policies[one.label].effect in _TOUCHING
            for identity in one.ids
        }
        undeclared = methods(outgoing) - HARMLESS - {"POST"} - {one.label.split(" ")[0] for one in meant}
        cancels = not touched and any(path.endswith("cancel") for path in paths(outgoing))
        cancels = cancels and not methods(outgoing) <= HARMLESS
        if not undeclared and not cancels:
            return touched
        # Some server may take the first variable segment of the path for an id.
        if names := self._meanings.named(outgoing):
            return touched | {(where, names[0].partition(":")[0]) for where in self._around(outgoing)}
        if undeclared - {"PUT", "PATCH"} and list(self._around(outgoing)):
            raise OwnershipError(f"{outgoing.method} {outgoing.path}, which may be everything", claimed=False)
        return touched

    def _around(self, outgoing: Outgoing) -> Iterator[str]:
        """Yield the collections that a path is in, or that are below it; all collections if it is in none."""
        readings = paths(outgoing)
        near = [
            path
            for path in self._collections
            if any(
                f"{path}/".startswith(f"{one.rstrip('/')}/") or one.startswith(f"{path}/") for one in readings
            )
        ]
        yield from near or (self._collections if self._meanings.named(outgoing) else ())

    def _check_owner(self, outgoing: Outgoing, collection: str, identity: str, ask: Ask) -> None:
        standing = self.ownership.standing(collection, identity)
        if standing is Standing.UNKNOWN and self.ownership.expects(collection):
            self._ids_of(self._collections[collection], ask)
            standing = self.ownership.standing(collection, identity)
        if standing is Standing.UNPROVEN:
            self._look(collection, identity, ask)
            standing = self.ownership.standing(collection, identity)
        if standing in _MAY_BE_TOUCHED:
            return
        reason = {
            Standing.UNKNOWN: "which this run has not created",
            Standing.UNPROVEN: "which the target does not show to be created by this run",
            Standing.FOREIGN: "which existed before this run, or may be taken for something that did",
        }[standing]
        path = outgoing.path.partition("?")[0]
        raise OwnershipError(f"{outgoing.method} {path}, {reason}", claimed=standing is not Standing.UNKNOWN)

    def _look(self, collection: str, identity: str, ask: Ask) -> None:
        """Read a resource that the target named as created by the run, for the time of its creation."""
        label = self._collections[collection].read
        if self._may_read(label):
            ask(reading(label, identity))

    def _list(self, ask: Ask) -> None:
        """List all existing resources before anything is created."""
        for path, one in self._collections.items():
            if not self.ownership.lacks_list(path):
                continue
            self.ownership.list_before(path, self._ids_of(one, ask))

    def _ids_of(self, collection: Collection, ask: Ask) -> set[str]:
        """Return the ids in the list of a collection; none where it may not be read."""
        if not self._may_read(collection.list):
            return set()
        return inventory(collection, self._contract.operations[collection.list].query, ask)

    def _may_read(self, label: str) -> bool:
        return label in self._declares and self._policies[label].tier in self._tiers

    # -- claims

    def _named(self, answered: CompletedCall) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Yield what a response shows as created: the collection, the id, and the location of the id."""
        known = self._collections[collection_of(answered.operation)]
        found = known.results if answered.operation == known.read else ()
        if answered.operation == known.create and known.identity is not None:
            found = ((known.path, known.identity),)
        for path, expression in found:
            value = expression.value(answered)
            if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
                yield path, str(value), expression.tokens

    def _ids(self, answered: CompletedCall) -> Iterator[tuple[str, str]]:
        yield from ((path, identity) for path, identity, _ in self._named(answered))

    def _claim_results(self, answered: CompletedCall) -> None:
        """Note the result of a job of the run; it is not older than the job."""
        source = collection_of(answered.operation)
        for identity in answered.path.values():
            since = self.ownership.since(source, identity)
            own = self.ownership.standing(source, identity) in {Standing.OWN, Standing.UNPROVEN}
            for collection, result, _ in self._named(answered) if own else ():
                if since is not None:
                    self.ownership.claim(collection, result, since, result=True)
