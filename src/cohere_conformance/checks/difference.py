"""What an exchange that conforms to one contract deviates from in another: only what differs is judged."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.checks.body import judge_text
from cohere_conformance.checks.fold import fold_of
from cohere_conformance.checks.frame import Frame
from cohere_conformance.checks.headers import judge_headers, media_type
from cohere_conformance.checks.request import judge_request
from cohere_conformance.checks.selection import Selection
from cohere_conformance.checks.streams import judge_folded
from cohere_conformance.model import Severity
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cohere_conformance.checks.parsed import ParsedEvent, ParsedExchange
    from cohere_conformance.contract import Media, Operation, ResponseDeclaration, Validator
    from cohere_conformance.model import Finding


_NO_BRANCHES: Mapping[str, Validator] = MappingProxyType({})


class MediaDifference(NamedTuple):
    """The schemas of a media type that the other contract declares differently.

    Attributes:
        media: as the other contract declares it.
        body: of the body, if it differs.
        branches: of the events that differ, by type.
        unknown: the types of events that it does not declare.
        plain: of the response without streaming, if it differs.
    """

    media: Media
    body: Validator | None = None
    branches: Mapping[str, Validator] = _NO_BRANCHES
    unknown: frozenset[str] = frozenset()
    plain: Validator | None = None


class ContractDifference(NamedTuple):
    """What another contract declares differently of the exchanges of an operation with one status.

    Attributes:
        other: the operation there.
        request: whether its request differs.
        headers: of the response there, if they differ.
        media: the difference of each media type of the response; `None` if more than schemas differ.
    """

    other: Operation
    request: bool
    headers: ResponseDeclaration | None
    media: Mapping[str, MediaDifference] | None

    def findings(self, parsed: ParsedExchange) -> list[Finding] | None:
        """Return the findings by the other contract; `None` if the exchange has to be judged completely.

        Args:
            parsed: an exchange that conforms to the first contract.
        """
        response = parsed.exchange.response
        reported = parsed.headers.get("content-type")
        if self.media is None or response.failure is not None or not reported:
            return None
        differs = self.media.get(media_type(reported))
        if differs is None or (response.events is not None and differs.media.events is None):
            return None
        tagged = [*_tagged(differs, parsed)]
        if differs.unknown and any(tag in differs.unknown for tag, _ in tagged):
            return None
        frame, selection = Frame(self.other.label, response.status), Selection()
        if self.request:
            selection.take(judge_request(frame, self.other, parsed))
        if self.headers is not None:
            selection.take(judge_headers(frame, self.headers, response.headers))
        selection.take(_response(frame, differs, parsed, tagged))
        return selection.findings()


def difference(ours: Operation, other: Operation, status: int) -> ContractDifference | None:
    """Return what another contract declares differently; `None` if it declares the same.

    Args:
        ours: the operation in the first contract.
        other: the operation in the other one.
        status: of the responses.
    """
    request = (ours.request, ours.query) != (other.request, other.query)
    mine, theirs = ours.response(status), other.response(status)
    if not request and mine == theirs:
        return None
    if mine is None or theirs is None:
        return ContractDifference(other, request, None, None)
    headers = theirs if mine.headers != theirs.headers else None
    plain = [
        next((one.body for one in declared.media.values() if one.framing == "json"), None)
        for declared in (mine, theirs)
    ]
    found: dict[str, MediaDifference] = {}
    for name in mine.media.keys() & theirs.media.keys():
        media = theirs.media[name]
        differs = _media(mine.media[name], media, plain[1] if plain[0] is not plain[1] else None)
        if differs is None:
            return ContractDifference(other, request, headers, None)
        found[name] = differs
    return ContractDifference(other, request, headers, found)


def _media(mine: Media, theirs: Media, plain: Validator | None) -> MediaDifference | None:
    one, other = mine.events, theirs.events
    if one is None or other is None:
        alike = (
            one is other and mine.framing == theirs.framing and (mine.body is None) is (theirs.body is None)
        )
        differs = theirs.body if mine.body is not theirs.body else None
        return MediaDifference(theirs, differs) if alike else None
    if (one.tag, one.terminator, one.grammar) != (other.tag, other.terminator, other.grammar):
        return None
    if mine.framing != theirs.framing:
        return None
    branches = {name: new for name, new in other.branches.items() if new is not one.branches.get(name)}
    return MediaDifference(
        theirs, branches=branches, unknown=frozenset(one.branches.keys() - other.branches.keys()), plain=plain
    )


def _tagged(differs: MediaDifference, parsed: ParsedExchange) -> Iterator[tuple[str, ParsedEvent]]:
    """Yield the events of a stream with their types."""
    tag = "" if differs.media.events is None else differs.media.events.tag
    for event in parsed.parsed_events():
        payload = event.payload[0]
        if isinstance(payload, dict) and tag in payload:
            yield payload[tag], event


def _response(
    frame: Frame,
    differs: MediaDifference,
    parsed: ParsedExchange,
    tagged: Sequence[tuple[str, ParsedEvent]],
) -> Iterator[Finding]:
    if differs.body is not None and parsed.exchange.response.body is not None:
        yield from judge_text(frame, differs.body, parsed.received)
        return
    events = differs.media.events
    if events is None or not (differs.branches or differs.plain):
        return
    worst: set[Severity] = set()
    for tag, event in tagged:
        branch = differs.branches.get(tag)
        if branch is not None and not event.text.conforms(branch):
            for finding in judge_text(frame, branch, event.text, prefix=f"<{escaped(tag)}>"):
                worst.add(finding.severity)
                yield finding
    grammar = events.grammar
    if differs.plain is None or grammar is None or Severity.BREAKING in worst:
        return
    known = grammar.events() - {*grammar.ignore}
    folding = [event.payload[0] for tag, event in tagged if tag in known]
    if folding:
        joined = parsed.folded(fold_of(grammar).fold, folding)
        yield from judge_folded(frame, joined, differs.plain, additive=not worst)
