"""Tokenize: a text as tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.reference import models, tokens, validation
from cohere_conformance.reference.common import meta_with_notices, sunset
from cohere_conformance.reference.groups import tokenize_faults as faults
from cohere_conformance.reference.handling import ApiError, JsonResponse, operation
from cohere_conformance.reference.injection import inject

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

LONGEST = 65_536
"""The maximum number of characters of a text (TOK-R01)."""

for _rule in ("required", "minLength", "maxLength"):
    validation.leave("tokenize", "text", _rule)


@operation("POST /v1/tokenize", in_thread="large")
def tokenize(call: Call) -> JsonResponse:
    """Return the tokens of a text, which add up to the text (TOK-O04)."""
    text: str = call.body.get("text", "")
    if not text and not call.faulty(faults.EMPTY):
        raise ApiError(400, "required 'text' param is missing or empty.")
    if len(text) > LONGEST and not call.faulty(faults.LONG):
        raise ApiError(400, f"invalid request: text must have at most {LONGEST} characters")
    texts = inject(call, faults.TEXTS, [text])
    ids: list[float] = [one for part in texts for one in tokens.encode(part)]
    strings = [piece.decode("utf-8", "replace") for part in texts for piece in tokens.pieces(part)]
    notices = sunset(call, models.find(call.body["model"], call.state) if "model" in call.body else None)
    billed = {"input_tokens": len(ids)} if call.faulty(faults.BILLED) else {}
    body = {
        "tokens": inject(call, faults.IDS, ids),
        "token_strings": inject(call, faults.STRINGS, strings),
        "meta": meta_with_notices(call, notices, **billed),
    }
    return JsonResponse(body, warnings=notices)
