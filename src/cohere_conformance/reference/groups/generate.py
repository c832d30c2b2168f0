"""Generate (retired): a prompt is continued, in up to five variants, at once or as a stream."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import tokens, validation
from cohere_conformance.reference.common import (
    characters,
    fitted,
    integer,
    meta_with_notices,
    model_of,
    number,
    refuse_retired,
    sunset,
)
from cohere_conformance.reference.continuation import continuation
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import (
    ApiError,
    Event,
    JsonResponse,
    StreamResponse,
    new_id,
    operation,
)
from cohere_conformance.reference.words import number as spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.models import Model

PROMPT_MISSING = fault("generate.prompt-missing", "The prompt does not come back.")
ONE_TOO_MANY = fault("generate.one-too-many", "One more variant is written than asked for.")
INDEX_MISSING = fault("generate.index-missing", "Variants are not numbered.")
MAX_IGNORED = fault("generate.max-tokens-ignored", "Texts are longer than max_tokens.")
NOT_MAX_TOKENS = fault(
    "generate.finish-not-max-tokens", "Texts that were cut at max_tokens finish with COMPLETE."
)
STOP_CUT = fault("generate.stop-sequence-cut", "Stop sequences are cut off like end sequences.")
END_KEPT = fault("generate.end-sequence-kept", "End sequences stay in the text like stop sequences.")
LIKELIHOODS_ALWAYS = fault("generate.likelihoods-always", "Likelihoods are told without being asked for.")
LIKELIHOODS_SHORT = fault("generate.likelihoods-short", "The last token has no likelihood.")
REASON = fault("generate.finish-reason-lower-case", "The reasons why texts end are in lower case.")
NO_END = fault("generate.stream.no-end", "Streams end without their last event.")
TWO_ENDS = fault("generate.stream.two-ends", "The last event of a stream is sent twice.")
NOT_FINISHED = fault("generate.stream.not-finished", "The last event of a stream says that more follow.")
TEXT_DIFFERS = fault("generate.stream.text-differs", "The pieces of a stream do not add up to its texts.")
SEQUENCES = fault("generate.sequences-change-text", "An end sequence changes how a text begins as well.")
OTHER_TEXT = fault("generate.stream.other-text", "A stream writes another text than comes without one.")
PRETTY = fault("generate.stream.pretty-printed", "Each event of a stream takes several lines.")
WRONG_TYPE = fault("generate.stream.media-type", "Streams are sent as application/json.")

_LONGEST = 512
"""Tokens that are written at most where no bound is named."""
_ROOM = 256
"""Tokens of the context that a prompt is cut to leave free."""
_PIECE = re.compile(r"\s*\S+|\s+")
_NEWER = "tools"
"""A feature of the models that refuse both penalties together."""

validation.leave("generate", "prompt", "required")


@dataclass(frozen=True)
class _Text:
    """One variant."""

    id: str
    text: str
    reason: str


@operation("POST /v1/generate", beside="large")
def generate(call: Call) -> JsonResponse | StreamResponse:
    """Answer with variants of how the prompt goes on (GEN-05 to GEN-10)."""
    refuse_retired(call, "Generate API was removed on September 15 2025; use the Chat API")
    # A preset stands in for a prompt (GEN-02); what it holds is not told anywhere.
    prompt: str = call.body.get("prompt") or call.body.get("preset") or ""
    if not prompt.strip():
        raise ApiError(400, "invalid request: prompt is required and must not be blank")
    model = model_of(call, "generate")
    many = _check(call, model)
    texts = [_variant(call, model, prompt, number) for number in range(many)]
    numbered = many > 1 and not call.faulty(INDEX_MISSING)
    notices = sunset(call, model)
    if call.body.get("stream"):
        media_type = "application/json" if call.faulty(WRONG_TYPE) else "application/stream+json"
        return StreamResponse(
            _framed(call, _events(call, prompt, texts, numbered=numbered)), media_type, notices
        )
    billed = {
        "input_tokens": tokens.count(_read(call, model, prompt)),
        "output_tokens": sum(tokens.count(one.text) for one in texts),
    }
    body: dict[str, Any] = {
        "id": new_id(),
        "prompt": prompt,
        "generations": [
            {**_told(call, one, n, numbered=numbered), **_likelihoods(call, prompt, one.text)}
            for n, one in enumerate(texts)
        ],
        "meta": {**meta_with_notices(call, notices, **billed), "tokens": billed},
    }
    if call.faulty(PROMPT_MISSING):
        del body["prompt"]
    written = [prompt, *(one.text for one in texts)]
    chars = characters(call, written)
    return JsonResponse(body, sum(billed.values()), chars, notices)


def _check(call: Call, model: Model) -> int:
    """Check what is told in prose only, and return how many variants are wanted (GEN-03)."""
    body = call.body
    many = integer(call, "num_generations", 1, 5, 1)
    number(call, "temperature", 0, 5, 0.75)
    integer(call, "k", 0, 500, 0)
    number(call, "p", 0.01, 0.99, 0.75)
    penalties = [number(call, f"{name}_penalty", 0, 1, 0) for name in ("frequency", "presence")]
    if all(penalties) and _NEWER in (model.features or ()):
        raise ApiError(400, f"invalid request: model '{model.name}' allows only one of the penalties")
    if integer(call, "max_tokens", 0, None, 1) == 0 and body.get("return_likelihoods") != "ALL":
        raise ApiError(400, "invalid request: max_tokens 0 needs return_likelihoods ALL")
    return many + 1 if call.faulty(ONE_TOO_MANY) else many


def _read(call: Call, model: Model, prompt: str) -> str:
    """Return what of the prompt the model reads."""
    if tokens.count(prompt) <= model.context:
        return prompt
    return fitted(prompt, model.context - _ROOM, call.body.get("truncate", "END"), "the prompt")


def _variant(call: Call, model: Model, prompt: str, index: int) -> _Text:
    """Write one variant: sequences and bounds cut the text, and decide nothing else about it."""
    body = call.body
    read = _read(call, model, prompt)
    sampling = [body.get(name) for name in ("seed", "temperature", "k", "p")]
    if body.get("stream") and call.faulty(OTHER_TEXT):
        sampling.append("streamed")
    if body.get("end_sequences") and call.faulty(SEQUENCES):
        sampling.append("ended")
    text = continuation(read, index, spread("generate", model.name, read, index, *sampling))
    most = int(body.get("max_tokens", min(_LONGEST, model.output or _LONGEST)))
    if call.faulty(MAX_IGNORED):
        most = _LONGEST
    left = max(0, model.context - tokens.count(read))
    reason = "COMPLETE"
    if tokens.count(text) > min(most, left):
        text = tokens.cut(text, min(most, left))
        reason = "MAX_TOKENS" if most <= left else "ERROR_LIMIT"
    elif tokens.count(text) == most:
        reason = "MAX_TOKENS"  # whether more would have come, nobody has looked
    if reason == "MAX_TOKENS" and call.faulty(NOT_MAX_TOKENS):
        reason = "COMPLETE"
    end = _end(call, text)
    return _Text(new_id(), text if end is None else text[:end], reason if end is None else "STOP_SEQUENCE")


def _end(call: Call, text: str) -> int | None:
    """Return where the first sequence ends a text: before an end sequence, behind a stop one (GEN-04)."""
    found = []
    rules = {"end_sequences": call.faulty(END_KEPT), "stop_sequences": not call.faulty(STOP_CUT)}
    for name, kept in rules.items():
        for sequence in call.body.get(name) or ():
            start = text.find(sequence) if sequence else -1
            if start >= 0:
                found.append((start, start + len(sequence) if kept else start))
    return min(found)[1] if found else None


def _told(call: Call, one: _Text, index: int, *, numbered: bool) -> dict[str, Any]:
    reason = one.reason.lower() if call.faulty(REASON) else one.reason
    body: dict[str, Any] = {"id": one.id, "text": one.text, "finish_reason": reason}
    return {"id": one.id, "index": index, **body} if numbered else body


def _likelihoods(call: Call, prompt: str, text: str) -> dict[str, Any]:
    """Return how likely each token is; the tokens join to the text (GEN-08)."""
    wanted = call.body.get("return_likelihoods", "NONE")
    if wanted == "NONE" and not call.faulty(LIKELIHOODS_ALWAYS):
        return {}
    pieces = _pieces(f"{prompt}{text}" if wanted == "ALL" else text)
    if call.faulty(LIKELIHOODS_SHORT):
        pieces = pieces[:-1]
    likelihoods = [
        -round(spread("likelihood", prompt, n, piece) / 2**64 * 4, 6) for n, piece in enumerate(pieces)
    ]
    return {
        "likelihood": round(math.fsum(likelihoods) / max(1, len(pieces)), 6),
        "token_likelihoods": [
            {"token": piece, "likelihood": one} for piece, one in zip(pieces, likelihoods, strict=True)
        ],
    }


def _pieces(text: str) -> list[str]:
    """Return a text in words with the space before them."""
    return _PIECE.findall(text)


def _events(call: Call, prompt: str, texts: list[_Text], *, numbered: bool) -> Iterator[dict[str, Any]]:
    """Yield the events of a stream: the variants take turns, a full context ends it as an error (GEN-09)."""
    pieces = [_pieces(one.text) for one in texts]
    for turn in range(max(map(len, pieces), default=0)):
        for index, own in enumerate(pieces):
            if turn < len(own):
                event = {"event_type": "text-generation", "text": own[turn], "is_finished": False}
                yield {**event, "index": index} if numbered else event
    failed = next((index for index, one in enumerate(texts) if one.reason == "ERROR_LIMIT"), None)
    finished = not call.faulty(NOT_FINISHED)
    if failed is not None:
        end: dict[str, Any] = {
            "event_type": "stream-error",
            "is_finished": finished,
            "finish_reason": "ERROR_LIMIT",
            "err": "the prompt leaves no room in the context of the model",
        }
        if numbered:
            end["index"] = failed
    else:
        told_texts = [_told(call, one, n, numbered=numbered) for n, one in enumerate(texts)]
        if call.faulty(TEXT_DIFFERS):
            told_texts[0]["text"] += " And more."
        response = {"id": new_id(), "prompt": prompt, "generations": told_texts}
        if call.faulty(PROMPT_MISSING):
            del response["prompt"]
        end = {
            "event_type": "stream-end",
            "is_finished": finished,
            "finish_reason": told_texts[0]["finish_reason"],
            "response": response,
        }
    if call.faulty(NO_END):
        return
    yield end
    if call.faulty(TWO_ENDS):
        yield end


def _framed(call: Call, events: Iterator[dict[str, Any]]) -> Iterator[Event]:
    for event in events:
        yield Event(json.dumps(event, ensure_ascii=False, indent=2) if call.faulty(PRETTY) else event)
