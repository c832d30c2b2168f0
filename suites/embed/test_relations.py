"""Embed: a text has one vector, whatever else the request contains."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, NamedTuple

import pytest
from msgspec import Meta

from cohere_conformance.session.noise import need_beyond_noise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.session.api import Api, ApiResponse

V1, V2 = LABELS = "POST /v1/embed", "POST /v2/embed"
pytestmark = pytest.mark.operations(*LABELS)
either = pytest.mark.parametrize("label", LABELS, ids=["v1", "v2"])
TEXTS = ["Kettles whistle.", "Glaciers shrink.", "Violins age."]
BEGINNING = "Nine brown hens sat beside the old stone wall and slept."
"""Longer than eight tokens."""
FURTHER_TYPES = ["int8", "uint8", "binary", "ubinary", "base64"]
ALIKE = 0.9996
REPEATED = 3
"""How often requests are sent again whose vectors differ."""
VECTORS = "/embeddings/float/*"

Vector = Annotated[list[Annotated[float, Meta(ge=-1e9, le=1e9)]], Meta(min_length=1)]
"""A vector whose components can be squared and added without overflow."""


class Sample(NamedTuple):
    """Vectors, and the responses that have them."""

    responses: list[ApiResponse]
    vectors: list[Vector]


Sender = Callable[[], Sample]


def embedded(api: Api, label: str, texts: list[str], **further: object) -> ApiResponse:
    """Embed texts as float vectors."""
    body = {
        "model": api.models["embed"],
        "input_type": "search_document",
        "embedding_types": ["float"],
        "texts": texts,
    }
    return api.call(label, body=body | further)


def sampled(api: Api, *responses: ApiResponse) -> Sample:
    """Return the only float vector of each response."""
    return Sample(list(responses), [floats(api, response, 1)[0] for response in responses])


def floats(api: Api, response: ApiResponse, number: int, least: int | None = None) -> list[Vector]:
    """Return the float vectors of a response, of any dimension; as many as expected, or at least some."""
    found = response.at("/embeddings/float", list[Vector], despite_requirements=True)
    api.need((least or number) <= len(found) <= number, f"{number} vectors")
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


def distance(first: list[Vector], second: list[Vector]) -> float:
    """Return how much the vectors of two samples differ at most: 0 if they are the same."""
    return max(1 - likeness(one, other) for one, other in zip(first, second, strict=True))


def require_alike(
    api: Api, requirement: str, one: Sender, other: Sender, what: str, location: str = VECTORS
) -> tuple[Sample, Sample]:
    """Require that two senders get the same vectors up to rounding, as far as each of them does."""
    first, second = one(), other()
    if distance(first.vectors, second.vectors) > 1 - ALIKE:
        ones = [first.vectors, *(one().vectors for _ in range(REPEATED))]
        others = [second.vectors, *(other().vectors for _ in range(REPEATED))]
        need_beyond_noise(ones, others, distance, 1 - ALIKE)
    pairs = list(zip(first.vectors, second.vectors, strict=True))
    require_same(api, requirement, second.responses[-1], pairs, what, location)
    return first, second


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
    first = floats(api, embedded(api, label, [text] * 3), 3, least=2)
    response = embedded(api, label, [text] * 3)
    second = floats(api, response, 3, least=2)
    pairs = [(first[-2], first[-1]), *zip(first[:2], second, strict=False)]
    require_same(api, "embed.repeatable", response, pairs, "the same vector for the same text")


def require_batch(api: Api, label: str, texts: list[str]) -> None:
    """Require that texts have the same vectors, and are billed the same, in one request and in several."""

    def together() -> Sample:
        response = embedded(api, label, texts)
        return Sample([response], floats(api, response, len(texts)))

    def alone() -> Sample:
        return sampled(api, *(embedded(api, label, [text]) for text in texts))

    what = "the vectors that the texts have in one request"
    batch, singles = require_alike(api, "embed.batch", together, alone, what)
    responses = [*batch.responses, *singles.responses]
    billed = [response.at("/meta/billed_units/input_tokens", float | None) for response in responses]
    if None not in billed:
        api.require(
            "embed.units-additive",
            billed[0] == sum(billed[1:]),
            responses[-1],
            location="/meta/billed_units/input_tokens",
            expected="the tokens that are billed for all in one request",
            observed={"in one request": billed[0], "in several": billed[1:]},
        )


def require_beginning(api: Api, text: str, dimension: int) -> None:
    """Require that a vector with `output_dimension` begins like the long one."""

    def long() -> Sample:
        sample = sampled(api, embedded(api, V2, [text], output_dimension=1536))
        return sample._replace(vectors=[sample.vectors[0][:dimension]])

    def short() -> Sample:
        return sampled(api, embedded(api, V2, [text], output_dimension=dimension))

    what = f"the first {dimension} components of the long vector"
    require_alike(api, "embed.shorter", long, short, what)


def require_versions_agree(api: Api, text: str) -> None:
    """Require that versions 1 and 2 of the API return the same vector."""
    old, new = (lambda label=label: sampled(api, embedded(api, label, [text])) for label in LABELS)
    require_alike(api, "embed.versions-agree", old, new, "the vector of version 1")


def require_types_independent(api: Api, label: str, text: str, types: list[str]) -> None:
    """Require that the float vector is the same when `embedding_types` has further types."""

    def alone() -> Sample:
        return sampled(api, embedded(api, label, [text]))

    def together() -> Sample:
        return sampled(api, embedded(api, label, [text], embedding_types=["float", *types]))

    require_alike(api, "embed.types-independent", alone, together, "the vector that float alone has")


def require_types_optional(api: Api, texts: list[str]) -> None:
    """Require that version 1 returns the same vectors with the type float and without a type."""
    body = {"model": api.models["embed"], "input_type": "search_document", "texts": texts}

    def typed() -> Sample:
        response = embedded(api, V1, texts)
        return Sample([response], floats(api, response, len(texts)))

    def plain() -> Sample:
        response = api.call(V1, body=body)
        found = response.at("/embeddings", list[Vector], despite_requirements=True)
        api.need(len(found) == len(texts), f"{len(texts)} vectors")
        return Sample([response], found)

    what = "the vectors that the type float has"
    require_alike(api, "embed.types-optional", typed, plain, what, "/embeddings/*")


def require_cut(api: Api, beginning: str, ends: Sequence[str]) -> None:
    """Require that two texts that differ only beyond `max_tokens` have the same vector."""
    options = {"max_tokens": 8, "truncate": "END"}
    first, second = (
        lambda text=f"{beginning} {end}": sampled(api, embedded(api, V2, [text], **options)) for end in ends
    )
    what = "one vector for texts that differ beyond max_tokens"
    require_alike(api, "embed.cut-at-end", first, second, what)


def require_purposes_differ(api: Api, label: str, text: str) -> None:
    """Require that a text has a similar but different vector as a query and as a document."""

    def asked() -> Sample:
        return sampled(api, embedded(api, label, [text], input_type="search_query"))

    (document,), query = sampled(api, embedded(api, label, [text])).vectors, asked()
    same = max(abs(a - b) for a, b in zip(document, query.vectors[0], strict=False)) < 1e-6
    close = likeness(document, query.vectors[0])
    if close <= 0.5:
        steady = distance(query.vectors, asked().vectors) <= 1 - ALIKE
        api.need(steady, "the same vector for the same text")
    api.require(
        "embed.purposes-differ",
        not same and close > 0.5,
        query.responses[0],
        location=VECTORS,
        expected="a vector close to that of the document, but not the same",
        observed="the same vector" if same else f"cosine {close:.4f}",
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
