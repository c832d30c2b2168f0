"""Tokenize: a text as tokens."""

from __future__ import annotations

import secrets
from itertools import pairwise
from typing import TYPE_CHECKING

from cohere_conformance.reference import models, tokens, validation
from cohere_conformance.reference.common import meta_with_notices, sunset
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, operation

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

SHORT = fault("tokenize.strings-short", "One string of a token is missing.")
NEGATIVE = fault("tokenize.negative-id", "The id of the first token is negative.")
FRACTION = fault("tokenize.fractional-id", "The ids of tokens are no whole numbers.")
CHANGED = fault("tokenize.strings-changed", "The strings of tokens are in lower case and without spaces.")
UNSTABLE = fault("tokenize.not-reversible", "The tokens are those of the text without its last character.")
EMPTY = fault("tokenize.empty-accepted", "An empty text is answered with no tokens.")
LONG = fault("tokenize.too-long-accepted", "A text of more characters than there may be is tokenized.")
BILLED = fault("tokenize.billed", "Tokens are billed.")
RANDOM = fault("tokenize.not-deterministic", "Where a text is split is thrown by dice.")

LONGEST = 65_536
"""Characters of a text (TOK-R01)."""

for _rule in ("required", "minLength", "maxLength"):
    validation.leave("tokenize", "text", _rule)


@operation("POST /v1/tokenize", beside="large")
def tokenize(call: Call) -> JsonResponse:
    """Answer with the tokens of a text, which put together give the text (TOK-O04)."""
    text: str = call.body.get("text", "")
    if not text and not call.faulty(EMPTY):
        raise ApiError(400, "required 'text' param is missing or empty.")
    if len(text) > LONGEST and not call.faulty(LONG):
        raise ApiError(400, f"invalid request: text must have at most {LONGEST} characters")
    if call.faulty(UNSTABLE):
        text = text[:-1]
    texts = _torn(text) if call.faulty(RANDOM) else [text]
    ids = [one for part in texts for one in tokens.encode(part)]
    strings = [piece.decode("utf-8", "replace") for part in texts for piece in tokens.pieces(part)]
    if call.faulty(CHANGED):
        strings = [one.strip().lower() for one in strings]
    if call.faulty(SHORT):
        strings = strings[:-1]
    if call.faulty(NEGATIVE):
        ids[:1] = [-1]
    notices = sunset(call, models.find(call.body["model"], call.state) if "model" in call.body else None)
    body = {
        "tokens": [one + 0.5 for one in ids] if call.faulty(FRACTION) else ids,
        "token_strings": strings,
        "meta": meta_with_notices(
            call, notices, **({"input_tokens": len(ids)} if call.faulty(BILLED) else {})
        ),
    }
    return JsonResponse(body, warnings=notices)


def _torn(text: str) -> list[str]:
    """Return a text in pieces that are cut anew in each call, which is what this fault is about."""
    cuts = [0, *(location for location in range(1, len(text)) if secrets.randbelow(2)), len(text)]
    return [text[start:end] for start, end in pairwise(cuts)]
