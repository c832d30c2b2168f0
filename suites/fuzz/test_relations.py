"""Fuzzing: what several responses have in common, with generated inputs.

The relations are those of the other groups, which check them with one input each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cohere_conformance.suites.chat import test_relations as chat
from cohere_conformance.suites.chat import test_relations_v1 as chat_v1
from cohere_conformance.suites.classify import test_relations as classify
from cohere_conformance.suites.datasets import test_relations as datasets
from cohere_conformance.suites.detokenize import test_relations as detokenize
from cohere_conformance.suites.embed import test_relations as embed
from cohere_conformance.suites.generate import test_relations as generate
from cohere_conformance.suites.rerank import test_relations as rerank
from cohere_conformance.suites.tokenize import test_relations as tokenize
from hypothesis import strategies

from cohere_conformance.fuzz.relations import check_relation

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from cohere_conformance.session.api import Api

SENTENCES = [
    "The kettle whistles.",
    "Glaciers shrink.",
    "Who mends violins?",
    "Oil the chain of a bicycle after rain.",
    "The museum is closed on Mondays.",
    "Wheat is sown in autumn.",
    "The parcel never arrived.",
    "Our goalkeeper saved two penalties.",
]
"""Texts about different subjects, so that no model can confuse them."""
PIECES = [*tokenize.TEXTS.values(), "a", " ", "\n", "0", "ß", "漢", "🙂"]
SUBJECTS = ["the tides of the North Sea", "bicycles", "a lighthouse", "bread", "the moon"]
PROMPTS = strategies.sampled_from(SUBJECTS).map(lambda subject: f"Three sentences about {subject}.")
UNKNOWN_TOKENS = strategies.integers(max_value=-1) | strategies.integers(2**31 - 1, 2**53)
HIDDEN = strategies.lists(
    strategies.sampled_from(["remark", "author", "pages"]), min_size=1, max_size=3, unique=True
)
SOME = strategies.lists(strategies.sampled_from(SENTENCES), min_size=2, max_size=5, unique=True)
NAMES = strategies.text("abcxyzABCXYZ0189-", min_size=1, max_size=16)


def each(*labels: str) -> pytest.MarkDecorator:
    """Return a mark that runs a test for each operation that the run is about."""
    parameters = [pytest.param(label, marks=pytest.mark.operations(label)) for label in labels]
    return pytest.mark.parametrize("label", parameters, ids=["v1", "v2"])


@strategies.composite
def reordered(draw: DrawFn) -> tuple[list[str], list[int]]:
    """Draw at least three texts, and another order of them."""
    texts = draw(strategies.lists(strategies.sampled_from(SENTENCES), min_size=3, max_size=6, unique=True))
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
    texts = strategies.sampled_from(SENTENCES)
    check_relation(api, texts, lambda api, text: embed.require_repeatable(api, label, text))


@each(*rerank.LABELS)
def test_rerank_order(api: Api, label: str) -> None:
    """Documents in another order keep their scores."""
    check_relation(api, reordered(), lambda api, drawn: rerank.require_same_scores(api, label, *drawn))


@each(*rerank.LABELS)
def test_rerank_top_n(api: Api, label: str) -> None:
    """With `top_n` the results are the best of the complete list."""
    drawn = strategies.tuples(SOME, strategies.integers(1, 5))
    check_relation(api, drawn, lambda api, drawn: rerank.require_beginning(api, label, *drawn))


@pytest.mark.operations(classify.CLASSIFY)
def test_classify_independent(api: Api) -> None:
    """A text has the same confidences alone, among others, and in another order."""
    check_relation(api, SOME, classify.require_independent)


@pytest.mark.operations(tokenize.TOKENIZE, tokenize.DETOKENIZE)
def test_tokenize_reversible(api: Api) -> None:
    """The tokens of a text give the text back."""
    texts = strategies.lists(strategies.sampled_from(PIECES), min_size=1, max_size=4).map("".join)
    check_relation(api, texts, lambda api, text: tokenize.require_reversible(api, text, "generated"))


@pytest.mark.operations(tokenize.TOKENIZE)
def test_tokenize_repeatable(api: Api) -> None:
    """A text has the same tokens twice."""
    texts = strategies.lists(strategies.sampled_from(PIECES), min_size=1, max_size=4).map("".join)
    check_relation(api, texts, tokenize.require_repeatable)


@pytest.mark.operations(detokenize.DETOKENIZE)
def test_detokenize_foreign(api: Api) -> None:
    """A token outside the vocabulary is rejected."""
    check_relation(api, UNKNOWN_TOKENS, detokenize.require_refused)


@pytest.mark.operations(detokenize.TOKENIZE, detokenize.DETOKENIZE)
def test_detokenize_joined(api: Api) -> None:
    """Two lists of tokens joined give their two texts joined."""
    texts = strategies.sampled_from(SENTENCES)
    pairs = strategies.tuples(texts.map("{} ".format), texts)
    check_relation(api, pairs, lambda api, pair: detokenize.require_joined(api, *pair))


@pytest.mark.operations(generate.GENERATE)
def test_generate_same_end(api: Api) -> None:
    """`stop_sequences` keeps the sequence in the text, and `end_sequences` cuts it off."""
    check_relation(api, PROMPTS, generate.require_same_end)


@pytest.mark.operations(generate.GENERATE)
def test_generate_same_stream(api: Api) -> None:
    """The generation is the same with and without streaming."""
    check_relation(api, PROMPTS, generate.require_same_stream)


@pytest.mark.operations(chat.CHAT)
def test_chat_repeatable(api: Api) -> None:
    """The same request gets the same text twice, with temperature 0 and a seed."""
    check_relation(api, PROMPTS, chat.require_repeatable)


@pytest.mark.operations(chat.CHAT)
def test_chat_same_stream(api: Api) -> None:
    """A stream says the same as the response without streaming."""
    messages = strategies.sampled_from(SENTENCES).map(lambda text: chat.user(f"Repeat exactly: {text}"))
    check_relation(
        api,
        messages,
        lambda api, message: chat.require_same_stream(api, message, max_tokens=60, **chat.REPEATABLE),
    )


@pytest.mark.operations(chat_v1.CHAT)
def test_chat_v1_same_stream(api: Api) -> None:
    """The text and the finish reason are the same with and without streaming."""
    check_relation(api, PROMPTS, chat_v1.require_same_stream)


@pytest.mark.operations(chat_v1.CHAT)
def test_chat_v1_hidden(api: Api) -> None:
    """Properties of a document that are hidden from the model are still in the response."""
    check_relation(api, HIDDEN, chat_v1.ask_with_hidden)


@pytest.mark.operations(datasets.CREATE, datasets.GET, datasets.DELETE)
def test_datasets_echo(api: Api) -> None:
    """A dataset has the name and the type of its upload."""
    check_relation(api, NAMES, datasets.require_echo)
