"""Which operations do not seem to exist on a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cohere_conformance.report.coverage import OperationCoverage

NOT_THERE = frozenset({"404", "405", "501"})
_NO_KEY = frozenset({"401", "403"})
_NO_JSON = frozenset({"400"})
"""Many servers check the key of a request and parse its body before they look for the route."""
_MOST_WITHOUT_JSON = 0.2
"""Share of bodies that no parser accepts; a server that looks at what is in them refuses more."""
_ENOUGH = 3
"""Responses that are needed to say that an operation does not exist."""


def is_absent(one: OperationCoverage) -> bool:
    """Return whether every response to a request with a valid key says that there is no such operation.

    A path with parameters may name a resource that does not exist, so each of its responses must be wrong.
    Without parameters half of them are enough: 404 is right for a model that does not exist.
    """
    refused = sum(number for status, number in one.statuses.items() if status in _NO_KEY)
    others = one.judged - refused
    unparsed = sum(number for status, number in one.statuses.items() if status in _NO_JSON)
    if others < _ENOUGH or not one.statuses.keys() <= NOT_THERE | _NO_KEY | _NO_JSON:
        return False
    if unparsed > _MOST_WITHOUT_JSON * others:
        return False
    return one.breaking >= others if "{" in one.operation else 2 * one.breaking >= others


def never_served(one: OperationCoverage) -> bool:
    """Return whether nothing but refusals is known of an operation that was asked often enough."""
    return one.judged >= _ENOUGH and one.statuses.keys() <= NOT_THERE | _NO_KEY | _NO_JSON


def absent_statuses(one: OperationCoverage) -> set[str]:
    """Return the statuses with which an operation that does not exist has responded."""
    return one.statuses.keys() & NOT_THERE
