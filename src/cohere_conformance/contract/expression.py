"""Runtime expressions: where in a call, or in the answer to it, a value for the next call stands."""

from __future__ import annotations

import re
from typing import Literal, cast

import msgspec

from cohere_conformance.errors import ContractError
from cohere_conformance.pointer import MISSING, tokens_of, value_at

_BODY = re.compile(r"\$(?P<side>request|response)\.body#(?P<pointer>(?:/[^/]+)+)")
_PARAMETER = re.compile(r"\$request\.(?P<side>path|query)\.(?P<name>[A-Za-z0-9_.-]+)")
NOTHING = msgspec.UNSET
"""What an expression is where nothing stands: `null` is a value."""

Side = Literal["request.path", "request.query", "request.body", "response.body"]


class CompletedCall(msgspec.Struct, frozen=True):
    """A call that was answered, as expressions see it.

    Attributes:
        operation: label of what was called.
        status: HTTP status of the answer.
        path: parameters of the path, decoded.
        query: names and values, in order.
        sent: JSON body of the request; `NOTHING` where it had none.
        answer: JSON body of the answer.
    """

    operation: str
    status: int
    path: dict[str, str]
    query: tuple[tuple[str, str], ...]
    sent: object
    answer: object


class Expression(msgspec.Struct, frozen=True):
    """A runtime expression, of the forms that are used.

    Attributes:
        text: as it is written.
        side: where it looks.
        tokens: the name of the parameter, or the way of the pointer.
    """

    text: str
    side: Side
    tokens: tuple[str, ...]

    def value(self, call: CompletedCall) -> object:
        """Return what stands there; `NOTHING` where nothing does."""
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
    """Return what a written expression means.

    Raises:
        ContractError: it is of none of the forms that are used here.
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
        "$request.query.name; other expressions are not read here"
    )
