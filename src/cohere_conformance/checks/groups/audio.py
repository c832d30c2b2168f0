"""Audio: the content of a transcription, and the order of form parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.form import part_names
from cohere_conformance.checks.registry import Breach, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence


@check("audio.text-alone")
def text_alone(evidence: Evidence) -> Iterator[Breach]:
    """A transcription response contains the text only: no id, no billed units and no num_tokens header.

    Source: AUD-S01.
    """
    others = sorted(evidence.response.keys() - {"text"})
    if others:
        yield Breach("", "the text and nothing else", ", ".join(others))
    if evidence.header("num_tokens") is not None:
        yield Breach("header:num_tokens", "no count of tokens", "one")


@check("audio.file-last")
def file_last(evidence: Evidence) -> Iterator[Breach]:
    """A form whose file part precedes a text part is refused (AUD-R03)."""
    names = part_names(evidence.parsed.exchange.request)
    if "file" in names and names[-1] != "file":
        yield Breach("", f"a refusal of a form whose file precedes {names[-1]}", "a transcription")
