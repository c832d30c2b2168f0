"""The operations that the live service has removed: it refuses them before it looks at the body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.reference.api_error import ApiError
from cohere_conformance.reference.profile import Profile

if TYPE_CHECKING:
    from cohere_conformance.contract import Operation

_CONNECTORS = "Connectors API was removed on September 15, 2025"
_TEXTS = {
    "POST /v1/classify": "Classify API was removed on September 15 2025; use the Embed or the Chat API",
    "POST /v1/generate": "Generate API was removed on September 15 2025; use the Chat API",
    "POST /v1/summarize": "Summarize API was removed on September 15 2025; use the Chat API",
    "POST /v1/connectors": _CONNECTORS,
    "GET /v1/connectors/{id}": _CONNECTORS,
    "PATCH /v1/connectors/{id}": _CONNECTORS,
    "DELETE /v1/connectors/{id}": _CONNECTORS,
    "POST /v1/connectors/{id}/oauth/authorize": _CONNECTORS,
    "POST /v1/finetuning/finetuned-models": (
        "Fine-tuning was removed on September 15, 2025. See https://docs.cohere.com/docs/deprecations"
    ),
}


def refuse_retired(operation: Operation, profile: Profile) -> None:
    """Refuse a call of an operation that the live service has removed.

    Raises:
        ApiError: 404, with the profile of the live service.
    """
    if profile is Profile.LIVE_2026 and (text := _TEXTS.get(operation.label)) is not None:
        raise ApiError(404, text)
