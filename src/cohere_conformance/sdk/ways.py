"""The ways in which an SDK could parse a response, if the request that it depends on was not recorded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.sdk.arguments import json_value
from cohere_conformance.sdk.methods import METHODS
from cohere_conformance.sdk.transport import is_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from cohere_conformance.model import Exchange, Response
    from cohere_conformance.report import SdkParse
    from cohere_conformance.sdk.methods import Method

    Parse = Callable[[Exchange], SdkParse | None]

_JSON = "json"


def depends_on_request(label: str) -> bool:
    """Return whether the SDK parses a response of an operation by what was requested."""
    method = METHODS.get(label)
    return method is not None and bool(method.streamed or method.batched)


def parsed_each_way(parse: Parse, exchange: Exchange, label: str) -> tuple[SdkParse, ...]:
    """Return how an SDK parses a response: once, or differently for each kind of request that it may be to.

    Args:
        parse: parses a response with the SDK.
        exchange: request and response.
        label: of the operation.
    """
    results = [
        replace(found, assumed=assumed)
        for assumed, way in _ways(exchange, label)
        if (found := parse(way)) is not None
    ]
    known = {replace(one, assumed="") for one in results}
    return tuple(known if len(known) == 1 else results)


def _ways(exchange: Exchange, label: str) -> Iterator[tuple[str, Exchange]]:
    """Yield what is assumed of the request, and the exchange with such a request."""
    method = METHODS.get(label)
    if method is None or not depends_on_request(label) or _is_known(exchange):
        yield "", exchange
        return
    for assumed, body in _bodies(method, exchange.response):
        yield assumed, replace(exchange, request=replace(exchange.request, body=json.dumps(body).encode()))


def _is_known(exchange: Exchange) -> bool:
    return isinstance(json_value(exchange.request.body), dict)


def _bodies(method: Method, response: Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield bodies of requests that make the SDK parse the response in each possible way."""
    if method.batched:
        yield method.batched, {method.batched: ["a"]}
        yield f"no {method.batched}", {}
        return
    # The media type says whether a stream was requested, if there is one.
    media = next((value.lower() for name, value in response.headers if name == "content-type"), "")
    if is_stream(response) or _JSON not in media:
        yield "stream", {"stream": True}
    if not is_stream(response):
        yield "no stream", {}
