"""Embed: a text has one vector, whatever else the request contains."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import pytest
from msgspec import Meta

from cohere_conformance.session.noise import need_beyond_noise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cohere_conformance.session.api import Api, ApiResponse

V1, V2 = LABELS = "POST /v1/embed", "POST /v2/embed"
pytestmark = pytest.mark.operations(*LABELS)
either = pytest.mark.parametrize("label", LABELS, ids=["v1", "v2"])
TEXTS = ["Kettles whistle.", "Glaciers shrink.", "Violins age."]
BEGINNING = "Nine brown hens sat beside the old stone wall and slept."
"""Longer than eight tokens."""
FURTHER_TYPES = ["int8", "uint8", "binary", "ubinary", "base64"]
ALIKE = 0.9996
VECTORS = "/embeddings/float/*"

Vector = Annotated[list[Annotated[float, Meta(ge=-1e9, le=1e9)]], Meta(min_length=1)]
"""A vector whose components can be squared and added without overflow."""


def embedded(api: Api, label: str, texts: list[str], **further: object) -> ApiResponse:
    """Embed texts as float vectors."""
    body = {
        "model": api.models["embed"],
        "input_type": "search_document",
        "embedding_types": ["float"],
        "texts": texts,
    }
    return api.call(label, body=body | further)


def floats(api: Api, response: ApiResponse, number: int) -> list[Vector]:
    """Return the float vectors of a response, which are as many as expected."""
    found = response.at("/embeddings/float", list[Vector])
    api.need(len(found) == number, f"{number} vectors")
    return found


def likeness(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the cosine of two vectors; 0 if they have different lengths or are zero."""
    lengths = math.hypot(*first) * math.hypot(*second)
    if len(first) != len(second) or not lengths:
        return 0.0
    return math.fsum(a * b for a, b in zip(first, second, strict=True)) / lengths


def require_same(
    api: Api,
    requirement: str,
    response: ApiResponse,
    pairs: list[tuple[Vector, Vector]],
    what: str,
    location: str = VECTORS,
) -> None:
    """Require that the vectors of each pair are the same up to rounding."""
    worst = min(likeness(first, second) for first, second in pairs)
    api.require(
        requirement,
        worst >= ALIKE,
        response,
        location=location,
        expected=f"{what}, with a cosine of at least {ALIKE}",
        observed=f"cosine {worst:.5f}",
    )


def need_steady(pairs: list[tuple[Vector, Vector]], again: Callable[[], list[Vector]]) -> None:
    """End the test without a verdict if vectors of one request differ about as much as those of the pairs.

    `again` sends the request of the second vectors again.
    """

    def measure() -> tuple[float, float]:
        repeated = list(zip(pairs, again(), strict=True))
        first = max(1 - likeness(one, vector) for (one, _), vector in repeated)
        return first, max(1 - likeness(other, vector) for (_, other), vector in repeated)

    need_beyond_noise(measure, 1 - ALIKE)


def require_alike(
    api: Api,
    requirement: str,
    response: ApiResponse,
    pairs: list[tuple[Vector, Vector]],
    what: str,
    again: Callable[[], list[Vector]],
    location: str = VECTORS,
) -> None:
    """Require that the vectors of two requests are the same up to rounding, as far as those of one are."""
    if min(likeness(first, second) for first, second in pairs) < ALIKE:
        need_steady(pairs, again)
    require_same(api, requirement, response, pairs, what, location)


def require_order(api: Api, label: str, texts: list[str], order: Sequence[int]) -> None:
    """Require that texts in another order get the vectors in that order."""
    number = len(texts)
    vectors = floats(api, embedded(api, label, texts), number)
    response = embedded(api, label, [texts[index] for index in order])
    moved = floats(api, response, number)
    nearest = [max(range(number), key=lambda index: likeness(vector, moved[index])) for vector in vectors]
    expected = [order.index(index) for index in range(number)]
    api.require(
        "embed.order",
        nearest == expected,
        response,
        location="/embeddings/float",
        expected=f"the vectors of the texts at the indexes {expected} of the second request",
        observed=nearest,
    )


def require_repeatable(api: Api, label: str, text: str) -> None:
    """Require that a text has the same vector each time, in one request and in two."""
    # The neighbours of the text are the same each time, so that they cannot make a difference.
    first = floats(api, embedded(api, label, [text] * 3), 3)
    response = embedded(api, label, [text] * 3)
    second = floats(api, response, 3)
    pairs = [(first[1], first[2]), (first[0], second[0]), (first[1], second[1])]
    require_same(api, "embed.repeatable", response, pairs, "the same vector for the same text")


def require_batch(api: Api, label: str, texts: list[str]) -> None:
    """Require that texts have the same vectors, and are billed the same, in one request and in several."""

    def together() -> list[Vector]:
        return floats(api, embedded(api, label, texts), len(texts))

    batch = embedded(api, label, texts)
    singles = [embedded(api, label, [text]) for text in texts]
    alone = [floats(api, response, 1)[0] for response in singles]
    pairs = list(zip(alone, floats(api, batch, len(texts)), strict=True))
    what = "the vectors that the texts have in one request"
    require_alike(api, "embed.batch", singles[-1], pairs, what, together)
    billed = [response.at("/meta/billed_units/input_tokens", float | None) for response in (batch, *singles)]
    if None not in billed:
        api.require(
            "embed.units-additive",
            billed[0] == sum(billed[1:]),
            singles[-1],
            location="/meta/billed_units/input_tokens",
            expected="the tokens that are billed for all in one request",
            observed={"in one request": billed[0], "in several": billed[1:]},
        )


