"""Whether the response to a case shows the features that its request needs."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeAlias

from cohere_conformance.cases import Skip, shipped_suite
from cohere_conformance.checks.framing import sniff
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.contract.features import FeatureRequest, shipped_features
from cohere_conformance.contract.location import Location, parse_location
from cohere_conformance.observed.response import declared_locations
from cohere_conformance.pointer import escaped
from cohere_conformance.report.lacking import FeatureSource

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.compile import Framing
    from cohere_conformance.contract.features import Feature
    from cohere_conformance.model import Exchange

_Document: TypeAlias = "tuple[str | None, object]"
_TAGS = ("type", "event_type")
"""The properties that name the type of an event, in any version."""
_SAY_NOTHING = frozenset({401, 403, 404, 429})
"""Statuses of a refusal that is about something else than the feature."""


def feature_source(profile: str, contract: Contract) -> FeatureSource:
    """Return how features are recognised.

    Args:
        profile: of the target.
        contract: says where the responses of an operation can show a feature.
    """
    known = shipped_features().known
    titles = {name: feature.title for name, feature in known.items()}
    requirements = {name: feature.clauses for name, feature in known.items()}
    return FeatureSource(titles, _needs(profile), partial(_shows, contract, known), requirements)


@lru_cache(maxsize=4)
def _needs(profile: str) -> Mapping[str, frozenset[str]]:
    """Return the features that the shipped cases need; found out once a process."""
    known = shipped_features()
    needs = {}
    for case in shipped_suite().cases:
        expected = case.profiles.get(profile, case.expect)
        if isinstance(expected, Skip) or min(expected.status, default=0) >= 300:
            continue
        template = case.template
        request = FeatureRequest(case.operation, template.query, template.body, case.key)
        needs[case.id] = frozenset(known.needed(request))
    return needs


def _shows(contract: Contract, features: Mapping[str, Feature], name: str, exchange: Exchange) -> bool | None:
    response, feature = exchange.response, features[name]
    if response.failure is not None or response.status in _SAY_NOTHING:
        return None
    if not 200 <= response.status < 300:
        return False if response.status < 500 or response.status == 501 else None
    if not feature.responses:
        return True
    label = contract.route(exchange.request.method, exchange.request.url).operation
    declared = declared_locations(contract.operations[label]) if label else frozenset[str]()
    locations = tuple(parse_location(one) for one in feature.responses if one in declared)
    parsed = ParsedExchange(exchange)
    framing = "sse" if response.events is not None else sniff(parsed.text)
    documents = tuple(_documents(parsed, framing))
    if _has(documents, locations):
        return True
    if locations and all(location.tag is not None for location in locations):
        # A stream has the feature, streaming, whatever its events are.
        return False if framing == "json" and isinstance(documents[0][1], dict) else None
    return False if _has_room(documents, locations, declared) else None


def _documents(parsed: ParsedExchange, framing: Framing) -> Iterator[_Document]:
    """Yield the body, or each event of a stream with its type."""
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


def _has_room(
    documents: Iterable[_Document], locations: Sequence[Location], declared: Container[str]
) -> bool:
    """Return whether a response is right so far that the feature would be in it if the server had it."""
    for tag, value in documents:
        for location in locations:
            if not location.tokens:
                if tag is not None and f"<{escaped(tag)}>" in declared:
                    return True
            elif location.tag == tag:
                above = Location(tag, location.tokens[:-1])
                if any(isinstance(one, dict) for one in above.values(value)):
                    return True
    return False
