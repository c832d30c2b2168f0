"""Preconditions of checks: the features of an exchange without which a check finds nothing and is not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.checks.evidence import Evidence

_Names = frozenset[str]
_NOTHING: _Names = frozenset()


class Precondition(msgspec.Struct, frozen=True):
    """What an exchange must have so that a check can find anything: all of this.

    Attributes:
        sends: one of these properties in the JSON body of the request; it does not matter if empty.
        returns: one of these properties in the response, such as `logprobs` or `message/citations`, likewise.
        headers: one of these header fields in the response, likewise.
        streams: whether the response must be a stream.
        invalid: whether the JSON body of the request must violate its schema.
    """

    sends: _Names = _NOTHING
    returns: _Names = _NOTHING
    headers: _Names = _NOTHING
    streams: bool = False
    invalid: bool = False

    def satisfied(
        self, sent: _Names, returned: _Names, headers: _Names, streamed: bool, invalid: bool
    ) -> bool:
        """Return whether an exchange with these features satisfies it."""
        return (
            (not self.sends or not self.sends.isdisjoint(sent))
            and (not self.returns or not self.returns.isdisjoint(returned))
            and (not self.headers or not self.headers.isdisjoint(headers))
            and (streamed or not self.streams)
            and (invalid or not self.invalid)
        )


class WithPrecondition(Protocol):
    """What has a precondition."""

    @property
    def precondition(self) -> Precondition:
        """The precondition."""


_One = TypeVar("_One", bound=WithPrecondition)


class Applicable(Generic[_One]):
    """Selects the checks of one operation whose preconditions an exchange satisfies.

    The features of an exchange are looked up once for all checks, and what they select is remembered.

    Args:
        every: all checks, in their order.

    Attributes:
        every: the same.
    """

    def __init__(self, every: Iterable[_One]) -> None:
        self.every = tuple(every)
        preconditions = [one.precondition for one in self.every]
        self._sent = _NOTHING.union(*(one.sends for one in preconditions))
        self._headers = _NOTHING.union(*(one.headers for one in preconditions))
        returned = _NOTHING.union(*(one.returns for one in preconditions))
        self._returned = frozenset(name for name in returned if "/" not in name)
        self._inner: dict[str, dict[str, str]] = {}
        for path in returned - self._returned:
            parent, _, name = path.partition("/")
            self._inner.setdefault(parent, {})[name] = path
        self._selected: dict[tuple[_Names, _Names, _Names, bool, bool], tuple[_One, ...]] = {}

    def of(self, evidence: Evidence) -> tuple[_One, ...]:
        """Return the checks that can find anything in an exchange.

        In a response with holes these are all: what a check reads decides whether it is testable.
        """
        if evidence.has_holes:
            return self.every
        features = (
            self._sent.intersection(evidence.sent),
            self._returned_by(evidence),
            self._headers.intersection(evidence.headers),
            evidence.streamed,
            not evidence.sends_valid,
        )
        selected = self._selected.get(features)
        if selected is None:
            selected = tuple(one for one in self.every if one.precondition.satisfied(*features))
            self._selected[features] = selected
        return selected

    def _returned_by(self, evidence: Evidence) -> _Names:
        if not self._returned and not self._inner:
            return _NOTHING
        response = evidence.response
        found = self._returned.intersection(response)
        for parent, names in self._inner.items():
            value = response.get(parent)
            if isinstance(value, dict) and (inner := names.keys() & value.keys()):
                found |= {names[name] for name in inner}
        return found
