"""Relevant spans: which sentences of a document answer the query (RR-R09, RR-O14 to RR-O17)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.groups import rerank_span_faults as faults
from cohere_conformance.reference.groups.rerank_score import relevance
from cohere_conformance.reference.handling import ApiError
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.words import sentence_positions

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.models import Model

_FIRST = 5
"""The first generation of models that finds spans (RR-R09)."""
_THRESHOLD = 0.1


@dataclass(frozen=True)
class _SpanSettings:
    """Which spans are returned.

    Attributes:
        threshold: the score that a span must exceed.
        most: the maximum number of spans of a document; `None` for all.
    """

    threshold: float
    most: int | None


def requested_spans(call: Call, model: Model) -> Callable[[str, str], dict[str, Any]]:
    """Return a function from a query and a document to the spans, as properties of the result.

    The properties are empty if no spans are requested, or if the document has none (RR-O15).

    Raises:
        ApiError: 400, the model does not find spans, or a setting is out of range.
    """
    settings = _settings(call, model)

    def found(query: str, text: str) -> dict[str, Any]:
        spans = [] if settings is None else _spans(call, model, settings, query, text)
        return {"relevant_spans": spans} if spans else {}

    return found


def _settings(call: Call, model: Model) -> _SpanSettings | None:
    """Return the settings of a request; `None` if it does not enable spans."""
    # Version 1 ignores the property, with a warning (V-02).
    sent: dict[str, Any] = {} if call.v1 else call.body.get("relevant_spans") or {}
    finds = model.generation >= _FIRST
    enabled = sent.get("mode") == "enabled"
    if not enabled and not (finds and not call.v1 and call.faulty(faults.UNASKED)):
        return None
    if not finds:
        raise ApiError(400, f"relevant_spans is not supported by model '{model.name}'")
    threshold, most = sent.get("threshold"), sent.get("max_spans")
    if threshold is not None and not 0 <= threshold <= 1:
        raise ApiError(
            400, f"invalid request: relevant_spans.threshold must be from 0 to 1, got {threshold:g}"
        )
    if most is not None and most < 0:
        raise ApiError(400, f"invalid request: relevant_spans.max_spans must be at least 0, got {most:g}")
    return _SpanSettings(
        inject(call, faults.THRESHOLD, _THRESHOLD if threshold is None else float(threshold)),
        inject(call, faults.MOST, None if most is None else int(most)),
    )


def _spans(call: Call, model: Model, settings: _SpanSettings, query: str, text: str) -> list[dict[str, Any]]:
    """Return the sentences of a text that are relevant, the most relevant one first.

    A line is a sentence as well: structured data is sent as YAML text, which has one field a line.
    """
    scored = [
        (start, end, relevance(model.name, query, text[start:end])) for start, end in sentence_positions(text)
    ]
    scored = inject(call, faults.SCORED, scored)
    above = [one for one in scored if one[2] > settings.threshold]
    ranked = inject(call, faults.RANKED, sorted(above, key=lambda one: (-one[2], one[0])))
    spans = [{"start": start, "end": end, "score": score} for start, end, score in ranked[: settings.most]]
    return inject(call, faults.SPANS, faults.DocumentSpans(text, spans)).spans
