"""The relevance of a text to a query, of a whole document and of a part of one."""

from __future__ import annotations

import math
from functools import lru_cache

from cohere_conformance.reference.words import bag, likeness, number, weight


@lru_cache(maxsize=4096)
def relevance(model: str, query: str, text: str) -> float:
    """Return the relevance of a text to a query, from 0 to 1, independent of the other documents.

    Most of the score is the share of the query's words that occur in the text; a text with few other words
    scores a bit higher. A small pseudo-random part, which depends on the model, breaks ties.
    """
    asked, found = bag(query), bag(text)
    whole_query = sum(weight(word) for word in asked)
    mentioned = sum(weight(word) for word in asked if word in found) / whole_query if whole_query else 0.0
    fit = 0.7 * mentioned + 0.3 * likeness(asked, found)
    chance = number("rerank", model, query, text) / 2**64
    return round(0.0005 + 0.99 * math.pow(fit, 1.5) + 0.0005 * chance, 8)
