"""What several groups ask of a request: its model, its numbers, and whether the operation still serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from cohere_conformance.reference import models, tokens
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, meta
from cohere_conformance.reference.profile import Profile

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.models import Model

NOTICE_ONLY = fault(
    "headers.notice-only", "A notice of what is about to go stands in the header, not in the answer."
)

Truncate = Literal["NONE", "START", "END"]


def model_of(call: Call, endpoint: str) -> Model:
    """Return the model that a request names, or the one that serves where it names none.

    Raises:
        ApiError: 404, there is no such model; 400, the live service wants one to be named (V-05).
    """
    name = call.body.get("model")
    if name:
        return models.find(name, call.state)
    if call.profile is Profile.LIVE_2026:
        raise ApiError(400, "model parameter is required")
    return models.default(endpoint, call.state)


def number(call: Call, name: str, low: float, high: float, default: float) -> float:
    """Return a number of the body.

    Raises:
        ApiError: 400, it is outside the range, which for these is told in prose only.
    """
    found = call.body.get(name)
    if found is None:
        return default
    if not low <= found <= high:
        raise ApiError(400, f"invalid request: {name} must be between {low:g} and {high:g}")
    return float(found)


def whole(call: Call, name: str, low: int, high: int | None, default: int) -> int:
    """Return a whole number of the body; 2.0 is one as well.

    Raises:
        ApiError: 400, it is outside the range, which for these is told in prose only.
    """
    found = call.body.get(name)
    if found is None:
        return default
    if found < low or (high is not None and found > high):
        limit = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ApiError(400, f"invalid request: {name} must be {limit}")
    return int(found)


def fitted(text: str, limit: int, truncate: Truncate, what: str) -> str:
    """Return a text cut to a number of tokens at the end that `truncate` names.

    Raises:
        ApiError: 400, it is too long and must not be cut.
    """
    # A token is at least one byte, so what is shorter than the limit needs no counting.
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
    """Return the notices that an answer carries as a header and in `meta`: what is about to go (H-04)."""
    found = []
    if call.operation.deprecated:
        path = call.operation.label.partition(" ")[2]
        found.append(f"'{path}' is deprecated and will be removed September 15 2025.")
    if model is not None and model.removed:
        day = model.removed.replace(",", "")
        found.append(f"model '{model.name}' is deprecated and will be removed {day}.")
    return tuple(found)


def told(call: Call, notices: tuple[str, ...], **billed: int) -> dict[str, Any]:
    """Return the `meta` of an answer with its notices; a retired operation says that its version goes."""
    found = meta(call, **billed)
    if call.operation.deprecated:
        found["api_version"]["is_deprecated"] = True
    return found | {"warnings": list(notices)} if notices and not call.faulty(NOTICE_ONLY) else found


def refuse_retired(call: Call, text: str) -> None:
    """Refuse a call of an operation that the live service no longer has.

    Raises:
        ApiError: 404, under the profile of the live service.
    """
    if call.profile is Profile.LIVE_2026:
        raise ApiError(404, text)
