"""Embed: response headers that count tokens and characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

EMBED = ("POST /v1/embed", "POST /v2/embed")
TEXTS = ["A plum.", "Crème brûlée, déjà vu 🙂"]
pytestmark = pytest.mark.protocol


@pytest.mark.operations(*EMBED)
def test_tokens_and_characters_are_told(api: Api) -> None:
    """Each response has the headers `num_tokens` and `num_chars`, by which users watch their consumption."""
    for label in EMBED:
        response = api.call(
            label,
            body={
                "model": api.models["embed-v1"],
                "input_type": "search_query",
                "texts": TEXTS,
                "embedding_types": ["int8"],
            },
        )
        missing = [name for name in ("num_tokens", "num_chars") if response.header(name) is None]
        api.require(
            "common.counts-told",
            not missing,
            response,
            location=f"header:{missing[0]}" if missing else "",
            expected="num_tokens and num_chars",
            observed=f"{', '.join(missing)} missing",
        )