def require_beginning(api: Api, text: str, dimension: int) -> None:
    """Require that a vector with `output_dimension` begins like the long one."""

    def shorter() -> ApiResponse:
        return embedded(api, V2, [text], output_dimension=dimension)

    long = floats(api, embedded(api, V2, [text], output_dimension=1536), 1)[0]
    response = shorter()
    pairs = [(long[:dimension], floats(api, response, 1)[0])]
    what = f"the first {dimension} components of the long vector"
    require_alike(api, "embed.shorter", response, pairs, what, lambda: floats(api, shorter(), 1))


def require_versions_agree(api: Api, text: str) -> None:
    """Require that versions 1 and 2 of the API return the same vector."""
    old, new = embedded(api, V1, [text]), embedded(api, V2, [text])
    pairs = [(floats(api, old, 1)[0], floats(api, new, 1)[0])]
    require_alike(
        api,
        "embed.versions-agree",
        new,
        pairs,
        "the vector of version 1",
        lambda: floats(api, embedded(api, V2, [text]), 1),
    )


def require_types_independent(api: Api, label: str, text: str, types: list[str]) -> None:
    """Require that the float vector is the same when `embedding_types` has further types."""

    def several() -> ApiResponse:
        return embedded(api, label, [text], embedding_types=["float", *types])

    alone = floats(api, embedded(api, label, [text]), 1)[0]
    response = several()
    pairs = [(alone, floats(api, response, 1)[0])]
    what = "the vector that float alone has"
    require_alike(api, "embed.types-independent", response, pairs, what, lambda: floats(api, several(), 1))


def require_types_optional(api: Api, texts: list[str]) -> None:
    """Require that version 1 returns the same vectors with the type float and without a type."""
    typed = floats(api, embedded(api, V1, texts), len(texts))
    body = {"model": api.models["embed"], "input_type": "search_document", "texts": texts}

    def plain(response: ApiResponse) -> list[Vector]:
        found = response.at("/embeddings", list[Vector])
        api.need(len(found) == len(texts), f"{len(texts)} vectors")
        return found

    response = api.call(V1, body=body)
    require_alike(
        api,
        "embed.types-optional",
        response,
        list(zip(typed, plain(response), strict=True)),
        "the vectors that the type float has",
        lambda: plain(api.call(V1, body=body)),
        "/embeddings/*",
    )


def require_cut(api: Api, beginning: str, ends: Sequence[str]) -> None:
    """Require that two texts that differ only beyond `max_tokens` have the same vector."""

    def cut(end: str) -> ApiResponse:
        return embedded(api, V2, [f"{beginning} {end}"], max_tokens=8, truncate="END")

    first, second = map(cut, ends)
    pairs = [(floats(api, first, 1)[0], floats(api, second, 1)[0])]
    what = "one vector for texts that differ beyond max_tokens"
    require_alike(api, "embed.cut-at-end", second, pairs, what, lambda: floats(api, cut(ends[1]), 1))


def require_purposes_differ(api: Api, label: str, text: str) -> None:
    """Require that a text has a similar but different vector as a query and as a document."""

    def asked() -> ApiResponse:
        return embedded(api, label, [text], input_type="search_query")

    document = floats(api, embedded(api, label, [text]), 1)[0]
    response = asked()
    query = floats(api, response, 1)[0]
    same = max(abs(a - b) for a, b in zip(document, query, strict=False)) < 1e-6
    similar = likeness(document, query) > 0.5
    if not similar:
        need_steady([(document, query)], lambda: floats(api, asked(), 1))
    api.require(
        "embed.purposes-differ",
        not same and similar,
        response,
        location=VECTORS,
        expected="a vector close to that of the document, but not the same",
        observed="the same vector" if same else f"cosine {likeness(document, query):.4f}",
    )


@either
def test_vectors_stand_in_the_order_of_the_texts(api: Api, label: str) -> None:
    """The vectors are in the order of the texts: texts in another order get the vectors in that order."""
    require_order(api, label, TEXTS, [1, 2, 0])


@either
def test_a_text_has_one_vector(api: Api, label: str) -> None:
    """A text that is sent several times, in one request and in two, has the same vector each time."""
    require_repeatable(api, label, TEXTS[0])


@either
def test_texts_have_the_vectors_that_they_have_alone_and_cost_as_much(api: Api, label: str) -> None:
    """Two texts have the same vectors, and are billed the same, in one request and in two."""
    require_batch(api, label, TEXTS[:2])


@pytest.mark.parametrize("dimension", [256, 1024])
def test_a_shorter_vector_is_the_beginning_of_the_long_one(api: Api, dimension: int) -> None:
    """With `output_dimension` a vector is cut: it begins like the long one, so that an index can mix both."""
    require_beginning(api, TEXTS[0], dimension)


def test_both_versions_make_the_same_vectors(api: Api) -> None:
    """Versions 1 and 2 of the API return the same vector, so that an index survives an upgrade."""
    require_versions_agree(api, TEXTS[0])


@either
def test_further_types_make_no_difference(api: Api, label: str) -> None:
    """The float vector is the same when `embedding_types` asks for other types as well."""
    require_types_independent(api, label, TEXTS[0], FURTHER_TYPES)


def test_vectors_without_a_type_are_those_with_it(api: Api) -> None:
    """Version 1 returns the same vectors as a list if `embedding_types` is not there."""
    require_types_optional(api, TEXTS)


def test_what_is_cut_off_makes_no_difference(api: Api) -> None:
    """Two texts that differ only behind `max_tokens` have the same vector."""
    require_cut(api, BEGINNING, ["Then it rained.", "Parliament adjourned over taxes."])


@either
def test_a_query_is_no_document(api: Api, label: str) -> None:
    """A text has a similar but different vector as a query and as a document."""
    require_purposes_differ(api, label, TEXTS[2])
