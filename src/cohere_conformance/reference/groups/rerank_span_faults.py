"""Faults of the relevant spans of rerank, by the stage that they change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

UNASKED = fault("rerank.spans-unasked", "Results have relevant spans without being asked to.")

Scored = list[tuple[int, int, float]]


@dataclass(frozen=True)
class DocumentSpans:
    """The spans of one document, as they are sent.

    Attributes:
        text: the document.
        spans: each with start, end and score.
    """

    text: str
    spans: list[dict[str, Any]]


THRESHOLD: FaultTable[float] = {
    fault("rerank.spans-threshold-ignored", "The threshold of relevant spans is ignored."): (
        lambda threshold, _: 0.0
    ),
}
MOST: FaultTable[int | None] = {
    fault("rerank.spans-max-ignored", "All relevant spans are returned, whatever the value of max_spans."): (
        lambda most, _: None
    ),
}


def _setting(call: Call, name: str) -> float | None:
    """Return a setting of the request."""
    value: float | None = (call.body.get("relevant_spans") or {}).get(name)
    return value


def _raised(scored: Scored, call: Call) -> Scored:
    threshold = _setting(call, "threshold") or 0.0
    return [(start, end, round(threshold + (1 - threshold) * score, 8)) for start, end, score in scored]


SCORED: FaultTable[Scored] = {
    fault("rerank.spans-score-relative", "The scores of spans rise with the threshold."): _raised,
}
"""Start, end and score of every sentence of a document."""

RANKED: FaultTable[Scored] = {
    fault("rerank.spans-max-other", "With max_spans the best span is left out, and the next one is added."): (
        lambda ranked, call: ranked[1 if 0 < (_setting(call, "max_spans") or 0) < len(ranked) else 0 :]
    ),
}
"""The spans above the threshold, the best one first, before `max_spans` is applied."""


def _recounted(found: DocumentSpans, length: Callable[[str], int]) -> DocumentSpans:
    """Count the positions in other units than code points."""
    spans = [
        {**one, **{name: length(found.text[: one[name]]) for name in ("start", "end")}} for one in found.spans
    ]
    return DocumentSpans(found.text, spans)


def _changed(
    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
) -> Callable[[DocumentSpans, Call], DocumentSpans]:
    """Return a transform that changes the spans and needs neither the document nor the call."""
    return lambda found, _: DocumentSpans(found.text, change(found.spans))


SPANS: FaultTable[DocumentSpans] = {
    fault("rerank.spans-in-utf16", "The positions of spans are counted in code units of UTF-16."): (
        lambda found, _: _recounted(found, lambda text: len(text.encode("utf-16-le", "surrogatepass")) // 2)
    ),
    fault("rerank.spans-in-bytes", "The positions of spans are counted in bytes of UTF-8."): (
        lambda found, _: _recounted(found, lambda text: len(text.encode("utf-8", "surrogatepass")))
    ),
    fault("rerank.spans-empty", "The spans end where they start."): (
        _changed(lambda spans: [{**one, "end": one["start"]} for one in spans])
    ),
    fault("rerank.spans-unsorted", "The spans are sorted by ascending score."): (
        _changed(lambda spans: spans[::-1])
    ),
    fault("rerank.spans-score-above-one", "The score of the first span is above 1."): (
        _changed(lambda spans: [*({**one, "score": one["score"] + 1} for one in spans[:1]), *spans[1:]])
    ),
}
