"""Preconditions of checks: the features of an exchange without which a check finds nothing and is not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.checks.evidence import Evidence, Json

_Names = frozenset[str]
_NOTHING: _Names = frozenset()
_MOST = 1024
"""Selections that are remembered."""


class FoundFeatures(NamedTuple):
    """What an exchange has of all that the preconditions of an operation name.

    Attributes:
        names: those of each part of a precondition, in the order of `Precondition.names`.
        streamed: whether the response is a stream.
        invalid: whether the JSON body of the request violates its schema.
    """

    names: tuple[_Names, ...]
    streamed: bool = False
    invalid: bool = False


class Precondition(msgspec.Struct, frozen=True):
    """What an exchange must have so that a check can find anything: all of this.

    Attributes:
        sends: one of these properties in the JSON body of the request; it does not matter if empty.
        sends_anywhere: one of these words anywhere in the body of the request: names of properties or values.
        returns: one of these properties in the response, such as `logprobs` or `message/citations`, likewise;
            or one at its top with this text: `finish_reason=TOOL_CALL`.
        returns_anywhere: one of these words anywhere in the body of the response.
        headers: one of these header fields in the response, likewise.
        streams: whether the response must be a stream.
        invalid: whether the JSON body of the request must violate its schema.
    """

    sends: _Names = _NOTHING
    sends_anywhere: _Names = _NOTHING
    returns: _Names = _NOTHING
    returns_anywhere: _Names = _NOTHING
    headers: _Names = _NOTHING
    streams: bool = False
    invalid: bool = False

    @property
    def names(self) -> tuple[_Names, ...]:
        """The names of which an exchange must have one each."""
        return self.sends, self.sends_anywhere, self.returns, self.returns_anywhere, self.headers

    def satisfied(self, features: FoundFeatures) -> bool:
        """Return whether an exchange with these features satisfies it."""
        return (
            all(
                not wanted or not wanted.isdisjoint(found)
                for wanted, found in zip(self.names, features.names, strict=True)
            )
            and (features.streamed or not self.streams)
            and (features.invalid or not self.invalid)
        )


class _Words:
    """Finds words in the text of a body.

    Args:
        named: the words that each precondition names.
    """

    def __init__(self, named: Iterable[_Names]) -> None:
        self._every = tuple(sorted(_NOTHING.union(*named)))
        self._written = [(word, word.encode()) for word in self._every]

    def of(self, body: bytes | None) -> tuple[str, ...]:
        """Return the words that a body may have; all of them if it was not recorded, or has escapes."""
        if not self._every:
            return ()
        # Not `in`: it takes twice as long in a short body.
        if body is None or (body.find(b"\\") >= 0 and body.find(b"\\u") >= 0):
            return self._every
        return tuple([word for word, written in self._written if body.find(written) >= 0])


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
        self._returned = frozenset(name for name in returned if "/" not in name and "=" not in name)
        self._inner = _by_property(returned, "/")
        self._texts = _by_property(returned, "=")
        self._sent_anywhere = _Words(one.sends_anywhere for one in preconditions)
        self._returned_anywhere = _Words(one.returns_anywhere for one in preconditions)
        self._selected: dict[tuple[object, ...], tuple[_One, ...]] = {}

    def of(self, evidence: Evidence) -> tuple[_One, ...]:
        """Return the checks that can find anything in an exchange.

        In a response with holes these are all: what a check reads decides whether it is testable.
        """
        if evidence.has_holes:
            return self.every
        exchange, headers = evidence.parsed.exchange, evidence.headers
        response = exchange.response
        # Tuples of the few names that matter: this takes half as long as sets do.
        names = (
            tuple([name for name in evidence.sent if name in self._sent]),
            self._sent_anywhere.of(exchange.request.body),
            self._returned_by(evidence.response),
            self._returned_anywhere.of(None if response.events else response.body),
            tuple([name for name in self._headers if name in headers]),
        )
        features = names, evidence.streamed, not evidence.sends_valid
        selected = self._selected.get(features)
        if selected is None:
            has = FoundFeatures(tuple(map(frozenset, names)), *features[1:])
            selected = tuple(one for one in self.every if one.precondition.satisfied(has))
            if len(self._selected) >= _MOST:
                self._selected.clear()
            self._selected[features] = selected
        return selected

    def _returned_by(self, response: Json) -> tuple[str, ...]:
        found = [name for name in response if name in self._returned]
        for parent, names in self._inner.items():
            value = response.get(parent)
            if isinstance(value, dict):
                found += [names[name] for name in value if name in names]
        for name, texts in self._texts.items():
            value = response.get(name)
            if isinstance(value, str) and value in texts:
                found.append(texts[value])
        return tuple(found)


def _by_property(returned: _Names, sign: str) -> dict[str, dict[str, str]]:
    """Return what is behind a sign in names, with the name, by the property before the sign."""
    found: dict[str, dict[str, str]] = {}
    for one in sorted(returned):
        name, signed, rest = one.partition(sign)
        if signed:
            found.setdefault(name, {})[rest] = one
    return found
