"""Inputs of relations that several modules draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

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
TEXT = strategies.sampled_from(SENTENCES)
TWO_TEXTS = strategies.lists(TEXT, min_size=2, max_size=2, unique=True).map(tuple)
SOME = strategies.lists(TEXT, min_size=2, max_size=5, unique=True)
SUBJECTS = ["the tides of the North Sea", "bicycles", "a lighthouse", "bread", "the moon"]
PROMPTS = strategies.sampled_from(SUBJECTS).map(lambda subject: f"Three sentences about {subject}.")
NAMES = strategies.text("abcxyzABCXYZ0189-", min_size=1, max_size=16)
WORDS = strategies.text("abcdeghilmnorstu", min_size=3, max_size=10)
"""Names of columns and parameters."""


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
