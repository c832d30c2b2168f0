"""Detokenize: tokens as a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.reference import models, tokens
from cohere_conformance.reference.common import meta_with_notices, sunset
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, operation

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

LOSES_LAST = fault("detokenize.loses-last", "The last token is left out of the text.")
TRIMMED = fault("detokenize.trimmed", "Space at both ends of the text is lost.")
FOREIGN = fault("detokenize.foreign-accepted", "Tokens outside the vocabulary are left out of the text.")
CRASH = fault("detokenize.foreign-500", "Tokens outside the vocabulary are answered with 500.")

BILLED = fault("detokenize.billed", "Tokens are billed.")


@operation("POST /v1/detokenize", beside="large")
def detokenize(call: Call) -> JsonResponse:
    """Answer with the text of tokens (DET-O01)."""
    # 7.0 is a whole number to JSON Schema, and a float to Python.
    ids = [int(one) for one in call.body["tokens"]]
    if call.faulty(FOREIGN):
        ids = [one for one in ids if 0 <= one < tokens.VOCABULARY]
    if call.faulty(LOSES_LAST):
        ids = ids[:-1]
    try:
        text = tokens.decode(ids)
    except ValueError as error:
        raise ApiError(500 if call.faulty(CRASH) else 400, f"invalid tokens: {error}") from error
    notices = sunset(call, models.find(call.body["model"], call.state) if "model" in call.body else None)
    billed = {"output_tokens": len(ids)} if call.faulty(BILLED) else {}
    return JsonResponse(
        {
            "text": text.strip() if call.faulty(TRIMMED) else text,
            "meta": meta_with_notices(call, notices, **billed),
        },
        warnings=notices,
    )
