"""Detokenize: tokens as a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.reference import models, tokens
from cohere_conformance.reference.common import meta_with_notices, sunset
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, operation
from cohere_conformance.reference.injection import inject

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

CRASH = fault("detokenize.foreign-500", "Tokens outside the vocabulary cause a 500.")
BILLED = fault("detokenize.billed", "The tokens are billed.")
IDS: FaultTable[list[int]] = {
    fault("detokenize.foreign-accepted", "Tokens outside the vocabulary are left out of the text."): (
        lambda ids, _: [one for one in ids if 0 <= one < tokens.VOCABULARY]
    ),
    fault("detokenize.loses-last", "The last token is left out of the text."): lambda ids, _: ids[:-1],
}
TEXT: FaultTable[str] = {
    fault("detokenize.trimmed", "The text lacks the spaces at its start and end."): (
        lambda text, _: text.strip()
    ),
}


@operation("POST /v1/detokenize", in_thread="large")
def detokenize(call: Call) -> JsonResponse:
    """Return the text of tokens (DET-O01)."""
    # 7.0 is an integer in JSON Schema, and a float in Python.
    ids = inject(call, IDS, [int(one) for one in call.body["tokens"]])
    try:
        text = inject(call, TEXT, tokens.decode(ids))
    except ValueError as error:
        raise ApiError(500 if call.faulty(CRASH) else 400, f"invalid tokens: {error}") from error
    notices = sunset(call, models.find(call.body["model"], call.state) if "model" in call.body else None)
    billed = {"output_tokens": len(ids)} if call.faulty(BILLED) else {}
    return JsonResponse({"text": text, "meta": meta_with_notices(call, notices, **billed)}, warnings=notices)
