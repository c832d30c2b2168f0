"""Which part of a response makes an SDK raise: the one without which it returns.

A response often deviates in several places. Only one of them may be why the SDK raises, and the others would
have another effect, or none.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.pointer import escaped
from cohere_conformance.sdk.parsing import body_value, succeeded
from cohere_conformance.sdk.transport import is_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cohere_conformance.model import Exchange
    from cohere_conformance.report import SdkParse

    Parse = Callable[[Exchange], SdkParse | None]

_MOST = 60
"""Responses that are parsed to find the part."""
_ITEMS = 5
"""Items of an array that are tried."""
_LARGEST = 256 * 1024
"""Bytes of a response above which the part is not searched for: each try parses the response."""


def with_culprit(parse: Parse, exchange: Exchange) -> SdkParse | None:
    """Return how an SDK parses a response; if it raises, with the part that makes it do so.

    What is lost or has a wrong type is then that of the response without this part.

    Args:
        parse: parses a response with the SDK.
        exchange: request and response.
    """
    found = parse(exchange)
    if found is None or not found.raised or not succeeded(exchange.response) or is_stream(exchange.response):
        return found
    body = exchange.response.body or b""
    payload = body_value(body) if len(body) <= _LARGEST else None
    if not isinstance(payload, dict):
        return found
    search = _Search(parse, exchange, payload)
    path = search.path()
    if not path or search.without is None:
        return found
    at = "".join(f"/{'*' if isinstance(step, int) else escaped(step)}" for step in path)
    return msgspec.structs.replace(
        found,
        raised_at=at,
        lost=tuple(_elsewhere(search.without.lost, at)),
        mistyped=tuple(_elsewhere(search.without.mistyped, at)),
    )


class _Search:
    """Searches for the smallest part without which an SDK does not raise.

    Attributes:
        without: how the response without the part is parsed.
    """

    def __init__(self, parse: Parse, exchange: Exchange, payload: Any) -> None:
        self._parse = parse
        self._exchange = exchange
        self._payload = payload
        self._left = _MOST
        self.without: SdkParse | None = None

    def path(self) -> list[str | int]:
        """Return the steps to the part; none if no single part is the reason."""
        path: list[str | int] = []
        node = self._payload
        while (step := next((one for one in _steps(node) if self._returns([*path, one])), None)) is not None:
            path.append(step)
            node = node[step]
        return path

    def _returns(self, path: list[str | int]) -> bool:
        """Return whether the SDK does not raise for the response without the part at a path."""
        if self._left <= 0:
            return False
        self._left -= 1
        payload = copy.deepcopy(self._payload)
        owner = payload
        for step in path[:-1]:
            owner = owner[step]
        del owner[path[-1]]
        response = msgspec.structs.replace(self._exchange.response, body=json.dumps(payload).encode("utf-8"))
        parsed = self._parse(msgspec.structs.replace(self._exchange, response=response))
        if parsed is None or parsed.raised:
            return False
        self.without = parsed
        return True


def _steps(node: Any) -> Iterator[str | int]:
    if isinstance(node, dict):
        yield from node
    elif isinstance(node, list):
        yield from range(min(len(node), _ITEMS))


def _elsewhere(locations: tuple[str, ...], at: str) -> Iterator[str]:
    """Yield the locations that are not at the removed part: the server has sent it."""
    yield from (one for one in locations if one != at and not one.startswith(f"{at}/"))
