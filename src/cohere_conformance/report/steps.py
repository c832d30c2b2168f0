"""Which requests a script sends again: those of a case, and those that create what it needs.

The ids in responses say which request needs which: what has an id comes after the response that had it first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from cohere_conformance.report.entry import fingerprint, key_of
from cohere_conformance.report.ids import ids_in, looked_up
from cohere_conformance.report.waits import statuses_reached

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from cohere_conformance.model import Exchange, Request
    from cohere_conformance.report.line import Record
    from cohere_conformance.report.waits import Reached

MOST_REQUESTS = 60
"""A case that sends more is not repeated, if another one shows the cause: such a script would not be read."""
_ENOUGH = 24
"""Requests beyond which a script creates no more of what a list contains, except what its cause names."""
_FEW = 2
"""Resources that are created where a list shows none of what it could."""


@dataclass
class ScriptStep:
    """One exchange of the script.

    Attributes:
        number: of the exchange in its journal.
        exchange: as it was sent.
        case: id of the case or name of the resource that sent it.
        gives: locations of the ids in its response that later requests have, by id.
        names: names that were sent to create what has these ids, if a list was read to know them, by id.
        polls: whether it only waits for something to be ready.
        reached: the status that it waits for, if it waits.
    """

    number: int
    exchange: Exchange
    case: str
    gives: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    polls: bool = False
    reached: Reached | None = None


class Requests:
    """The requests of a journal, and which of them need which.

    Args:
        records: of the journal; those without an exchange are left out.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        complete = [(one, one.exchange) for one in records if one.exchange is not None]
        self._cases = [record.case for record, _ in complete]
        self._exchanges = [exchange for _, exchange in complete]
        self._setup = [record.setup for record, _ in complete]
        self._findings = [record.findings for record, _ in complete]
        self._given, self._chosen = _given(self._exchanges)
        self._looked_up = looked_up(self._exchanges, self._given)
        made = {name: one.creation for name, one in self._looked_up.items()}
        self._origin = self._given | self._chosen | made
        self._reached = statuses_reached(self._exchanges)
        self._urls = "\n".join(exchange.request.url for exchange in self._exchanges)
        paths = [urlsplit(exchange.request.url).path for exchange in self._exchanges]
        self._addressed = {segment for path in paths for segment in path.split("/")}

    def steps(self, case: str, fingerprints: Collection[str], named: str) -> list[ScriptStep]:
        """Return what a case sent, after what its requests need and its responses list, in the order of the
        journal; nothing if the case sent too much.

        Args:
            case: whose requests are sent again.
            fingerprints: of the findings that they have to show.
            named: what the findings expect and observe; what has an id in it is created in any case.
        """
        sent_by = self._own(case, fingerprints)
        shown = self._shown_by_lists(case, sent_by)
        own = sorted([*sent_by, *shown])
        if not 0 < len(own) <= MOST_REQUESTS:
            return []
        missed = [
            number
            for name, origin in self._origin.items()
            if name in named and origin < own[0]
            for number in (origin, *self._looked(name, own))
        ]
        wanted = [*own]
        steps = self._needed(own, wanted, shown)
        for origin in dict.fromkeys([*missed, *self._listed(sent_by)]):
            more = self._needed(own, [*wanted, origin, *self._waits(origin, own)], shown)
            if len(more) <= (MOST_REQUESTS if origin in missed else _ENOUGH):
                wanted += [origin, *self._waits(origin, own)]
                steps = more
        return steps

    def _own(self, case: str, fingerprints: Collection[str]) -> list[int]:
        """Return the requests of a case, without those at its end that only remove what it has created.

        Of a long case only the requests about one resource are returned, if one of them shows a finding: one
        that is changed as little as possible, as what a change leads to depends on the time that has passed.
        """
        own = [number for number, name in enumerate(self._cases) if name == case]
        showing = self._showing(own, fingerprints)
        last = max((number for number in own if not self._setup[number] or number in showing), default=-1)
        own = [number for number in own if number <= last] or own
        if len(own) <= _ENOUGH:
            return own
        about_one = (self._about(number, own) for number in showing)
        return min(filter(None, about_one), key=self._effort, default=own)

    def _shown_by_lists(self, case: str, own: Sequence[int]) -> dict[int, Reached]:
        """Return statuses that only lists have shown of what is addressed, by number of their exchanges.

        Where not all requests of a case are sent again, the resource is read instead of the list.
        """
        origins = dict(self._origins(own[-1])) if own else {}
        return {
            number: reached
            for (number, name), reached in self._reached.items()
            if reached.changed
            and reached.read != number
            and self._cases[number] == case
            and origins.get(name, number) < number < own[-1]
            and number not in own
        }

    def _effort(self, numbers: Sequence[int]) -> tuple[int, int]:
        """Return how many requests change something, and how many there are."""
        return sum(self._exchanges[number].request.method != "GET" for number in numbers), len(numbers)

    def shown(self, case: str, fingerprints: Collection[str]) -> set[str]:
        """Return the findings that a case shows before what it has created is removed.

        What only a removal shows may depend on the time that had passed until then.
        """
        return {
            name
            for number, one in enumerate(self._cases)
            if one == case and not self._setup[number]
            for finding in self._findings[number]
            if (name := fingerprint(key_of(finding, case))) in fingerprints
        }

    def _showing(self, own: Sequence[int], fingerprints: Collection[str]) -> list[int]:
        """Return the requests of a case that show findings; those that remove something if no others do."""
        showing = [
            number
            for number in own
            for one in self._findings[number]
            if fingerprint(key_of(one, self._cases[number])) in fingerprints
        ]
        return [number for number in showing if not self._setup[number]] or showing

    def _about(self, last: int, own: Sequence[int]) -> list[int]:
        """Return the requests up to the last one that address what it does; none if it addresses nothing."""
        url = self._exchanges[last].request.url
        names = [name for name, _ in self._origins(last) if name in url]
        return [
            number
            for number in own
            if number <= last and any(name in self._exchanges[number].request.url for name in names)
        ]

    def _looked(self, name: str, own: Sequence[int]) -> list[int]:
        """Return the last list that was read before a case to know an id."""
        return next(
            (
                [number]
                for number in range(own[0] - 1, -1, -1)
                if self._setup[number]
                and self._exchanges[number].request.method == "GET"
                and name not in self._exchanges[number].request.url
                and name in ids_in(self._exchanges[number])
            ),
            [],
        )

    def _listed(self, own: Sequence[int]) -> list[int]:
        """Return the requests that created what responses list: a list shows nothing where nothing exists.

        A case that has created some of it itself needs nothing else there.
        """
        exchanges, given = self._exchanges, self._origin
        origins = [
            given[name]
            for number in own
            if exchanges[number].request.method == "GET"
            for name in ids_in(exchanges[number])
            if given.get(name, number) < number
            and exchanges[given[name]].request.method == "POST"
            and f"/{name}" in self._urls
        ]
        if not origins:
            origins = [lacked for number in own for lacked in self._lacked(number)]
        return [] if set(origins) & set(own) else origins

    def _lacked(self, number: int) -> list[int]:
        """Return the last requests that created what an empty list should contain, by its filters."""
        listed = urlsplit(self._exchanges[number].request.url)
        values = [value for _, value in parse_qsl(listed.query) if not value.isdigit()]
        found = [
            earlier
            for earlier in range(number)
            if self._exchanges[earlier].request.method == "POST"
            and urlsplit(self._exchanges[earlier].request.url).path == listed.path
            and all(value in sent(self._exchanges[earlier].request) for value in values)
        ]
        looks = self._exchanges[number].request.method == "GET"
        return found[-_FEW:] if looks else []

    def _waits(self, origin: int, own: Sequence[int]) -> list[int]:
        """Return the requests that waited for what a request has created, before those of the case."""
        names = (name for name, number in self._origin.items() if number == origin)
        return [number for name in names for number in self._polls(name, origin, own[0])]

    def _needed(
        self, own: Sequence[int], wanted: Sequence[int], shown: Mapping[int, Reached]
    ) -> list[ScriptStep]:
        """Return wanted requests after what they need.

        Args:
            own: numbers of the requests of the case.
            wanted: numbers of all requests that are wanted.
            shown: as of `_shown_by_lists`.
        """
        steps: dict[int, ScriptStep] = {}
        waiting = [*wanted]
        while waiting:
            number = waiting.pop()
            if number in steps:
                continue
            exchange = self._exchanges[shown[number].read if number in shown else number]
            steps[number] = ScriptStep(number, exchange, self._cases[number])
            for name, origin in self._origins(number):
                waiting += [origin, *self._polls(name, origin, min(own[0], number))]
                waiting += [self._looked_up[name].creation] if name in self._looked_up else []
        ordered = [steps[number] for number in sorted(steps)]
        for place, step in enumerate(ordered):
            later = "".join(sent(one.exchange.request) for one in ordered[place + 1 :])
            step.gives = {
                name: at
                for name, at in ids_in(step.exchange).items()
                if self._given.get(name) == step.number and name in later
            }
            step.names = {name: self._looked_up[name].name for name in step.gives if name in self._looked_up}
            beside = [*ordered[max(place - 1, 0) : place], *ordered[place + 1 : place + 2]]
            if name := self._read_by(step):
                reached = shown.get(step.number) or self._reached.get((step.number, name))
                ours = step.number in own
                step.reached = reached if reached is not None and (reached.changed or not ours) else None
                step.polls = not ours or step.reached is not None or any(_same(step, one) for one in beside)
        return ordered

    def _origins(self, number: int) -> Iterator[tuple[str, int]]:
        """Yield the ids that a request has, each with the earlier request that led to it.

        What a client has chosen is a resource only if a request addresses it, this one or another.
        """
        request = self._exchanges[number].request
        text, path = sent(request), f"{request.url.partition('?')[0]}/"
        for name, origin in self._given.items():
            if origin < number and name in text:
                yield name, origin
        for name, origin in self._chosen.items():
            if origin < number and (f"/{name}/" in path or (name in self._addressed and f'"{name}"' in text)):
                yield name, origin

    def _read_by(self, step: ScriptStep) -> str:
        """Return the id of the resource that a step reads, such as one that is not ready yet, or nothing."""
        request = step.exchange.request
        name = request.url.rpartition("/")[2]
        return name if request.method == "GET" and name in self._origin else ""

    def _polls(self, name: str, origin: int, before: int) -> list[int]:
        """Return the requests that waited for what an exchange has created, until another one used it."""
        return [
            number
            for number in range(origin + 1, before)
            if self._exchanges[number].request.method == "GET"
            and self._exchanges[number].request.url.endswith(f"/{name}")
        ]


def _same(step: ScriptStep, other: ScriptStep) -> bool:
    """Return whether two steps of one case send the same, as one does that waits until something is ready."""
    return step.case == other.case and sent(step.exchange.request) == sent(other.exchange.request)


def sent(request: Request) -> str:
    """Return the text of a request in which ids are searched."""
    return f"{request.url}\n{(request.body or b'').decode('utf-8', 'replace')}\n"


def _given(exchanges: Sequence[Exchange]) -> tuple[dict[str, int], dict[str, int]]:
    """Return where ids come from: the numbers of the exchanges whose responses have them first, by id.

    Those that a request had before any response are in the second result: a client has chosen them.
    """
    given: dict[str, int] = {}
    chosen: dict[str, int] = {}
    for number, exchange in enumerate(exchanges):
        ids, text = ids_in(exchange), sent(exchange.request)
        for name in ids:
            if name not in given and name not in chosen:
                (chosen if name in text else given)[name] = number
    return given, chosen
