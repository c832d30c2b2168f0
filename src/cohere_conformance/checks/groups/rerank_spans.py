"""Rerank: the relevant spans of the results."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.placeholders import is_placeholder
from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.checks.values import each, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence

_ROUNDING = 1e-6
"""Tolerance of scores, which are 32-bit floats."""
_THRESHOLD = 0.1
"""The threshold of a request without one (RR-O14)."""
_AT = "/results/*/relevant_spans"
_SCORE = f"{_AT}/*/score"


@check("rerank.spans-asked-for", returns_anywhere="relevant_spans")
def spans_asked_for(evidence: Evidence) -> Iterator[Breach]:
    """A result has relevant_spans only if the request enables them (RR-O15)."""
    sent = evidence.sent.get("relevant_spans")
    mode = sent.get("mode") if isinstance(sent, dict) else None
    # Without a recorded body nothing is known about the request; another mode is newer than the contract.
    if not evidence.sent or mode not in {None, "disabled"}:
        return
    if any(result.get("relevant_spans") is not None for result in _results(evidence)):
        yield Breach(_AT, "no spans, as the request does not enable them", "spans")


@check("rerank.spans-sorted", returns_anywhere="relevant_spans")
def spans_sorted(evidence: Evidence) -> Iterator[Breach]:
    """The relevant_spans of a result are in descending order of score (RR-O14)."""

    def unsorted(result: dict[str, Any]) -> Iterator[Breach]:
        for better, worse in pairwise(span["score"] for span in _spans(result)):
            if better < worse:
                yield Breach(_SCORE, "no score above the one before", f"{worse} after {better}")
                return

    yield from each(_results(evidence), unsorted)


@check("rerank.spans-in-document", returns_anywhere="relevant_spans")
def spans_in_document(evidence: Evidence) -> Iterator[Breach]:
    """Each span is a part of its document that is not empty, in code points (RR-O14)."""
    documents = evidence.sent.get("documents")

    def outside(result: dict[str, Any]) -> Iterator[Breach]:
        length = _length(documents, result["index"])
        for span in _spans(result):
            start, end = span["start"], span["end"]
            if not 0 <= start < end or (length is not None and end > length):
                limit = "" if length is None else f" within the {length} code points of the document"
                yield Breach(f"{_AT}/*", f"a part that is not empty{limit}", f"start {start}, end {end}")
                return

    yield from each(_results(evidence), outside)


@check("rerank.spans-threshold", sends="relevant_spans")
def spans_threshold(evidence: Evidence) -> Iterator[Breach]:
    """No span has a score below the threshold, which is 0.1 by default (RR-O14)."""
    threshold = _setting(evidence, "threshold", _THRESHOLD)
    if threshold is None:
        return

    def below(result: dict[str, Any]) -> Iterator[Breach]:
        # Whether a score that equals the threshold is enough is described in two ways.
        lowest = min((span["score"] for span in _spans(result)), default=threshold)
        if lowest < threshold - _ROUNDING:
            yield Breach(_SCORE, f"no score below the threshold of {threshold:g}", str(lowest))

    yield from each(_results(evidence), below)


@check("rerank.spans-count", sends="relevant_spans")
def spans_count(evidence: Evidence) -> Iterator[Breach]:
    """A result has at most max_spans spans (RR-O16)."""
    most = _setting(evidence, "max_spans", None)
    if most is None or most < 0:
        return

    def more(result: dict[str, Any]) -> Iterator[Breach]:
        if len(_spans(result)) > most:
            yield Breach(_AT, f"at most {most:g} spans", str(len(_spans(result))))

    yield from each(_results(evidence), more)


@check("rerank.spans-score-range", returns_anywhere="relevant_spans")
def spans_score_range(evidence: Evidence) -> Iterator[Breach]:
    """The score of each span is between 0 and 1 (RR-O14)."""

    def outside(result: dict[str, Any]) -> Iterator[Breach]:
        for score in (span["score"] for span in _spans(result)):
            if not -_ROUNDING <= score <= 1 + _ROUNDING:
                yield Breach(_SCORE, "a score from 0 to 1", str(score), "above" if score > 1 else "below")
                return

    yield from each(_results(evidence), outside)


def _results(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the results; none if the body was not recorded."""
    found: list[dict[str, Any]] = evidence.response.get("results", [])
    return found


def _spans(result: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = result.get("relevant_spans") or []
    return found


def _length(documents: object, index: float) -> int | None:
    """Return the number of code points of a document; `None` if it was not recorded."""
    if not isinstance(documents, list) or not 0 <= index < len(documents):
        return None
    document = documents[int(index)]
    # The text that was replaced in a recording had another length.
    return len(document) if isinstance(document, str) and not is_placeholder(document) else None


def _setting(evidence: Evidence, name: str, default: float | None) -> float | None:
    """Return a number of the request's relevant_spans; `None` if it has none or another value."""
    sent = evidence.sent.get("relevant_spans")
    if not isinstance(sent, dict):
        return None
    value = sent.get(name)
    if value is None:
        return default
    return number(value)
