"""Summarize (retired): the most informative sentences of a text, shortened on request."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from cohere_conformance.reference import tokens
from cohere_conformance.reference.common import meta_with_notices, model_of, sunset
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.words import sentences, weight, words

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

SHORT_ACCEPTED = fault("summarize.short-text-accepted", "A text of 250 characters is accepted.")
LENGTH: FaultTable[str] = {
    fault("summarize.length-turned", "A short summary is longer than a long one."): (
        lambda length, _: {"short": "long", "long": "short"}.get(length, length)
    ),
}
BULLETS: FaultTable[bool] = {
    fault("summarize.bullets-ignored", "The summary is one paragraph, whatever the format."): (
        lambda bullets, _: False
    ),
}
SUMMARY: FaultTable[str] = {
    fault("summarize.empty", "The summary is empty."): lambda summary, _: "",
    fault("summarize.longer-than-text", "The summary is longer than the text."): (
        lambda summary, call: f"{call.body['text']} {summary}"
    ),
}

SHORTEST = 250
"""A text must be longer than this (SUM-01)."""
_LENGTHS = {"short": (2, 5), "medium": (4, 3), "long": (8, 2)}
"""By length: the maximum number of sentences, and the length of the text divided by that of the summary."""
_PARENTHESIS = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])")
_CLAUSE = re.compile(r"[,;:\u2013\u2014]\s")
_SHORTEST_CLAUSE = 12
"""The minimum length of a first clause that replaces its sentence."""


@operation("POST /v1/summarize", in_thread="large")
def summarize(call: Call) -> JsonResponse:
    """Return a summary of a text (SUM-O01)."""
    text: str = call.body["text"]
    if len(text) <= SHORTEST and not call.faulty(SHORT_ACCEPTED):
        raise ApiError(400, f"invalid request: text must be longer than {SHORTEST} characters")
    if not text.strip():
        raise ApiError(400, "invalid request: text must not be blank")
    model = model_of(call, "summarize")
    length = inject(call, LENGTH, call.body.get("length", "medium"))
    bullets = inject(call, BULLETS, call.body.get("format") == "bullets")
    # A larger limit may select other sentences; it never makes the summary shorter.
    lengths = list(_LENGTHS)[: list(_LENGTHS).index(length) + 1]
    summary = max((_summary(call, text, one, bullets=bullets) for one in lengths), key=len)
    summary = inject(call, SUMMARY, summary)
    billed = {"input_tokens": tokens.count(text), "output_tokens": tokens.count(summary)}
    notices = sunset(call, model)
    body = {
        "id": new_id(),
        "summary": summary,
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
        # The most informative sentence may exceed the limit of a short summary.
        if len(chosen) < most and used + size <= (room if chosen else len(text) // 2):
            chosen.append(index)
            used += size
    lines = [_shortened(candidates[index], closeness) for index in sorted(chosen)]
    if not lines:
        # No sentence is short enough: the summary is the beginning of the text.
        start = text.strip()[: room - 3]
        lines = [(start.rpartition(" ")[0] or start).rstrip(" ,;:") + "."]
    return "\n".join(f"- {line}" for line in lines) if bullets else " ".join(lines)


def _ranked(candidates: list[str], command: str) -> list[int]:
    """Return the indexes of the sentences, those with the most frequent words of the text first.

    The words of the command count most.
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
    """Return a sentence by its extractiveness: unchanged, without parentheses, or its first clause."""
    if closeness == "high":
        return sentence
    shorter = _PARENTHESIS.sub("", sentence).strip() or sentence
    if closeness == "medium":
        return shorter
    first = _CLAUSE.split(shorter, maxsplit=1)[0].rstrip()
    if len(first) < _SHORTEST_CLAUSE or len(first) >= len(shorter):
        return shorter
    return first if first.endswith((".", "!", "?", "\u3002")) else f"{first}."
