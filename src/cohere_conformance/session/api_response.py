"""What a call of a test returns, and the exceptions that end a test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from cohere_conformance.contract.location import parse_location

if TYPE_CHECKING:
    from cohere_conformance.checks.evidence import Evidence

_Wanted = TypeVar("_Wanted")


class DeviatesError(Exception):
    """The target deviates from the contract; the finding is recorded already."""


class InconclusiveError(Exception):
    """Nothing can be concluded about the target; the message says why."""


class ApiResponse:
    """The response to one call of a test.

    Attributes:
        exchange: the request and the response as on the wire.
        status: HTTP status.
        body: the JSON body, or what a stream folds to; `{}` where that is no object.
        events: the payloads of a stream.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self.exchange = evidence.parsed.exchange
        self.status = evidence.status
        self.body: dict[str, Any] = evidence.response
        self.events: list[dict[str, Any]] = evidence.events

    def header(self, name: str) -> str | None:
        """Return the first response header of that (lower-case) name."""
        return self._evidence.header(name)

    def at(self, pointer: str, kind: type[_Wanted]) -> _Wanted:
        """Return the value at a location of the body; an absent value counts as `null`.

        Args:
            pointer: JSON pointer; `""` is the whole body.
            kind: the expected type: anything that `msgspec.convert` knows, such as `float`, `list[str]`, a
                `TypedDict`, `str | None`.

        Raises:
            InconclusiveError: the value has another type, so the test has nothing to compare.
        """
        return self._converted(next(parse_location(pointer).values(self.body), None), pointer, kind)

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

    def _converted(self, value: object, pointer: str, kind: type[_Wanted]) -> _Wanted:
        try:
            return msgspec.convert(value, kind)
        except (msgspec.ValidationError, RecursionError) as error:
            where = pointer or "the body"
            raise InconclusiveError(f"not testable: {where} of status {self.status}: {error}") from None
