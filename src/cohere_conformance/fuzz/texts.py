"""Texts and names that relations of several groups are checked with."""

from __future__ import annotations

from hypothesis import strategies

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
SOME_TEXTS = strategies.lists(TEXT, min_size=2, max_size=5, unique=True)
WORDS = strategies.text("abcdeghilmnorstu", min_size=3, max_size=10)
"""Names of columns and parameters."""
