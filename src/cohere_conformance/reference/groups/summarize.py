"""Summarize (retired): the sentences of a text that say most, shortened where that is wanted."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from cohere_conformance.reference import tokens
from cohere_conformance.reference.common import meta_with_notices, model_of, refuse_retired, sunset
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation
from cohere_conformance.reference.words import sentences, weight, words

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

EMPTY = fault("summarize.empty", "The summary is empty.")
BULLETS_IGNORED = fault("summarize.bullets-ignored", "The summary is one paragraph, whatever the format.")
LENGTH_IGNORED = fault("summarize.length-turned", "A short summary is longer than a long one.")
LONGER = fault("summarize.longer-than-text", "The summary is longer than the text.")
SHORT_ACCEPTED = fault("summarize.short-text-accepted", "A text of 250 characters is summarised.")

SHORTEST = 250
"""A text must be longer than this (SUM-01)."""
_LENGTHS = {"short": (2, 5), "medium": (4, 3), "long": (8, 2)}
"""Most sentences, and the part of the text's characters that the summary may have."""
_TURNED = {"short": "long", "long": "short"}
_ASIDE = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])")
_CLAUSE = re.compile(r"[,;:\u2013\u2014]\s")
_SAYS_SOMETHING = 12
"""Characters that the first clause of a sentence needs to stand for the whole."""


@operation("POST /v1/summarize", beside="large")
def summarize(call: Call) -> JsonResponse:
    """Answer with a summary (SUM-O01)."""
    refuse_retired(call, "Summarize API was removed on September 15 2025; use the Chat API")
    text: str = call.body["text"]
    if len(text) <= SHORTEST and not call.faulty(SHORT_ACCEPTED):
        raise ApiError(400, f"invalid request: text must be longer than {SHORTEST} characters")
    if not text.strip():
        raise ApiError(400, "invalid request: text must not be blank")
    model = model_of(call, "summarize")
    length: str = call.body.get("length", "medium")
    if call.faulty(LENGTH_IGNORED):
        length = _TURNED.get(length, length)
    bullets = call.body.get("format") == "bullets" and not call.faulty(BULLETS_IGNORED)
    # More room may lead to other sentences; it never leads to a shorter summary.
    lengths = list(_LENGTHS)[: list(_LENGTHS).index(length) + 1]
    found = max((_summary(call, text, one, bullets=bullets) for one in lengths), key=len)
    if call.faulty(EMPTY):
        found = ""
    if call.faulty(LONGER):
        found = f"{text} {found}"
    billed = {"input_tokens": tokens.count(text), "output_tokens": tokens.count(found)}
    notices = sunset(call, model)
    body = {
        "id": new_id(),
        "summary": found,
        "meta": {**meta_with_notices(call, notices, **billed), "tokens": billed},
    }
    return JsonResponse(body, warnings=notices)


def _summary(call: Call, text: str, length: str, *, bullets: bool) -> str:
    most, part = _LENGTHS[length]
    room = len(text) // part
    closeness: str = call.body.get("extractiveness", "low")
    candidates = sentences(text)
    chosen: list[int] = []
    used = 0
    for index in _ranked(candidates, call.body.get("additional_command", "")):
        size = len(_shortened(candidates[index], closeness)) + 3
        # What says most comes in even if it is long for a short summary.
        if len(chosen) < most and used + size <= (room if chosen else len(text) // 2):
            chosen.append(index)
            used += size
    lines = [_shortened(candidates[index], closeness) for index in sorted(chosen)]
    if not lines:
        # No sentence is short enough: the beginning of the text stands for it.
        start = text.strip()[: room - 3]
        lines = [(start.rpartition(" ")[0] or start).rstrip(" ,;:") + "."]
    return "\n".join(f"- {line}" for line in lines) if bullets else " ".join(lines)


def _ranked(candidates: list[str], command: str) -> list[int]:
    """Return the sentences by how many of the text's frequent words they hold.

    Words of the command count most.
    """
    counts = Counter(word for sentence in candidates for word in words(sentence) if weight(word) > 1)
    for word in words(command):
        if word in counts:
            counts[word] += max(counts.values())
    scores = []
    for sentence in candidates:
        own = set(words(sentence))
        scores.append(sum(counts[word] for word in own if word in counts) / (8 + len(own)))
    return sorted(range(len(candidates)), key=lambda index: (-scores[index], index))


def _shortened(sentence: str, closeness: str) -> str:
    """Return a sentence as closely as it is to be kept: whole, without asides, or its first clause."""
    if closeness == "high":
        return sentence
    shorter = _ASIDE.sub("", sentence).strip() or sentence
    if closeness == "medium":
        return shorter
    first = _CLAUSE.split(shorter, maxsplit=1)[0].rstrip()
    if len(first) < _SAYS_SOMETHING or len(first) >= len(shorter):
        return shorter
    return first if first.endswith((".", "!", "?", "\u3002")) else f"{first}."
