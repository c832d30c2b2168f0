"""JSON bodies: the same bytes as by the `json` module."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohere_conformance.reference import json_text, tokens, vectors
from cohere_conformance.reference.json_text import NumberList

FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-2e-4, 2e-4),
    st.floats(-1, 1, width=32),
    st.sampled_from([1e-4, 9.9999e-05, 1e-5, 1e16, 1e15, -1e-7, 5e-324, -0.0, 1.5e300]),
)
NUMBERS = st.lists(st.one_of(FLOATS, st.integers(-(2**70), 2**70)), max_size=12)
TEXTS = st.one_of(st.text(), st.sampled_from([":0.00001", ",1.5e-7", "\ud800", "\0", "é\u2028</\x7f"]))
LEAVES = st.one_of(st.none(), st.booleans(), FLOATS, st.integers(), TEXTS)
VALUES = st.recursive(LEAVES, lambda below: st.lists(below) | st.dictionaries(TEXTS, below), max_leaves=8)


def standard(value: Any) -> bytes:
    """Return a value as the `json` module writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


@given(VALUES)
@settings(max_examples=120, deadline=None)
def test_every_value_has_the_bytes_of_the_json_module(value: Any) -> None:
    assert json_text.encode(value) == standard(value)


@given(NUMBERS, NUMBERS, VALUES)
@settings(max_examples=60, deadline=None)
def test_lists_of_numbers_have_the_bytes_of_the_json_module(
    one: list[float], other: list[float], beside: Any
) -> None:
    body = {"first": NumberList(one), "beside": beside, "more": [NumberList(other), NumberList(one)]}
    lists = {"first": one, "beside": beside, "more": [other, one]}
    assert json_text.plain(body) == lists
    assert json_text.encode(body) == json_text.encode_any(body) == standard(lists)


def test_numbers_that_json_does_not_know_are_written_as_by_the_json_module() -> None:
    assert json_text.encode_any([math.nan, math.inf]) == b"[NaN,Infinity]"


def test_only_json_values_are_written() -> None:
    with pytest.raises(TypeError, match="expected a JSON value, got object"):
        json_text.encode({"one": object()})


def test_a_vector_is_written_once_for_each_type_and_dimension() -> None:
    vector = vectors.embed("some-model", 1536, ("a text",), "search_query")
    shorter = vectors.shortened(vector, 256)
    assert vectors.shortened(vector, 256) is shorter
    for one in (vector, shorter):
        for kind in vectors.TYPES:
            made = vectors.remembered(one, kind)
            assert vectors.remembered(one, kind) is made
            assert json_text.encode(made) == standard(vectors.typed(one, kind))
            # A vector that a fault has made is not remembered, and the same.
            assert json_text.encode(vectors.remembered(tuple(one), kind)) == json_text.encode(made)


@given(st.text(st.characters(codec=None), max_size=30))
@settings(max_examples=120, deadline=None)
def test_tokens_are_up_to_three_bytes_of_one_word_and_make_up_the_text(text: str) -> None:
    found = tokens.pieces(text)
    assert b"".join(found) == text.encode("utf-8", "replace")
    assert all(0 < len(piece) <= 3 for piece in found)
    assert tokens.pieces(f"{text}\n{text}") == (*found, b"\n", *found)


def test_only_short_texts_are_remembered() -> None:
    short, long = "word " * 20, "word " * 20_000
    assert tokens.pieces(short) is tokens.pieces(short)
    assert tokens.pieces(long) is not tokens.pieces(long)
    assert len(tokens.pieces(long)) == 40_000 + 1
