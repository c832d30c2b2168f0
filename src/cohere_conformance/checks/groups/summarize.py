"""Summarize: length and format of a summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.frame import cut
from cohere_conformance.checks.registry import Breach, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence

_TOO_SHORT = 250
_BULLETS = ("-", "*", "\u2022", "\u2013")


def _text(evidence: Evidence) -> str | None:
    text = evidence.sent.get("text")
    return text if isinstance(text, str) else None


@check("summarize.text-length")
def text_length(evidence: Evidence) -> Iterator[Breach]:
    """A text of 250 characters or fewer is refused (SUM-01)."""
    text = _text(evidence)
    if text is not None and len(text) <= _TOO_SHORT:
        yield Breach("", f"400 for a text of {_TOO_SHORT} characters or less", f"a summary of {len(text)}")


@check("summarize.not-empty")
def not_empty(evidence: Evidence) -> Iterator[Breach]:
    """The summary is not empty (SUM-O01)."""
    if not (evidence.response.get("summary") or "").strip():
        yield Breach("/summary", "a summary that says something", "nothing")


@check("summarize.shorter")
def shorter(evidence: Evidence) -> Iterator[Breach]:
    """The summary is shorter than the text (SUM-O01)."""
    text, summary = _text(evidence), evidence.response.get("summary") or ""
    if text is not None and len(summary) >= len(text) > 0:
        yield Breach("/summary", f"less than the {len(text)} characters of the text", f"{len(summary)}")


@check("summarize.bullets")
def bullets(evidence: Evidence) -> Iterator[Breach]:
    """Each line of a summary in format bullets starts with a dash (SUM-O01)."""
    if evidence.sent.get("format") != "bullets":
        return
    for line in (evidence.response.get("summary") or "").split("\n"):
        if line.strip() and not line.lstrip().startswith(_BULLETS):
            yield Breach("/summary", "lines that begin with a dash", cut(repr(line)))
            return
