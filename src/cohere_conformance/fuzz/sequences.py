"""Sequences of operations: from a written request along the links, with values from the responses.

Only what a test has created itself is changed, cancelled or deleted. What a list shows belongs to others and
is read at most, whatever the target says about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hypothesis import strategies
from hypothesis.stateful import precondition, rule

from cohere_conformance.contract.collections import collection_of
from cohere_conformance.contract.expression import CompletedCall
from cohere_conformance.contract.tiers import Effect
from cohere_conformance.fuzz.ledger import (
    CANCELLED,
    FAILED,
    FINAL,
    GONE,
    IF_STATE_ALLOWS,
    REFUSED,
    STATUS,
    UNLISTED,
    WORKING,
    Ledger,
    TrackedResource,
    allowed_statuses,
    status_of,
    value_at,
)
from cohere_conformance.fuzz.script import Script
from cohere_conformance.session.api import DeviatesError, InconclusiveError
from cohere_conformance.session.lifecycle import Lifecycle, explore, step
from cohere_conformance.session.reused import NEW

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from cohere_conformance.cases import RequestTemplate
    from cohere_conformance.contract.links import FilledLink, Link
    from cohere_conformance.session.api import Api, ApiResponse

_MOST_MADE, _MOST_BEGUN, _LONGEST_WALK, _KEPT = 4, 5, 4, 12
PATIENCE = 60.0
"""Seconds that a resource may take to reach a final status."""
_PICK = strategies.integers(0, 255)


class NotOwnedError(Exception):
    """A call would have changed something that this test has not created: a defect of the suite."""


class _FollowableLink(NamedTuple):
    """A link that can be followed, with the request that it leads to."""

    link: Link
    filled: FilledLink
    template: RequestTemplate


class Sequences(Lifecycle):
    """Creates, reads, changes and deletes resources along the links.

    Args:
        script: what may be called, and with which requests.
        ledger: the resources of the test.
        api: the target.
        ended: the deviation that ended the test, once there is one.
    """

    def __init__(self, script: Script, ledger: Ledger, api: Api, ended: list[Exception]) -> None:
        super().__init__(api, ended)
        self.script = script
        self.ledger = ledger
        self.begun = 0
        self.created = 0
        self.answers: list[CompletedCall] = []

    @precondition(lambda self: self.begun < _MOST_BEGUN)
    @rule(pick=_PICK)
    @step
    def begin(self, pick: int) -> None:
        """Send a written request that needs nothing."""
        self.begun += 1
        making = [label for label in self.script.starts if self.script.effect(label) is Effect.CREATES]
        # Lists of an empty account have no links to follow, and more resources bring nothing new.
        labels = making if making and not self.created else list(self.script.starts)
        label = labels[pick % len(labels)]
        if label in making and self.created >= _MOST_MADE:
            return
        requests, number = self.script.starts[label], self.ledger.begun[label]
        self.ledger.begun[label] += 1
        self.call(requests[number % len(requests)], (200,))

    @precondition(lambda self: self.begun)
    @rule(picks=strategies.tuples(*[_PICK] * _LONGEST_WALK), haste=strategies.integers(0, 3))
    @step
    def follow(self, picks: tuple[int, ...], haste: int) -> None:
        """Follow a link of any earlier response, then one of the response to that, and so on."""
        answers = self.answers
        for pick in picks:
            if self.stopped:
                return
            options = self.options(answers) or self.options(self.answers)
            if not options:
                return
            # The links followed least come first: there are many more links than steps.
            least = min(self.taken(option) for option in options)
            options = [option for option in options if self.taken(option) == least]
            if (answered := self.take(options[pick % len(options)], patient=haste > 0)) is not None:
                answers = [answered]

    def teardown(self) -> None:
        """Stop jobs that are still running and cannot be deleted, and find out what they have created."""
        for one in list(self.ledger.made.values()):
            stop = self.script.stop.get(one.collection)
            if stop is None or not one.at_work:
                continue
            try:
                self.api.call(stop, path=self.script.address(stop, one.id), status=IF_STATE_ALLOWS)
                self.wait(one)
            except (DeviatesError, InconclusiveError) as error:
                self.ended.append(error)

    def taken(self, option: _FollowableLink) -> int:
        """Return how often a link was followed."""
        return self.ledger.taken[option.link.source, option.link.name]

    def options(self, answers: Iterable[CompletedCall]) -> list[_FollowableLink]:
        """Return every link of the responses that can and may be followed."""
        found = []
        for answered in answers:
            for link in self.script.links.get(answered.operation, ()):
                filled = link.filled(answered)
                if filled is None or not self.may(link.target, filled.path.values(), filled.body.values()):
                    continue
                if (template := self.script.request(link, filled)) is not None:
                    found.append(_FollowableLink(link, filled, template))
        return found

    def may(self, label: str, path: Iterable[str], body: Iterable[object]) -> bool:
        """Return whether a call is harmless: it changes a resource of the test, or creates one from these."""
        match self.script.effect(label):
            case Effect.CHANGES | Effect.DESTROYS:
                return None not in self.ledger.about(label, path)
            case Effect.CREATES:
                return self.created < _MOST_MADE and None not in self.ledger.named(body)
            case _:
                return True

    def take(self, option: _FollowableLink, *, patient: bool) -> CompletedCall | None:
        """Follow a link, check the response against the known state, and return what was served."""
        link, filled, template = option
        self.ledger.taken[link.source, link.name] += 1
        # What cannot be created, such as the models of the service, cannot be deleted either.
        owned = collection_of(link.target) in self.script.creators
        about = self.ledger.about(link.target, filled.path.values()) if owned else []
        used = [one for one in self.ledger.named(filled.body.values()) if one is not None]
        for one in (*used, *about):
            if patient and one is not None and one.at_work and self.may_wait(one):
                self.wait(one)
        return self.call(
            template, allowed_statuses(link.target, self.script.effect(link.target), about, used)
        )

    def may_wait(self, one: TrackedResource) -> bool:
        """Return whether to wait for the end of a job: only once one of its kind was stopped at work."""
        kind = [other for other in self.ledger.made.values() if other.collection == one.collection]
        stopped = any(other.cancelled and other.status != FAILED for other in kind)
        return stopped or one.collection not in self.script.stop

    def call(self, template: RequestTemplate, status: tuple[int, ...]) -> CompletedCall | None:
        """Send a request, note what the response shows, and return the call if it was served.

        Raises:
            ForeignError: it would change something that is not ours.
            DeviatesError: the response deviates.
            InconclusiveError: there was none to judge.
        """
        label = template.operation
        about = self.ledger.about(label, template.path.values())
        if self.script.effect(label) in {Effect.CHANGES, Effect.DESTROYS} and None in about:
            raise NotOwnedError(f"{label}: {', '.join(template.path.values())} was not made by this test")
        deleted = [one for one in about if one is not None and one.deleted]
        self.created += self.script.effect(label) is Effect.CREATES
        reply = self.api.call(
            label,
            path=template.path,
            query=template.query,
            headers=dict(template.headers),
            body=template.body,
            form=template.form,
            status=status,
        )
        if deleted and label in GONE:
            self.gone(label, reply)
        if reply.status != 200:
            return None
        answered = CompletedCall(label, 200, template.path, template.query, template.body, reply.body)
        if not deleted:
            self.learn(answered, reply)
            same = (label, template.path, template.query)
            self.answers = [one for one in self.answers if (one.operation, one.path, one.query) != same]
            self.answers = [*self.answers, answered][-_KEPT:]
        return answered

    def gone(self, label: str, reply: ApiResponse) -> None:
        """Require that a deleted resource is not found, or, for a model, that its status is deleted."""
        model_status = value_at(reply.body, ("finetuned_model", "status"))
        self.api.require(
            GONE[label],
            reply.status == 404 or (reply.status == 200 and model_status == "STATUS_DELETED"),
            reply,
            expected="404",
            observed=reply.status,
        )

    def learn(self, answered: CompletedCall, reply: ApiResponse) -> None:
        """Note what a response shows of the resources of the test."""
        label = answered.operation
        own = [one for one in self.ledger.about(label, answered.path.values()) if one is not None]
        match self.script.effect(label):
            case Effect.CREATES:
                self.made(answered, reply)
            case Effect.DESTROYS:
                for one in own:
                    one.deleted = True
            case Effect.CHANGES if label in self.script.stop.values():
                for one in own:
                    one.cancelled = True
                    self.look(one)
            case Effect.READS if own:
                if label == self.script.read(own[0].collection):
                    self.course(own[0], answered, reply)
                self.outputs(answered)
            case Effect.READS:
                self.listed(answered, reply)

    def made(self, answered: CompletedCall, reply: ApiResponse) -> None:
        """Note what was created, and have it removed when the test is over."""
        label = answered.operation
        expression = self.script.identity.get(label)
        identity = expression.value(answered) if expression is not None else None
        if not isinstance(identity, str) or not identity:
            raise InconclusiveError(f"{label} was answered without an id")
        where = collection_of(label)
        if self.ledger.adopt(where, identity):
            self.remove_later(where, identity)
        elif label in NEW:
            self.api.require(
                NEW[label],
                False,
                reply,
                location="/".join(("", *expression.tokens)) if expression is not None else "",
                expected="an id of its own",
                observed=identity,
            )

    def course(self, one: TrackedResource, answered: CompletedCall, reply: ApiResponse) -> None:
        """Note the status of a resource; one that is not running any more must not change."""
        now = status_of(one.collection, answered.answer)
        if one.at_work:
            one.status = now
            if one.cancelled and one.collection in CANCELLED:
                self.api.require(
                    CANCELLED[one.collection],
                    now not in WORKING,
                    reply,
                    location="/".join(("", *STATUS[one.collection])),
                    expected="canceling, or an ended job",
                    observed=now,
                )
        elif one.collection in FINAL:
            self.api.require(
                FINAL[one.collection],
                now == one.status,
                reply,
                location="/".join(("", *STATUS[one.collection])),
                expected=f"{one.status}, as it was",
                observed=now,
            )

    def outputs(self, answered: CompletedCall) -> None:
        """Note what a resource of the test has created."""
        for link in self.script.links.get(answered.operation, ()):
            filled = link.filled(answered) if link.made else None
            for identity in filled.path.values() if filled is not None else ():
                where = collection_of(link.target)
                if self.ledger.adopt(where, identity, output=True):
                    self.remove_later(where, identity)

    def remove_later(self, where: str, identity: str) -> None:
        """Have a resource deleted when the test is over, or at least stopped."""
        remove, stop = self.script.remove.get(where), self.script.stop.get(where)
        if remove is not None:
            self.api.later(remove, path=self.script.address(remove, identity))
        elif stop is not None:
            path = self.script.address(stop, identity)
            self.api.later(stop, path=path, status=(200, *REFUSED))

    def listed(self, answered: CompletedCall, reply: ApiResponse) -> None:
        """Note the resources of others in a list, and require that it has nothing that was deleted."""
        label = answered.operation
        for location in self.script.items.get(label, ()):
            where = collection_of(label)
            ids = [str(value) for value in location.values(answered.answer)]
            left = [one for one in ids if (made := self.ledger.made.get((where, one))) and made.deleted]
            if label in UNLISTED:
                self.api.require(
                    UNLISTED[label],
                    not left,
                    reply,
                    location="/".join(("", *location.tokens)),
                    expected="nothing that was deleted",
                    observed=left,
                )
            # Resources of the test may have created further ones, whose ids are unknown here.
            if not any(one.collection in self.script.makers for one in self.ledger.made.values()):
                self.ledger.foreign |= {(where, one) for one in ids} - self.ledger.made.keys()

    def wait(self, one: TrackedResource) -> None:
        """Read a resource until its status is final.

        Raises:
            InconclusiveError: it does not.
        """
        label = self.script.read(one.collection)
        if label not in self.script.operations:
            return

        def ended() -> bool | None:
            self.look(one)
            return None if one.at_work else True

        self.api.poll(label, ended, PATIENCE, expected=f"an end of {one.collection} {one.id}")

    def look(self, one: TrackedResource) -> None:
        """Read a resource, if that may be called."""
        label = self.script.read(one.collection)
        if label in self.script.operations:
            self.call(self.script.bare(label, self.script.address(label, one.id)), (200,))


def walk(api: Api, operations: Collection[str], ledger: Ledger | None = None) -> None:
    """Call operations in the sequences that their links allow.

    Args:
        api: the target.
        operations: labels of all that may be called.
        ledger: notes the resources and the followed links, if the caller wants to see them.

    Raises:
        DeviatesError: the target deviates in one of the sequences.
        InconclusiveError: there was nothing to judge.
    """
    ledger = Ledger() if ledger is None else ledger
    script = Script(operations, profile=api.profile, unique=api.unique, models=api.models)

    def machine(target: Api, ended: list[Exception]) -> Sequences:
        return Sequences(script, ledger, target, ended)

    # What exists before the test creates anything is not its own, even if a response claims so later.
    first = machine(api, [])
    for label in script.items:
        if label in script.operations:
            first.call(script.bare(label, {}), (200,))
    explore(api, machine)
