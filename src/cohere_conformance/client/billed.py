"""What a response says was billed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.model import Response

_UNITS = re.compile(r'"billed_units"(?<!\\"billed_units")\s*:\s*(?P<units>\{[^{}]*\})')
"""In a text of a model the quotation marks are escaped. A literal beginning makes the search fast."""
BILLED_UNITS = (
    "tokens",
    "input_tokens",
    "output_tokens",
    "text_tokens",
    "image_tokens",
    "search_units",
    "classifications",
    "images",
    "pages",
)
"""The units that can be limited: `tokens` is the sum of input and output."""
TOKENS = "tokens"
"""Input and output tokens together."""
_PARTS = ("input_tokens", "output_tokens")


def billed_units(response: Response) -> dict[str, float]:
    """Return how much a response says was billed, by unit; nothing if it says nothing.

    The units are those of `meta.billed_units` and `usage.billed_units`, and `tokens` for input and output
    tokens together. The end of a stream counts.
    """
    found: dict[str, float] = {}
    for text in _texts(response):
        for matched in _UNITS.finditer(text):
            found = _numbers(matched["units"]) or found
    tokens = sum(found.get(part, 0.0) for part in _PARTS)
    return found | ({TOKENS: tokens} if tokens else {})


def _texts(response: Response) -> Iterator[str]:
    if response.body is not None and b"billed_units" in response.body:
        yield response.body.decode("utf-8", "replace")
    for event in response.events or ():
        yield event.data


def _numbers(text: str) -> dict[str, float]:
    try:
        units = json.loads(text)
    except ValueError:
        return {}
    return {
        unit: float(number)
        for unit, number in units.items()
        if isinstance(number, int | float) and not isinstance(number, bool) and number > 0
    }
