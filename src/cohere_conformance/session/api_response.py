"""What a call of a test returns, and the exceptions that end a test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from cohere_conformance.checks.judge import evidence_of
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.contract import Operation
from cohere_conformance.contract.location import parse_location
from cohere_conformance.session.missing_ids import place_of_id, with_id
from cohere_conformance.session.reading import reads
from cohere_conformance.session.wrapping import with_wrapper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cohere_conformance.checks.evidence import Evidence
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange, Finding

_Wanted = TypeVar("_Wanted")
_HEADER = "header:"


class DeviatesError(Exception):
    """The target deviates from the contract; the finding is recorded already."""


class InconclusiveError(Exception):
    """Nothing can be concluded about the target; the message says why."""


class ApiResponse:
    """The response to one call of a test.

    A test goes on where the response deviates from the contract, until it reads a value that does.

    Args:
        exchange: the request and the response as on the wire.
        evidence: the exchange as a test reads it.
        deviations: the findings that fail it.

    Attributes:
        exchange: the request and the response as on the wire.
        status: HTTP status.
        events: the payloads of a stream.

    Raises:
        DeviatesError: the response as a whole, or its stream, deviates from the contract.
    """

    def __init__(self, exchange: Exchange, evidence: Evidence, deviations: Iterable[Finding] = ()) -> None:
        self._evidence = evidence
        self._deviations = tuple(deviations)
        self._refuse(lambda location: not location.startswith(("/", _HEADER)))
        if evidence.streamed:
            # What a stream folds to is read like a body, where its events are as declared.
            self._refuse(lambda _: True, [one for one in self._deviations if not one.requirement])
        self.exchange = exchange
        self.status = evidence.status
        self.events: list[dict[str, Any]] = evidence.events

    @property
    def body(self) -> dict[str, Any]:
        """The JSON body, or what a stream folds to; `{}` where that is no object.

        Raises:
            DeviatesError: something in it deviates from the contract.
        """
        self._refuse(lambda location: location.startswith("/"))
        return self._evidence.response

    def header(self, name: str) -> str | None:
        """Return the first response header of that (lower-case) name.

        Raises:
            DeviatesError: it deviates from the contract.
        """
        self._refuse(lambda location: location == f"{_HEADER}{name}")
        return self._evidence.header(name)

    def at(self, pointer: str, kind: type[_Wanted], *, despite_requirements: bool = False) -> _Wanted:
        """Return the value at a location of the body; an absent value counts as `null`.

        Args:
            pointer: JSON pointer; `""` is the whole body.
            kind: the expected type: anything that `msgspec.convert` knows, such as `float`, `list[str]`, a
                `TypedDict`, `str | None`.
            despite_requirements: whether a value of the declared type is enough, though it may violate a
                requirement.

        Raises:
            DeviatesError: the value, or something in it that the type names, deviates from the contract, or
                what it is in is not as declared.
            InconclusiveError: the value has another type, so the test has nothing to compare.
        """
        found = [
            one
            for one in self._deviations
            # A wrong number of elements, or a wrong order, leaves each element as it is.
            if not (one.requirement and (despite_requirements or pointer.startswith(f"{one.location}/")))
        ]
        self._refuse(lambda location: location.startswith("/") and reads(pointer, kind, location), found)
        value = next(parse_location(pointer).values(self._evidence.response), None)
        return self._converted(value, pointer, kind)

    def parsed(self, pointer: str, kind: type[_Wanted]) -> _Wanted:
        """Parse a string that holds JSON, and return its value as `at` does; no string counts as `null`.

        Args:
            pointer: JSON pointer of the string.
            kind: the expected type of the parsed value.

        Raises:
            InconclusiveError: the string is not JSON, or the value has another type.
        """
        text = self.at(pointer, cast("type[str]", str | None)) or "null"
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise InconclusiveError(
                f"not testable: expected JSON in the string at {pointer}, got other text"
            ) from None
        return self._converted(value, pointer, kind)

    def _refuse(self, concerned: Callable[[str], bool], deviations: Iterable[Finding] | None = None) -> None:
        """End the test if one of some deviations, or of all, is at a location of interest."""
        deviations = self._deviations if deviations is None else deviations
        found = [one for one in deviations if concerned(one.location)]
        if found:
            raise DeviatesError("; ".join(f"{one.kind} at {one.location or 'the body'}" for one in found))

    def _converted(self, value: object, pointer: str, kind: type[_Wanted]) -> _Wanted:
        try:
            return msgspec.convert(value, kind)
        except (msgspec.ValidationError, RecursionError) as error:
            where = pointer or "the body"
            raise InconclusiveError(f"not testable: {where} of status {self.status}: {error}") from None


def api_response(
    contract: Contract,
    operation: str,
    exchange: Exchange,
    deviations: Iterable[Finding],
    ask: Callable[[str], Exchange],
) -> ApiResponse:
    """Return the response to one call, in which a missing wrapper and a missing id can be read all the same.

    Args:
        contract: that the response was judged against.
        operation: label of the operation; it may be one that the contract does not declare.
        exchange: the request and the response.
        deviations: the findings that fail it.
        ask: sends the request of an operation that lists resources.

    Raises:
        DeviatesError: the response as a whole deviates from the contract.
    """
    declared = contract.operations.get(operation) or _undeclared(operation)
    readable, left = exchange, list(deviations)
    if left:
        if (readable := with_wrapper(contract, exchange)) is not exchange:
            left = [one for one in left if not one.location.startswith("/")]
        if (identified := with_id(operation, readable, ask)) is not readable:
            left = [one for one in left if one.location != place_of_id(operation)]
            readable = identified
    return ApiResponse(exchange, evidence_of(declared, ParsedExchange(readable)), left)


def _undeclared(label: str) -> Operation:
    """Return a substitute for an operation that the contract does not declare."""
    return Operation(
        label=label,
        group="",
        deprecated=False,
        request=None,
        query={},
        responses={},
        depends_on=lambda: label,
    )
