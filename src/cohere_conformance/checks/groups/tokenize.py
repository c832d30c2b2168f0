"""Tokenize: tokens and their strings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.contract.models import known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence

_LONGEST = 65_536


@check("tokenize.strings")
def strings(evidence: Evidence) -> Iterator[Breach]:
    """There are as many token_strings as tokens (TOK-O01)."""
    tokens, reported = evidence.response.get("tokens", ()), evidence.response.get("token_strings", ())
    if len(tokens) != len(reported):
        yield Breach("/token_strings", f"{len(tokens)} strings, one a token", str(len(reported)))


@check("tokenize.ids")
def ids(evidence: Evidence) -> Iterator[Breach]:
    """No token is negative; 0 is a valid token (TOK-O02)."""
    lowest = min(evidence.response.get("tokens", ()), default=0)
    if lowest < 0:
        yield Breach("/tokens/*", "0 or more", str(lowest))


@check("tokenize.joined", returns="token_strings")
def joined(evidence: Evidence) -> Iterator[Breach]:
    """The token_strings of an ASCII text join to the text (TOK-O03)."""
    text, reported = evidence.sent.get("text"), evidence.response.get("token_strings")
    model = known(evidence.sent.get("model"))
    # Older embedding models fold case and space.
    whole = model is not None and model.keeps_text
    # Without strings the client has counted the tokens itself, which some recorders store.
    if not whole or not isinstance(text, str) or not text.isascii() or not reported:
        return
    if "".join(reported) != text:
        yield Breach("/token_strings", f"the text in pieces, {text[:100]!r}", repr("".join(reported)[:100]))


@check("tokenize.free", returns="meta")
def free(evidence: Evidence) -> Iterator[Breach]:
    """Tokenizing bills nothing (TOK-S01)."""
    units = (evidence.response.get("meta") or {}).get("billed_units") or {}
    billed = sorted(name for name, many in units.items() if many)
    if billed:
        yield Breach("/meta/billed_units", "nothing billed", ", ".join(billed))


@check("tokenize.text-empty")
def text_empty(evidence: Evidence) -> Iterator[Breach]:
    """An empty or absent text is refused (TOK-R02)."""
    if evidence.sent and not evidence.sent.get("text"):
        yield Breach("", "a refusal of an empty text", "tokens")


@check("tokenize.text-longest")
def text_longest(evidence: Evidence) -> Iterator[Breach]:
    """A text of 65536 characters is served, a longer one is refused (TOK-R01)."""
    text = evidence.sent.get("text")
    if isinstance(text, str) and len(text) > _LONGEST:
        yield Breach("", f"a refusal of more than {_LONGEST} characters", "tokens")
