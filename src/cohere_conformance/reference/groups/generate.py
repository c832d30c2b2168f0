"""Generate (retired): continues a prompt, in up to five variants, with or without streaming."""

from __future__ import annotations

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
    sunset,
)
from cohere_conformance.reference.continuation import continuation
from cohere_conformance.reference.groups import generate_faults as faults
from cohere_conformance.reference.handling import (
    ApiError,
    Event,
    JsonResponse,
    StreamResponse,
    new_id,
    operation,
)
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.words import number as spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.models import Model

_ROOM = 256
"""The tokens of the context that remain free when a prompt is cut."""
_PIECE = re.compile(r"\s*\S+|\s+")
_NEWER = "tools"
"""A feature of the models that reject the two penalties together."""

validation.leave("generate", "prompt", "required")


@dataclass(frozen=True)
class _Text:
    """One variant."""

    id: str
    text: str
    reason: str


@operation("POST /v1/generate", in_thread="large")
def generate(call: Call) -> JsonResponse | StreamResponse:
    """Return variants of a text that continues the prompt (GEN-05 to GEN-10)."""
    # A preset replaces the prompt (GEN-02); the content of presets is not documented.
    prompt: str = call.body.get("prompt") or call.body.get("preset") or ""
    if not prompt.strip():
        raise ApiError(400, "invalid request: prompt is required and must not be blank")
    model = model_of(call, "generate")
    count = inject(call, faults.COUNT, _check(call, model))
    texts = [_variant(call, model, prompt, number) for number in range(count)]
    notices = sunset(call, model)
    if call.body.get("stream"):
        payloads = inject(call, faults.PAYLOADS, list(_payloads(call, prompt, texts)))
        events = inject(call, faults.EVENTS, [Event(payload) for payload in payloads])
        return StreamResponse(events, inject(call, faults.MEDIA_TYPE, "application/stream+json"), notices)
    billed = {
        "input_tokens": tokens.count(_fitted(call, model, prompt)),
        "output_tokens": sum(tokens.count(one.text) for one in texts),
    }
    shown = [{**one, **_likelihoods(call, prompt, one["text"])} for one in _shown(call, texts)]
    body = {
        "id": new_id(),
        "prompt": prompt,
        "generations": shown,
        "meta": {**meta_with_notices(call, notices, **billed), "tokens": billed},
    }
    chars = characters(call, [prompt, *(one.text for one in texts)])
    return JsonResponse(inject(call, faults.BODY, body), sum(billed.values()), chars, notices)


def _check(call: Call, model: Model) -> int:
    """Check the ranges that are documented in prose, and return the number of variants (GEN-03)."""
    body = call.body
    count = integer(call, "num_generations", 1, 5, 1)
    number(call, "temperature", 0, 5, 0.75)
    integer(call, "k", 0, 500, 0)
    number(call, "p", 0.01, 0.99, 0.75)
    penalties = [number(call, f"{name}_penalty", 0, 1, 0) for name in ("frequency", "presence")]
    if all(penalties) and _NEWER in (model.features or ()):
        raise ApiError(400, f"invalid request: model '{model.name}' allows only one of the penalties")
    if integer(call, "max_tokens", 0, None, 1) == 0 and body.get("return_likelihoods") != "ALL":
        raise ApiError(400, "invalid request: max_tokens 0 needs return_likelihoods ALL")
    return count


def _fitted(call: Call, model: Model, prompt: str) -> str:
    """Return the prompt, cut to the context of the model."""
    if tokens.count(prompt) <= model.context:
        return prompt
    return fitted(prompt, model.context - _ROOM, call.body.get("truncate", "END"), "the prompt")


def _variant(call: Call, model: Model, prompt: str, index: int) -> _Text:
    """Generate one variant: limits and sequences cut the text, and do not change it otherwise."""
    body = call.body
    read = _fitted(call, model, prompt)
    sampling = inject(call, faults.SAMPLING, [body.get(name) for name in ("seed", "temperature", "k", "p")])
    text = continuation(read, index, spread("generate", model.name, read, index, *sampling))
    most = int(body.get("max_tokens", min(faults.LONGEST, model.output or faults.LONGEST)))
    most = inject(call, faults.MAX_TOKENS, most)
    left = max(0, model.context - tokens.count(read))
    reason = "COMPLETE"
    if tokens.count(text) > min(most, left):
        text = tokens.cut(text, min(most, left))
        reason = "MAX_TOKENS" if most <= left else "ERROR_LIMIT"
    elif tokens.count(text) == most:
        reason = "MAX_TOKENS"  # the text could have been longer
    end = _end(call, text)
    if end is not None:
        return _Text(new_id(), text[:end], "STOP_SEQUENCE")
    return _Text(new_id(), text, inject(call, faults.FINISH, reason))


def _end(call: Call, text: str) -> int | None:
    """Return where the first sequence ends a text: before an end sequence, after a stop sequence (GEN-04)."""
    found = []
    kept = inject(call, faults.KEPT_SEQUENCES, {"end_sequences": False, "stop_sequences": True})
    for name, keep in kept.items():
        for sequence in call.body.get(name) or ():
            start = text.find(sequence) if sequence else -1
            if start >= 0:
                found.append((start, start + len(sequence) if keep else start))
    return min(found)[1] if found else None


def _shown(call: Call, texts: list[_Text]) -> list[dict[str, Any]]:
    """Return the variants; they have an index where there are several."""
    found = []
    for index, one in enumerate(texts):
        numbered = {"index": index} if len(texts) > 1 else {}
        shown = {"id": one.id, **numbered, "text": one.text, "finish_reason": one.reason}
        found.append(inject(call, faults.VARIANT, shown))
    return found


def _likelihoods(call: Call, prompt: str, text: str) -> dict[str, Any]:
    """Return the likelihood of each token; the tokens add up to the text (GEN-08)."""
    requested = inject(call, faults.LIKELIHOODS, call.body.get("return_likelihoods", "NONE"))
    if requested == "NONE":
        return {}
    pieces = _pieces(f"{prompt}{text}" if requested == "ALL" else text)
    pieces = inject(call, faults.LIKELY_TOKENS, pieces)
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
    """Return the words of a text, each with the space before it."""
    return _PIECE.findall(text)


def _payloads(call: Call, prompt: str, texts: list[_Text]) -> Iterator[dict[str, Any]]:
    """Yield the payloads of a stream: the variants take turns, and a full context is an error (GEN-09)."""
    shown = _shown(call, texts)
    indexes = [{name: one[name] for name in ("index",) if name in one} for one in shown]
    pieces = [_pieces(one.text) for one in texts]
    for turn in range(max(map(len, pieces), default=0)):
        for index, own in zip(indexes, pieces, strict=True):
            if turn < len(own):
                yield {"event_type": "text-generation", "text": own[turn], "is_finished": False, **index}
    failed = next((index for index, one in enumerate(texts) if one.reason == "ERROR_LIMIT"), None)
    if failed is not None:
        yield {
            "event_type": "stream-error",
            "is_finished": True,
            "finish_reason": "ERROR_LIMIT",
            "err": "the prompt leaves no room in the context of the model",
            **indexes[failed],
        }
        return
    response = {"id": new_id(), "prompt": prompt, "generations": shown}
    yield {
        "event_type": "stream-end",
        "is_finished": True,
        "finish_reason": shown[0]["finish_reason"],
        "response": inject(call, faults.BODY, response),
    }
