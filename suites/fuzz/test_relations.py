"""Fuzzing: what several vectors, scores and lists of tokens have in common, with generated inputs.

The relations are those of the other groups, which check them with one input each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cohere_conformance.suites.classify import test_relations as classify
from cohere_conformance.suites.detokenize import test_relations as detokenize
from cohere_conformance.suites.embed import test_relations as embed
from cohere_conformance.suites.rerank import test_relations as rerank
from cohere_conformance.suites.rerank import test_spans as spans
from cohere_conformance.suites.tokenize import test_relations as tokenize
from hypothesis import strategies

from cohere_conformance.fuzz.relations import check_relation
from cohere_conformance.fuzz.texts import SENTENCES, SOME_TEXTS, TEXT, TWO_TEXTS

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from cohere_conformance.session.api import Api

FEW = strategies.lists(TEXT, min_size=2, max_size=3, unique=True)
TYPES = strategies.lists(strategies.sampled_from(embed.FURTHER_TYPES), min_size=1, unique=True)
BEGINNINGS = strategies.sampled_from([embed.BEGINNING, *(f"{text} {embed.BEGINNING}" for text in SENTENCES)])
RANKED = strategies.lists(
    strategies.sampled_from([*rerank.DOCUMENTS, *SENTENCES]), min_size=4, max_size=6, unique=True
)
"""Documents, the first of which have different scores."""
OFF_TOPIC = strategies.lists(
    TEXT.filter(lambda text: "bicycle" not in text), min_size=2, max_size=4, unique=True
)
PARAGRAPHS = strategies.permutations(spans.SENTENCES).map(" ".join)
PIECES = [*tokenize.TEXTS.values(), "a", " ", "\n", "0", "ß", "漢", "🙂"]
PIECED = strategies.lists(strategies.sampled_from(PIECES), min_size=1, max_size=4).map("".join)
UNKNOWN_TOKENS = strategies.integers(max_value=-1) | strategies.integers(2**31 - 1, 2**53)


def each(*labels: str) -> pytest.MarkDecorator:
    """Return a mark that runs a test for each operation that the run is about."""
    parameters = [pytest.param(label, marks=pytest.mark.operations(label)) for label in labels]
    return pytest.mark.parametrize("label", parameters, ids=["v1", "v2"])


@strategies.composite
def reordered(draw: DrawFn) -> tuple[list[str], list[int]]:
    """Draw at least three texts, and another order of them."""
    texts = draw(strategies.lists(TEXT, min_size=3, max_size=6, unique=True))
    indexes = list(range(len(texts)))
    # Two texts that are swapped twice are where they were.
    return texts, draw(strategies.permutations(indexes).filter(lambda order: order[0] != 0 or order[1] != 1))


@each(*embed.LABELS)
def test_embed_order(api: Api, label: str) -> None:
    """Texts in another order get their vectors in that order."""
    check_relation(api, reordered(), lambda api, drawn: embed.require_order(api, label, *drawn))


@each(*embed.LABELS)
def test_embed_repeatable(api: Api, label: str) -> None:
    """A text has the same vector in one request and in the next one."""
    check_relation(api, TEXT, lambda api, text: embed.require_repeatable(api, label, text))


@each(*embed.LABELS)
def test_embed_batch(api: Api, label: str) -> None:
    """Texts have the same vectors, and are billed the same, in one request and in several."""
    check_relation(api, FEW, lambda api, texts: embed.require_batch(api, label, texts))


@pytest.mark.operations(embed.V2)
def test_embed_beginning(api: Api) -> None:
    """A shorter vector is the beginning of the long one."""
    drawn = strategies.tuples(TEXT, strategies.sampled_from([256, 512, 1024]))
    check_relation(api, drawn, lambda api, drawn: embed.require_beginning(api, *drawn))


@pytest.mark.operations(*embed.LABELS)
def test_embed_versions(api: Api) -> None:
    """Both versions of the API return the same vector."""
    check_relation(api, TEXT, embed.require_versions_agree)


@each(*embed.LABELS)
def test_embed_types(api: Api, label: str) -> None:
    """Further types make no difference to a float vector."""
    drawn = strategies.tuples(TEXT, TYPES)
    check_relation(api, drawn, lambda api, drawn: embed.require_types_independent(api, label, *drawn))


@pytest.mark.operations(embed.V1)
def test_embed_no_type(api: Api) -> None:
    """Vectors without a type are those with the type float."""
    check_relation(api, SOME_TEXTS, embed.require_types_optional)


@pytest.mark.operations(embed.V2)
def test_embed_cut(api: Api) -> None:
    """Texts that differ only beyond `max_tokens` have the same vector."""
    drawn = strategies.tuples(BEGINNINGS, TWO_TEXTS)
    check_relation(api, drawn, lambda api, drawn: embed.require_cut(api, *drawn))


@each(*embed.LABELS)
def test_embed_purposes(api: Api, label: str) -> None:
    """A text has a similar but different vector as a query and as a document."""
    check_relation(api, TEXT, lambda api, text: embed.require_purposes_differ(api, label, text))


@each(*rerank.LABELS)
def test_rerank_order(api: Api, label: str) -> None:
    """Documents in another order keep their scores."""
    check_relation(api, reordered(), lambda api, drawn: rerank.require_same_scores(api, label, *drawn))


@each(*rerank.LABELS)
def test_rerank_top_n(api: Api, label: str) -> None:
    """With `top_n` the results are the best of the complete list."""
    drawn = strategies.tuples(RANKED, strategies.integers(1, 5))
    check_relation(api, drawn, lambda api, drawn: rerank.require_beginning(api, label, *drawn))


@each(*rerank.LABELS)
def test_rerank_pointwise(api: Api, label: str) -> None:
    """Documents have the same scores with and without further documents."""
    drawn = strategies.tuples(RANKED, strategies.integers(1, 3))
    check_relation(api, drawn, lambda api, drawn: rerank.require_pointwise(api, label, *drawn))


@each(*rerank.LABELS)
def test_rerank_copies(api: Api, label: str) -> None:
    """Documents that are sent twice have the same score twice."""
    check_relation(api, RANKED, lambda api, texts: rerank.require_equal_copies(api, label, texts))


@each(*rerank.LABELS)
def test_rerank_repeatable(api: Api, label: str) -> None:
    """The same request, sent twice, gets the same scores."""
    check_relation(api, RANKED, lambda api, texts: rerank.require_repeatable(api, label, texts))


@pytest.mark.operations(*rerank.LABELS)
def test_rerank_versions(api: Api) -> None:
    """Both versions of the API rank the same documents in the same order."""
    check_relation(api, RANKED, rerank.require_versions_agree)


@each(*rerank.LABELS)
def test_rerank_on_topic(api: Api, label: str) -> None:
    """The only document about the subject of the query is ranked first, wherever it is."""
    drawn = strategies.tuples(OFF_TOPIC, strategies.integers(0, 4))
    check_relation(api, drawn, lambda api, drawn: rerank.require_on_topic(api, label, *drawn))


@each(*rerank.LABELS)
def test_rerank_search_units(api: Api, label: str) -> None:
    """Many documents are billed by the hundred."""
    numbers = strategies.integers(101, 250)
    check_relation(api, numbers, lambda api, number: rerank.require_search_units(api, label, number))


@pytest.mark.operations(rerank.V1)
def test_rerank_chunks(api: Api) -> None:
    """More than 10,000 chunks are rejected."""
    check_relation(api, strategies.integers(101, 250), rerank.require_chunks_refused)


@pytest.mark.operations(spans.RERANK)
def test_rerank_best_span(api: Api) -> None:
    """With `max_spans` 1 the span of a document is the best one."""
    check_relation(api, PARAGRAPHS, spans.require_best)


@pytest.mark.operations(spans.RERANK)
def test_rerank_selected_spans(api: Api) -> None:
    """A threshold selects the spans of the complete list that reach it."""
    check_relation(api, PARAGRAPHS, spans.require_selected)


@pytest.mark.operations(spans.RERANK)
def test_rerank_scores_with_spans(api: Api) -> None:
    """With and without spans the documents have the same scores."""
    drawn = strategies.tuples(PARAGRAPHS, strategies.sampled_from([0.1, 0.2, 0.5]))
    check_relation(api, drawn, lambda api, drawn: spans.require_scores_kept(api, *drawn))


@pytest.mark.operations(classify.CLASSIFY)
def test_classify_independent(api: Api) -> None:
    """A text has the same confidences alone, among others, and in another order."""
    check_relation(api, SOME_TEXTS, classify.require_independent)


@pytest.mark.operations(tokenize.DETOKENIZE, tokenize.TOKENIZE)
def test_tokenize_reversible(api: Api) -> None:
    """The tokens of a text give the text back."""
    check_relation(api, PIECED, lambda api, text: tokenize.require_reversible(api, text, "generated"))


@pytest.mark.operations(tokenize.TOKENIZE)
def test_tokenize_repeatable(api: Api) -> None:
    """A text has the same tokens twice."""
    check_relation(api, PIECED, tokenize.require_repeatable)


@pytest.mark.operations(tokenize.TOKENIZE)
def test_tokenize_longest(api: Api) -> None:
    """A text that is longer than allowed is rejected."""
    drawn = strategies.tuples(TEXT, strategies.integers(1, 9))
    check_relation(api, drawn, lambda api, drawn: tokenize.require_longest(api, *drawn))


@pytest.mark.operations(detokenize.DETOKENIZE)
def test_detokenize_foreign(api: Api) -> None:
    """A token outside the vocabulary is rejected."""
    check_relation(api, UNKNOWN_TOKENS, detokenize.require_refused)


@pytest.mark.operations(detokenize.TOKENIZE, detokenize.DETOKENIZE)
def test_detokenize_inverse(api: Api) -> None:
    """The tokens of a text give that text, also with a leading space."""
    check_relation(api, TEXT.map(" {}".format) | TEXT, detokenize.require_inverse)


@pytest.mark.operations(detokenize.TOKENIZE, detokenize.DETOKENIZE)
def test_detokenize_joined(api: Api) -> None:
    """Two lists of tokens joined give their two texts joined."""
    pairs = strategies.tuples(TEXT.map("{} ".format), TEXT)
    check_relation(api, pairs, lambda api, pair: detokenize.require_joined(api, *pair))
