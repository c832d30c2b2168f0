"""Chat, version 2: usage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.groups.chat_v2_parts import billed_units, counted_tokens, finish, part
from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.checks.values import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence

_INPUT, _OUTPUT = "input_tokens", "output_tokens"
_CACHE_LINE = 16
_FAILED = frozenset({"", "ERROR", "TIMEOUT"})
"""Finish reasons of responses without usage."""


@check("v2.chat.max-tokens", sends="max_tokens")
def not_above_max_tokens(evidence: Evidence) -> Iterator[Breach]:
    """The number of output tokens does not exceed max_tokens (CH2-O11)."""
    allowed, written = number(evidence.sent.get("max_tokens")), number(counted_tokens(evidence).get(_OUTPUT))
    if allowed is not None and written is not None and written > allowed:
        yield Breach("/usage/tokens/output_tokens", f"at most {allowed:g}", f"{written:g}")


@check("v2.chat.max-tokens-reached", sends="max_tokens", returns="finish_reason=MAX_TOKENS")
def cut_at_max_tokens(evidence: Evidence) -> Iterator[Breach]:
    """A reply that finishes with MAX_TOKENS has exactly max_tokens output tokens (CH2-O12)."""
    allowed, written = number(evidence.sent.get("max_tokens")), number(counted_tokens(evidence).get(_OUTPUT))
    cut = finish(evidence) == "MAX_TOKENS"
    if cut and allowed is not None and written is not None and written < allowed:
        yield Breach("/usage/tokens/output_tokens", f"{allowed:g}, as MAX_TOKENS says", f"{written:g}")


@check("v2.chat.cut-finish", sends="max_tokens")
def cut_replies_say_so(evidence: Evidence) -> Iterator[Breach]:
    """A reply with exactly max_tokens output tokens does not finish with COMPLETE (CH2-O12)."""
    allowed = number(evidence.sent.get("max_tokens"))
    if not allowed or finish(evidence) != "COMPLETE":
        return
    written = number(counted_tokens(evidence).get(_OUTPUT))
    written = number(billed_units(evidence).get(_OUTPUT)) if written is None else written
    # More tokens than that violate another requirement.
    if written is not None and written == allowed:
        yield Breach("/finish_reason", f"MAX_TOKENS, as {written:g} of {allowed:g} are written", "COMPLETE")


@check("v2.chat.usage-told")
def usage_is_reported(evidence: Evidence) -> Iterator[Breach]:
    """Every response that did not fail has usage with billed units and tokens (CH2-S05)."""
    if finish(evidence) in _FAILED:
        return
    for kind, read in (("billed_units", billed_units), ("tokens", counted_tokens)):
        counted = read(evidence)
        if counted.get(_INPUT) is None or counted.get(_OUTPUT) is None:
            missing = [name for name in (_INPUT, _OUTPUT) if counted.get(name) is None]
            yield Breach(f"/usage/{kind}", f"{_INPUT} and {_OUTPUT}", f"no {' and no '.join(missing)}")


@check("v2.chat.usage-billed-input", returns="usage")
def billed_input_was_read(evidence: Evidence) -> Iterator[Breach]:
    """Billed input tokens do not exceed input tokens plus image tokens (CH2-O14)."""
    billed, tokens = number(billed_units(evidence).get(_INPUT)), counted_tokens(evidence)
    read = number(tokens.get(_INPUT))
    if billed is None or read is None:
        return
    read += number(tokens.get("image_tokens")) or 0
    if billed > read:
        yield Breach("/usage/billed_units/input_tokens", f"at most {read:g}", f"{billed:g}")


@check("v2.chat.usage-billed-output", returns="usage")
def billed_output_was_written(evidence: Evidence) -> Iterator[Breach]:
    """Billed output tokens and reasoning tokens do not exceed output tokens (CH2-O15)."""
    tokens = counted_tokens(evidence)
    written, billed = number(tokens.get(_OUTPUT)), number(billed_units(evidence).get(_OUTPUT))
    spent = number(tokens.get("reasoning_tokens"))
    if written is None:
        return
    if billed is not None and billed > written:
        yield Breach("/usage/billed_units/output_tokens", f"at most {written:g}", f"{billed:g}")
    if spent is not None and spent > written:
        yield Breach("/usage/tokens/reasoning_tokens", f"at most {written:g}", f"{spent:g}")


@check("v2.chat.usage-cached", returns="usage")
def cached_input_was_read(evidence: Evidence) -> Iterator[Breach]:
    """cached_tokens is a multiple of 16 and does not exceed the input tokens (CH2-O16)."""
    cached = number(part(evidence.response.get("usage")).get("cached_tokens"))
    read = number(counted_tokens(evidence).get(_INPUT))
    if cached is None:
        return
    if cached % _CACHE_LINE or (read is not None and cached > read):
        most = "" if read is None else f" up to {read:g}"
        yield Breach("/usage/cached_tokens", f"a multiple of {_CACHE_LINE}{most}", f"{cached:g}")
