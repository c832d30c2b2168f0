"""Calls the official SDK with a recorded request; the recorded response takes the place of the network."""

from __future__ import annotations

import inspect
import typing
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any

import cohere
import httpx
from cohere import errors

from cohere_conformance.sdk.arguments import arguments, asks_otherwise, same, streams
from cohere_conformance.sdk.comparing import promises_classes
from cohere_conformance.sdk.methods import METHODS
from cohere_conformance.sdk.transport import RecordedTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cohere_conformance.model import Exchange

VERSION: str = cohere.__version__
_OPTIONS = "request_options"
_BASE = "https://api.cohere.com"
_KEY = "none"


@dataclass(frozen=True)
class SdkResult:
    """The result of an SDK method for one recorded response.

    Attributes:
        value: what the method returned; `None` for a stream.
        items: of a stream, what the method yielded for each chunk of the response, by number of the chunk.
        error: what it raised instead, or in the middle of a stream.
        classed: whether the method declares instances of classes.
        streamed: whether a stream was requested.
        expressible: whether the SDK sent the recorded request.
        foreign: whether the request accepts only a media type that the SDK does not ask for.
    """

    value: Any
    items: dict[int, Any]
    error: Exception | None
    classed: bool
    streamed: bool
    expressible: bool
    foreign: bool


@dataclass(frozen=True)
class _Known:
    """The signature of an SDK method.

    Attributes:
        names: of its arguments.
        required: those without a default.
        classed: whether it declares instances of classes.
    """

    names: frozenset[str]
    required: frozenset[str]
    classed: bool


def call(label: str, exchange: Exchange, pieces: tuple[bytes, ...]) -> SdkResult | None:
    """Return how the SDK parses the response, or `None` if it has no method for the operation.

    The public method is tried first, with the recorded request. If its arguments cannot express that, or the
    SDK sends two requests for it, the raw method parses the response, with `None` for missing arguments or,
    as a last resort, for all of them: the response has to be parsed, whatever the request was.

    Args:
        label: of the operation.
        exchange: request and response.
        pieces: the body of the response, in chunks.
    """
    request = exchange.request
    method = METHODS.get(label)
    if method is None:
        return None
    streamed = bool(method.streamed) and streams(request)
    path = method.streamed if streamed else method.path
    known = _known(method.client, path)
    if known is None:
        return None
    given = arguments(label, request, method, known.names)
    nothing: dict[str, Any] = dict.fromkeys(known.required)
    accepted = {name: one for name, one in (given or {}).items() if name in known.names | {_OPTIONS}}
    attempts = [(method.raw, given)] if given is not None else []
    for raw, with_these in [*attempts, (True, nothing | accepted), (True, nothing)]:
        transport = RecordedTransport(exchange.response, pieces)
        value, items, error = _made(transport, method.client, path, raw, streamed, with_these)
        if len(transport.sent) == 1:
            break
    sent = transport.sent[0] if transport.sent else request
    return SdkResult(
        value=value,
        items=items,
        error=error,
        classed=known.classed,
        streamed=streamed,
        expressible=with_these is given and same(label, request, sent),
        foreign=asks_otherwise(request, sent),
    )


@cache
def classes_of_errors() -> dict[int, type[Exception]]:
    """Return the SDK's exceptions by their status."""
    kinds = [getattr(errors, name) for name in errors.__all__]
    return {kind(body=None).status_code: kind for kind in kinds}


def _made(
    transport: RecordedTransport, client: str, path: str, raw: bool, streamed: bool, given: dict[str, Any]
) -> tuple[Any, dict[int, Any], Exception | None]:
    """Call a method, and return its value, what it streamed, and what it raised."""
    items: dict[int, Any] = {}
    function = _method(client, path, raw)
    _NETWORK.recorded = transport
    try:
        if not streamed:
            answer = function(**given)
            return (answer.data if raw else answer), items, None
        for item in _streamed(function, given, raw):
            items[transport.chunks_read - 1] = item
    except Exception as error:  # noqa: BLE001 - whatever it raises, deliberately or not, is what its user gets
        return None, items, error
    return None, items, None


class _Network(httpx.BaseTransport):
    """Takes the place of the network of all clients, which are made once: that takes longer than a call.

    Attributes:
        recorded: responds to the requests of the current call.
    """

    recorded: httpx.BaseTransport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.recorded.handle_request(request)


_NETWORK = _Network()


@cache
def _method(client: str, path: str, raw: bool) -> Callable[..., Any]:
    """Return a method of a client that has no cookies of earlier responses."""
    network = httpx.Client(transport=_NETWORK, trust_env=False, cookies=_NoCookies())
    return _function(_client(client, network), path, raw)


class _NoCookies(CookieJar):
    """Stores no cookies."""

    def set_cookie(self, cookie: object) -> None:
        pass


def _streamed(function: Callable[..., Any], given: dict[str, Any], raw: bool) -> Iterator[Any]:
    if not raw:
        yield from function(**given)
        return
    with function(**given) as answer:
        yield from answer.data


def _client(name: str, network: httpx.Client) -> Any:
    return getattr(cohere, name)(_KEY, base_url=_BASE, max_retries=0, httpx_client=network)


def _function(client: Any, path: str, raw: bool) -> Callable[..., Any]:
    *parts, name = path.split(".")
    for part in parts:
        client = getattr(client, part)
    found: Callable[..., Any] = getattr(client.with_raw_response if raw else client, name)
    return found


@cache
def _known(client: str, path: str) -> _Known | None:
    """Return the signature of a method, or `None` if there is none of that name."""
    with httpx.Client(transport=httpx.BaseTransport(), trust_env=False) as network:
        try:
            # The public methods are wrapped and have lost their signatures.
            function = _function(_client(client, network), path, raw=True)
        except AttributeError:
            return None
    parameters = [one for one in inspect.signature(function).parameters.values() if one.name != _OPTIONS]
    return _Known(
        names=frozenset(one.name for one in parameters),
        required=frozenset(one.name for one in parameters if one.default is one.empty),
        classed=promises_classes(typing.get_type_hints(function)["return"]),
    )
