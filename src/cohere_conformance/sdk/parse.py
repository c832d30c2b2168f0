"""How the official SDK parses a response that deviates, in the form of a report."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.report import SdkParse
from cohere_conformance.report.render.safe import plain
from cohere_conformance.sdk.installed import PACKAGE
from cohere_conformance.sdk.loss import LossKind
from cohere_conformance.sdk.parsing import lost, parsed_values, succeeded, undisturbed
from cohere_conformance.sdk.transport import cut, is_other_media, with_body

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.model import Exchange

_KEPT = frozenset({LossKind.UNTYPED, LossKind.CONVERTED})
"""A property that the SDK does not declare is kept as it is, and `"3"` becomes the 3 that it declares."""
_MOST = 50
"""Locations of one response that are listed."""


def parse_with_sdk(exchange: Exchange, label: str) -> SdkParse | None:
    """Return how the official SDK parses a response, on its own code path and without the network.

    Args:
        exchange: request and response.
        label: of the operation.

    Returns:
        The result; `None` if the SDK has no method for the operation, or there is no complete response for
        it to parse.
    """
    # Takes a second.
    from cohere_conformance.sdk.calling import VERSION, call
    from cohere_conformance.sdk.mistyped import mistyped

    response = with_body(exchange.response)
    if response is None:
        return None
    pieces = cut(response)
    with undisturbed():
        answer = call(label, msgspec.structs.replace(exchange, response=response), pieces)
        if answer is None or (answer.foreign and is_other_media(response)):
            return None
        failed = answer.error is not None
        refused = failed and not succeeded(response)
        gone = lost(response, answer, pieces) if refused or not failed else ()
        values = parsed_values(response, answer, pieces) if not failed else ()
        return SdkParse(
            sdk=f"{PACKAGE} {VERSION}",
            raised="" if answer.error is None else _named(answer.error),
            lost=listed(location for location, kind in gone if kind not in _KEPT),
            mistyped=listed(one for location, value in values for one in mistyped(value, location)),
        )


def _named(error: Exception) -> str:
    """Return the class of an exception, with that of its cause; its message may quote the response."""
    cause = getattr(error, "cause", None) or error.__cause__ or error.__context__
    name = type(error).__name__
    return f"{name} ({type(cause).__name__})" if isinstance(cause, Exception) else name


def listed(locations: Iterable[str]) -> tuple[str, ...]:
    """Return each location once, for a report; only as many as somebody reads."""
    return tuple(map(plain, islice(dict.fromkeys(locations), _MOST)))
