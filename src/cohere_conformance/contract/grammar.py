"""The grammar of a stream: the order of its events as data, and the walk that checks a stream against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from cohere_conformance.contract.documents import load_typed
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A transition: the next state, and what the event does with its `index`.

    Attributes:
        to: name of the next state.
        opens: name of the counter whose next number the event's `index` must be.
        within: name of the counter whose current number the event's `index` must be.
        closes: as `within`; the item is complete afterwards.
    """

    to: str
    opens: str | None = None
    within: str | None = None
    closes: str | None = None


class Finished(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The flag of every event that says whether it is the last one."""

    property: str
    true_on: tuple[str, ...]


class Grammar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An automaton over the events of one stream.

    Attributes:
        tag: the property that names an event's type.
        states: for each state the events that may follow, with their transitions.
        start: the state before the first event.
        end: the state after the last event.
        fold: name of the rule that joins the events to one response.
        reason: what the grammar rests on.
        name_equals_tag: the name of a server-sent event must equal its tag.
        terminators: by media type, the payload that ends the stream after the last event.
        ignore: events that may be anywhere and change nothing.
        finished: the flag of every event, if the stream has one.
        at_most_once: events that may be sent only once.
        only_after: event -> the event that must precede it.
        never_after: event -> the event that must not precede it.
    """

    tag: str
    states: dict[str, dict[str, Step]]
    start: str
    end: str
    fold: str
    reason: str
    name_equals_tag: bool = False
    terminators: dict[str, str] = msgspec.field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    finished: Finished | None = None
    at_most_once: tuple[str, ...] = ()
    only_after: dict[str, str] = msgspec.field(default_factory=dict)
    never_after: dict[str, str] = msgspec.field(default_factory=dict)

    def events(self) -> frozenset[str]:
        """Return every event of the grammar."""
        return frozenset({event for steps in self.states.values() for event in steps}.union(self.ignore))


class GrammarViolation(msgspec.Struct, frozen=True):
    """One event that violates the grammar.

    Attributes:
        event: its tag.
        rule: the violated rule; part of a finding's identity.
        state: where in the grammar, in stable words; part of a finding's identity.
        expected: what may follow, for a reader.
        observed: what followed, for a reader.
    """

    event: str
    rule: Literal["sequence", "index", "finished"]
    state: str
    expected: str
    observed: str


_PATIENCE = 2
"""Number of events after a misplaced one until its state is accepted: a pair may be misplaced."""


class StreamWalk:
    """Checks one stream against its grammar, event by event.

    After a violation the walk continues in the state that the event leads to from any other state, so that
    one misplaced event is one violation and not a hundred.
    """

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._ruled = {*grammar.ignore, *grammar.at_most_once, *grammar.only_after, *grammar.never_after}
        self._state = grammar.start
        self._last = ""  # the event that led to the state
        self._seen: set[str] = set()
        self._next: dict[str, int] = {}
        self._open: dict[str, int] = {}
        self._also: dict[str, int] = {}  # the wrong number that an item was given
        self._before: str | None = None  # the state before a misplaced event
        self._patience = 0  # for how many more events that state counts

    @property
    def ended(self) -> bool:
        """Whether the last event has been received."""
        return self._state == self._grammar.end

    def continues(self, tag: str, payload: Mapping[str, object]) -> bool:
        """Return whether an event obviously has no violations, such as the next one of many deltas.

        It is checked then; any other one is yet to be checked by `event`.
        """
        step = self._grammar.states.get(self._state, {}).get(tag)
        if step is None or step.opens or step.closes or self._before is not None or tag in self._ruled:
            return False
        expected = self._open.get(step.within) if step.within else None
        if expected is not None and payload.get("index") != expected:
            return False
        if self._grammar.finished is not None and any(self._flag(tag, payload)):
            return False
        self._state, self._last = step.to, tag
        self._seen.add(tag)
        return True

    def event(self, tag: str, payload: Mapping[str, object]) -> Iterator[GrammarViolation]:
        """Check one event and yield its violations."""
        grammar = self._grammar
        if tag in grammar.ignore:
            yield from self._flag(tag, payload)
            return
        step = grammar.states.get(self._state, {}).get(tag)
        if step is None and self._before is not None and not self.ended:
            # The misplaced event was superfluous (perhaps with its end): continue as if it had not been sent.
            step, self._before = grammar.states.get(self._before, {}).get(tag), None
        if step is None:
            allowed = sorted(grammar.states.get(self._state, ()))
            expected = f"one of {', '.join(allowed)}" if allowed else "the end of the stream"
            yield GrammarViolation(tag, "sequence", self._state, expected, self._misplaced(tag))
            # An event after the end is misplaced and does not reopen the stream.
            others = () if self.ended else grammar.states.values()
            step = next((steps[tag] for steps in others if tag in steps), None)
            self._before, self._patience = self._state, _PATIENCE
        else:
            self._patience -= 1
            self._before = self._before if self._patience > 0 else None
            yield from self._history(tag)
        if step is not None:
            yield from self._index(tag, step, payload)
            self._state, self._last = step.to, tag
        yield from self._flag(tag, payload)
        self._seen.add(tag)

    def _misplaced(self, tag: str) -> str:
        """Return where a misplaced event is, by the events that it should be before, between or after."""
        states = self._grammar.states
        if self.ended:
            return f"a second {tag}" if tag == self._last else f"{tag} comes after {self._last}"
        here = states[self._state]
        if self._state == self._grammar.start:
            return f"{tag} comes before {' or '.join(sorted(here))}"
        if closing := _closers(here):
            second = any(step.opens in closing for steps in states.values() if (step := steps.get(tag)))
            return f"{'a second ' if second else ''}{tag} comes before {closing[min(closing)]}"
        around = [steps for steps in states.values() if tag in steps]
        for steps in around:
            for counter, closer in sorted(_closers(steps).items()):
                opener = self._opener(counter)
                if tag == closer:
                    return f"{tag} comes without {opener}"
                return f"{tag} is not between {opener} and {closer}"
        if tag in self._seen and states[self._grammar.start] in around:
            return f"a second {tag}"
        return f"{tag} comes after {self._last}"

    def _opener(self, counter: str) -> str:
        """Return the event that begins an item of a counter."""
        every = (pair for steps in self._grammar.states.values() for pair in steps.items())
        return next((event for event, step in every if step.opens == counter), counter)

    def _history(self, tag: str) -> Iterator[GrammarViolation]:
        grammar, seen = self._grammar, self._seen
        if tag in grammar.at_most_once and tag in seen:
            yield GrammarViolation(tag, "sequence", "again", f"{tag} at most once", f"a second {tag}")
        earlier = grammar.only_after.get(tag)
        if earlier is not None and earlier not in seen:
            yield GrammarViolation(
                tag, "sequence", "early", f"{tag} only after {earlier}", f"{tag} comes without {earlier}"
            )
        barrier = grammar.never_after.get(tag)
        if barrier is not None and barrier in seen:
            yield GrammarViolation(
                tag, "sequence", "late", f"no {tag} after {barrier}", f"{tag} comes after {barrier}"
            )

    def _index(self, tag: str, step: Step, payload: Mapping[str, object]) -> Iterator[GrammarViolation]:
        counter = step.opens or step.within or step.closes
        if counter is None:
            return
        expected = self._next.get(counter, 0) if step.opens else self._open.get(counter)
        found = payload.get("index")
        if expected is not None and found not in (expected, self._also.get(counter, expected)):
            shown = "no index" if found is None else f"index {found}"
            yield GrammarViolation(tag, "index", counter, f"index {expected}", shown)
            if isinstance(found, int):
                self._also[counter] = found  # one wrong number is one violation, not one for each event
        number = found if isinstance(found, int) else expected
        if step.opens and number is not None:
            self._open[counter], self._next[counter] = number, number + 1
        if step.closes:
            self._open.pop(counter, None)
            self._also.pop(counter, None)

    def _flag(self, tag: str, payload: Mapping[str, object]) -> Iterator[GrammarViolation]:
        flag = self._grammar.finished
        if flag is None or flag.property not in payload:
            return
        last = tag in flag.true_on
        if payload[flag.property] is not last:
            shown = f"{flag.property} {payload[flag.property]}"
            yield GrammarViolation(
                tag, "finished", flag.property, f"{flag.property} {last}".lower(), shown.lower()
            )


def _closers(steps: Mapping[str, Step]) -> dict[str, str]:
    """Return the events that complete an item, by its counter."""
    return {step.closes: event for event, step in steps.items() if step.closes}


class _Streams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file `contracts/streams.yaml`."""

    grammars: dict[str, Grammar]
    operations: dict[str, str]


def load_grammars(path: Path) -> dict[str, Grammar]:
    """Return the grammar of each operation that streams, by the operation's label.

    Raises:
        ContractError: the file is malformed, or a grammar is inconsistent.
    """
    streams = load_typed(path, _Streams)
    for name, grammar in streams.grammars.items():
        targets = {step.to for steps in grammar.states.values() for step in steps.values()}
        unknown = targets - grammar.states.keys() - {grammar.end}
        named = {*grammar.at_most_once, *grammar.only_after, *grammar.only_after.values()}
        named |= {*grammar.never_after, *grammar.never_after.values()}
        if unknown or grammar.start not in grammar.states or grammar.end not in targets:
            raise ContractError(f"{path}: grammar {name}: no such state: {sorted(unknown) or 'start or end'}")
        if named - grammar.events():
            raise ContractError(f"{path}: grammar {name}: no such event: {sorted(named - grammar.events())}")
    try:
        return {label: streams.grammars[name] for label, name in streams.operations.items()}
    except KeyError as error:
        raise ContractError(f"{path}: operations: no grammar is called {error.args[0]!r}") from error
