"""What several groups share: the model of a request, ranges of numbers, notices of deprecation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from cohere_conformance.reference import models, tokens
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, meta
from cohere_conformance.reference.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.models import Model

NOTICE_ONLY = fault(
    "headers.notice-only", "A deprecation notice is in the header x-api-warning but not in meta.warnings."
)
CHARS_BYTES = fault("headers.chars-bytes", "The header num_chars counts bytes instead of characters.")

Truncate = Literal["NONE", "START", "END"]


def model_of(call: Call, endpoint: str) -> Model:
    """Return the model of a request, or the default model of the endpoint.

    Raises:
        ApiError: 404, the model is unknown; 400, the live service requires a model (V-05).
    """
    name = call.body.get("model")
    if name:
        return models.find(name, call.state)
    if call.profile is Profile.LIVE_2026:
        raise ApiError(400, "model parameter is required")
    return models.default(endpoint, call.state)


def number(call: Call, name: str, low: float, high: float, default: float) -> float:
    """Return a number of the body whose range is documented in prose only.

    Raises:
        ApiError: 400, the number is out of range.
    """
    found = call.body.get(name)
    if found is None:
        return default
    if not low <= found <= high:
        raise ApiError(400, f"invalid request: {name} must be between {low:g} and {high:g}")
    return float(found)


def integer(call: Call, name: str, low: int, high: int | None, default: int) -> int:
    """Return an integer of the body whose range is documented in prose only; 2.0 is an integer as well.

    Raises:
        ApiError: 400, the number is out of range.
    """
    found = call.body.get(name)
    if found is None:
        return default
    if found < low or (high is not None and found > high):
        limit = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ApiError(400, f"invalid request: {name} must be {limit}")
    return int(found)


def fitted(text: str, limit: int, truncate: Truncate, what: str) -> str:
    """Return a text, cut at its start or end to a maximum number of tokens.

    Raises:
        ApiError: 400, the text is too long and `truncate` is NONE.
    """
    # A token has at least one byte, and a character at most four: a short text needs no counting.
    if len(text) * 4 <= limit:
        return text
    pieces = tokens.pieces(text)
    if len(pieces) <= limit:
        return text
    if truncate == "NONE":
        raise ApiError(
            400, f"{what} has {len(pieces)} tokens, which is more than {limit}, and truncate is NONE"
        )
    kept = pieces[len(pieces) - limit :] if truncate == "START" else pieces[:limit]
    return b"".join(kept).decode("utf-8", "ignore")


def sunset(call: Call, model: Model | None) -> tuple[str, ...]:
    """Return the deprecation notices of a response, which are in its header and in its `meta` (H-04)."""
    found = []
    if call.operation.deprecated:
        path = call.operation.label.partition(" ")[2]
        found.append(f"'{path}' is deprecated and will be removed September 15 2025.")
    if model is not None and model.removed:
        day = model.removed.replace(",", "")
        found.append(f"model '{model.name}' is deprecated and will be removed {day}.")
    return tuple(found)


def meta_with_notices(call: Call, notices: tuple[str, ...], **billed: int) -> dict[str, Any]:
    """Return the `meta` of a response with its notices, which says where an operation is deprecated."""
    found = meta(call, **billed)
    if call.operation.deprecated:
        found["api_version"]["is_deprecated"] = True
    return found | {"warnings": list(notices)} if notices and not call.faulty(NOTICE_ONLY) else found


def characters(call: Call, texts: Iterable[str]) -> int:
    """Return the number of characters of texts, for the header `num_chars`."""
    if call.faulty(CHARS_BYTES):
        return sum(len(text.encode("utf-8", "replace")) for text in texts)
    return sum(map(len, texts))
