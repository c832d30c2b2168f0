"""Runtime expressions: they select a value of a call or of its response for the next call."""

from __future__ import annotations

import re
from typing import Literal, cast

import msgspec

from cohere_conformance.errors import ContractError
from cohere_conformance.pointer import MISSING, tokens_of, value_at

_BODY = re.compile(r"\$(?P<side>request|response)\.body#(?P<pointer>(?:/[^/]+)+)")
_PARAMETER = re.compile(r"\$request\.(?P<side>path|query)\.(?P<name>[A-Za-z0-9_.-]+)")
NOTHING = msgspec.UNSET
"""The value of an expression that selects nothing: `null` is a value."""

Side = Literal["request.path", "request.query", "request.body", "response.body"]


class CompletedCall(msgspec.Struct, frozen=True):
    """A call with its response, as expressions see it.

    Attributes:
        operation: label.
        status: HTTP status of the response.
        path: parameters of the path, decoded.
        query: names and values, in order.
        sent: JSON body of the request; `NOTHING` if there was none.
        answer: JSON body of the response.
    """

    operation: str
    status: int
    path: dict[str, str]
    query: tuple[tuple[str, str], ...]
    sent: object
    answer: object


class Expression(msgspec.Struct, frozen=True):
    """A runtime expression of one of the supported forms.

    Attributes:
        text: as it is written.
        side: the part of the call that it selects from.
        tokens: the name of the parameter, or the tokens of the pointer.
    """

    text: str
    side: Side
    tokens: tuple[str, ...]

    def value(self, call: CompletedCall) -> object:
        """Return the selected value; `NOTHING` if there is none."""
        match self.side:
            case "request.path":
                return call.path.get(self.tokens[0], NOTHING)
            case "request.query":
                return next((value for name, value in call.query if name == self.tokens[0]), NOTHING)
            case "request.body":
                return _at(call.sent, self.tokens)
            case "response.body":
                return _at(call.answer, self.tokens)


def _at(value: object, tokens: tuple[str, ...]) -> object:
    found = value_at(value, tokens)
    return NOTHING if found is MISSING else found


def parse_expression(text: str) -> Expression:
    """Return the expression that a text is.

    Raises:
        ContractError: it has none of the supported forms.
    """
    if found := _PARAMETER.fullmatch(text):
        return Expression(text, cast("Side", f"request.{found['side']}"), (found["name"],))
    if found := _BODY.fullmatch(text):
        try:
            tokens = tokens_of(found["pointer"])
        except ValueError as error:
            raise ContractError(f"{text}: {error}") from error
        return Expression(text, cast("Side", f"{found['side']}.body"), tokens)
    raise ContractError(
        f"{text}: expected $response.body#/pointer, $request.body#/pointer, $request.path.name or "
        "$request.query.name; use one of these forms"
    )
