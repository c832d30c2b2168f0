"""Whether the response to a case shows the features that its request needs."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeAlias

from cohere_conformance.cases import Skip, shipped_suite
from cohere_conformance.checks.framing import sniff
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.contract.features import FeatureRequest, shipped_features
from cohere_conformance.contract.location import Location, parse_location
from cohere_conformance.report.lacking import FeatureSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cohere_conformance.contract.features import Feature
    from cohere_conformance.model import Exchange

_Document: TypeAlias = "tuple[str | None, object]"
_TAGS = ("type", "event_type")
"""The properties that name the type of an event, in any version."""
_SAY_NOTHING = frozenset({401, 403, 404, 429})
"""Statuses of a refusal that is about something else than the feature."""


@lru_cache(maxsize=4)
def feature_source(profile: str) -> FeatureSource:
    """Return how features are recognised; what the shipped cases need is found out once a process.

    Args:
        profile: of the target.
    """
    known = shipped_features()
    needs = {}
    for case in shipped_suite().cases:
        expected = case.profiles.get(profile, case.expect)
        if isinstance(expected, Skip) or min(expected.status, default=0) >= 300:
            continue
        template = case.template
        request = FeatureRequest(case.operation, template.query, template.body, case.key)
        needs[case.id] = frozenset(known.needed(request))
    titles = {name: feature.title for name, feature in known.known.items()}
    requirements = {name: feature.clauses for name, feature in known.known.items()}
    return FeatureSource(titles, needs, partial(_shows, known.known), requirements)


def _shows(features: Mapping[str, Feature], name: str, exchange: Exchange) -> bool | None:
    response, feature = exchange.response, features[name]
    if response.failure is not None or response.status in _SAY_NOTHING:
        return None
    if not 200 <= response.status < 300:
        return False if response.status < 500 or response.status == 501 else None
    if not feature.responses:
        return True
    documents = tuple(_documents(exchange))
    locations = tuple(map(parse_location, feature.responses))
    if _has(documents, locations):
        return True
    return False if _has_room(documents, locations) else None


def _documents(exchange: Exchange) -> Iterator[_Document]:
    """Yield the body, or each event of a stream with its type."""
    parsed = ParsedExchange(exchange)
    framing = "sse" if exchange.response.events is not None else sniff(parsed.text)
    if framing == "json":
        yield None, parsed.response[0]
        return
    for event in parsed.events(framing):
        payload, _ = event.payload
        if isinstance(payload, dict):
            tag = next((payload[one] for one in _TAGS if isinstance(payload.get(one), str)), None)
            yield tag, payload
            # The last event of version 1 has the complete response.
            yield None, payload.get("response")


def _has(documents: Iterable[_Document], locations: Iterable[Location]) -> bool:
    found: Iterable[object] = (
        one
        for tag, value in documents
        for location in locations
        if location.tag == tag
        for one in location.values(value)
    )
    return any(one not in (None, [], {}, "") for one in found)


def _has_room(documents: Sequence[_Document], locations: Sequence[Location]) -> bool:
    """Return whether a response is right so far that the feature would be in it if the server had it."""
    only_events = all(location.tag is not None for location in locations)
    for tag, value in documents:
        for location in locations:
            if not location.tokens:
                if isinstance(value, dict) and (tag is not None or only_events):
                    return True
            elif location.tag == tag:
                above = Location(tag, location.tokens[:-1])
                if any(isinstance(one, dict) for one in above.values(value)):
                    return True
    return False
