"""Parses equal responses once: of a response, what an SDK looks at, and what it looks at of the request."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from cohere_conformance.model import Exchange
from cohere_conformance.report import SdkParse
from cohere_conformance.sdk.arguments import ACCEPTS, header, json_value, streams
from cohere_conformance.sdk.culprit import with_culprit
from cohere_conformance.sdk.methods import METHODS
from cohere_conformance.sdk.parsing import succeeded
from cohere_conformance.sdk.transport import with_body
from cohere_conformance.sdk.ways import parsed_each_way

if TYPE_CHECKING:
    from cohere_conformance.model import Response

Parse = Callable[[Exchange, str], SdkParse | None]
_MOST = 4096
"""Results that are remembered; those that were not used for the longest time are forgotten."""


class ParseOnce:
    """Parses responses with an SDK; of equal ones, the result is remembered.

    Args:
        parse: with the SDK.
    """

    def __init__(self, parse: Parse) -> None:
        self._parse = parse
        self._known: OrderedDict[bytes, tuple[SdkParse, ...]] = OrderedDict()

    def __call__(self, exchange: Exchange, label: str) -> tuple[SdkParse, ...]:
        """Return how the SDK parses a response, for each kind of request that it may be to.

        Args:
            exchange: request and response.
            label: of the operation.
        """
        response = with_body(exchange.response)
        if response is None or label not in METHODS:
            return ()
        key = _key(exchange, response, label)
        if (known := self._known.get(key)) is None:
            known = parsed_each_way(
                partial(with_culprit, lambda one: self._parse(one, label)), exchange, label
            )
            self._known[key] = known
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return known


def _key(exchange: Exchange, response: Response, label: str) -> bytes:
    """Return a digest of everything that the result depends on."""
    request, method = exchange.request, METHODS[label]
    said: tuple[object, ...] = ()
    if succeeded(response) and method.batched:
        body = json_value(request.body)
        given = body if isinstance(body, dict) else {}
        items = given.get(method.batched)
        said = tuple(sorted(given)), len(items) if isinstance(items, list) else -1
    parts = (
        label,
        response.status,
        header(response.headers, "content-type"),
        header(request.headers, ACCEPTS),
        isinstance(json_value(request.body), dict),
        streams(request),
        said,
    )
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=16)
    digest.update(response.body or b"")
    return digest.digest()
