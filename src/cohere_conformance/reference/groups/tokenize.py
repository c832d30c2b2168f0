"""Tokenize: a text as tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.reference import models, tokens, validation
from cohere_conformance.reference.common import sunset, told
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import Answer, RefusedError, operation

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

SHORT = fault("tokenize.strings-short", "One string of a token is missing.")
NEGATIVE = fault("tokenize.negative-id", "The id of the first token is negative.")
FRACTION = fault("tokenize.fractional-id", "The ids of tokens are no whole numbers.")
CHANGED = fault("tokenize.strings-changed", "The strings of tokens are in lower case and without spaces.")
UNSTABLE = fault("tokenize.not-reversible", "The tokens are those of the text without its last character.")
EMPTY = fault("tokenize.empty-accepted", "An empty text is answered with no tokens.")

for _rule in ("required", "minLength"):
    validation.leave("tokenize", "text", _rule)


@operation("POST /v1/tokenize")
def tokenize(call: Call) -> Answer:
    """Answer with the tokens of a text, which put together give the text (TOK-O04)."""
    text: str = call.body.get("text", "")
    if not text and not call.faulty(EMPTY):
        raise RefusedError(400, "required 'text' param is missing or empty.")
    if call.faulty(UNSTABLE):
        text = text[:-1]
    ids = tokens.encode(text)
    strings = [piece.decode("utf-8", "replace") for piece in tokens.pieces(text)]
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
        "meta": told(call, notices),
    }
    return Answer(body, warnings=notices)
