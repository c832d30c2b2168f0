"""Summarize: the option `length` decides how long a summary is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

SUMMARIZE = "POST /v1/summarize"
pytestmark = pytest.mark.operations(SUMMARIZE)
SENTENCES = [
    "The harbour master keeps three books.",
    "In the first he writes every ship that comes in, with its draught and its cargo.",
    "In the second he writes what the pilots tell him about the sandbanks, which move a little each year.",
    "The third one is his own: he notes the weather in it, and the birds, and once a winter the ice.",
    "When the port office burned down, the first two books were lost.",
    "The third was at his house, and it is the only record of the harbour that is left from that time.",
    "A copy of it lies in the museum of the island today.",
]


def require_length_order(api: Api, text: str) -> None:
    """Require that the summary of a text with `length` short has no more characters than a long one."""
    if api.profile == "live-2026":
        pytest.skip("retired")
    body = {"text": text, "temperature": 0, "extractiveness": "high"}
    short, long = (api.call(SUMMARIZE, body=body | {"length": length}) for length in ("short", "long"))
    short_size, long_size = (len(response.at("/summary", str)) for response in (short, long))
    api.require(
        "summarize.length-order",
        short_size <= long_size,
        long,
        location="/summary",
        expected=f"at least the {short_size} characters of the short summary",
        observed=f"{long_size} characters",
    )


def test_a_short_summary_is_not_longer_than_a_long_one(api: Api) -> None:
    """The same text is summarized with `length` short and long: the short summary has no more characters."""
    require_length_order(api, " ".join(SENTENCES))
