"""Derived requests that are sent to a reference server, and what their verdicts say about its answers."""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from cohere_conformance.cases import shipped_suite
from cohere_conformance.client.sender import OPEN, Sender
from cohere_conformance.contract import load_contract
from cohere_conformance.fuzz.anchors import anchors
from cohere_conformance.fuzz.response_checks import status_findings
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.reference import ServerState, catalogue
from cohere_conformance.reference.inprocess import InProcess
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.profile import Profile
from cohere_conformance.session.resources import Resources
from cohere_conformance.session.unique import Unique

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cohere_conformance.cases import RequestTemplate
    from cohere_conformance.fuzz.candidate import Anchor, Candidate
    from cohere_conformance.model import Exchange, Expectation, Finding

CONTRACT = load_contract()
LABELS = tuple(CONTRACT.operations)


@lru_cache(maxsize=256)
def starts(label: str, profile: str = "contract") -> tuple[Anchor, ...]:
    """Return the cases that an operation's requests are derived from."""
    return anchors(shipped_suite(), CONTRACT.operations[label], profile)


def named(candidates: Iterable[Candidate], location: str, says: str) -> Candidate:
    """Return the one candidate that does that at a place."""
    [found] = [one for one in candidates if (one.location, one.says) == (location, says)]
    return found


class Tried:
    """A server without a socket, with what the cases need on it.

    Args:
        state: of the server.
    """

    def __init__(self, state: ServerState) -> None:
        self.state = state
        transport = InProcess(state)
        self._sender = Sender("http://localhost", gate=OPEN, key=Secret(PRODUCTION), transport=transport)
        self._resources = Resources(shipped_suite(), CONTRACT, self._make, "tests", Unique(1))

    def close(self) -> None:
        """Close the event loop of the server."""
        self._sender.close()

    def _make(
        self, template: RequestTemplate, name: str, values: Mapping[str, str], expectation: Expectation
    ) -> Exchange:
        return self._sender.send(template.outgoing(values, name=name), position=name)

    def prepare(self, candidates: Iterable[Candidate]) -> None:
        """Make what requests need, before a fault keeps it from being made."""
        for needs in {candidate.needs for candidate in candidates}:
            self._resources.values(needs)

    def answer(self, candidate: Candidate) -> Exchange:
        """Send a request; what it has used up is made anew for the next one."""
        outgoing = candidate.template.outgoing(
            self._resources.values(candidate.needs), name="tests", key=candidate.key
        )
        found = self._sender.send(outgoing)
        assert found.response.failure is None, (candidate.name, found.response.failure)
        label = candidate.template.operation
        if found.response.status == 200 and (label.startswith("DELETE ") or label.endswith("cancel")):
            self._resources.renew(candidate.needs)
        return found

    def findings(self, candidates: Iterable[Candidate]) -> list[tuple[str, Finding]]:
        """Send requests, and return their names with what is wrong with the answers."""
        return [
            (candidate.name, finding)
            for candidate in candidates
            for finding in status_findings(candidate, self.answer(candidate), ())
        ]


@contextmanager
def tried(profile: Profile = Profile.CONTRACT) -> Iterator[Tried]:
    """Make a server to try requests on."""
    target = Tried(ServerState(profile=profile, step=0.01))
    try:
        yield target
    finally:
        target.close()


@contextmanager
def faulty(target: Tried, name: str) -> Iterator[None]:
    """Switch on a fault of a server for a while."""
    target.state.faults = frozenset({catalogue()[name]})
    try:
        yield
    finally:
        target.state.faults = frozenset()
