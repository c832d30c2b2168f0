"""Audio: what an answer is made of, and in which order a form is read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.checks.registry import Breach, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence

_NAME = re.compile(rb'\r\ncontent-disposition:[^\r\n]*?[; ]name="([^"\r\n]*)"', re.IGNORECASE)
_BOUNDARY = re.compile(r'boundary="?([^";,\s]+)', re.IGNORECASE)
_HEAD = 2048
"""Bytes of a part that its header stands in; what it holds is not searched."""


@check("audio.text-alone")
def text_alone(evidence: Evidence) -> Iterator[Breach]:
    """AUD-S01."""
    others = sorted(evidence.answer.keys() - {"text"})
    if others:
        yield Breach("", "the text and nothing else", ", ".join(others))
    if evidence.header("num_tokens") is not None:
        yield Breach("header:num_tokens", "no count of tokens", "one")


@check("audio.file-last")
def file_last(evidence: Evidence) -> Iterator[Breach]:
    """AUD-R03."""
    names = _names(evidence)
    if "file" in names and names[-1] != "file":
        yield Breach("", f"a refusal of a form whose file stands before {names[-1]}", "a text")


def _names(evidence: Evidence) -> list[str]:
    """Return the names of the parts of the form that was sent, in their order."""
    boundary = _BOUNDARY.search(evidence.sent_header("content-type") or "")
    body = evidence.reading.exchange.request.body
    if boundary is None or not body:
        return []
    found = (_NAME.search(part[:_HEAD]) for part in body.split(b"--" + boundary[1].encode()))
    return [name[1].decode("utf-8", "replace") for name in found if name is not None]
