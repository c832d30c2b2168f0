"""Continuations of prompts: short sentences on its topics, always the same for the same prompt."""

from __future__ import annotations

import re

from cohere_conformance.reference.words import COMMON

_TOPIC = re.compile(r"[^\W\d_]{4,}")
_FIRST = (
    "It begins with {a}.",
    "There is more to {a} than meets the eye.",
    "Most people think of {a} first.",
    "Nobody had expected {a} to matter that much.",
    "What comes next depends on {a}.",
)
_SECOND = (
    "With a little patience, {b} follows from it.",
    "In the end {a} and {b} belong together.",
    "After that, {b} is only a question of time.",
    "Whoever has seen {b} once will know it again.",
    "Some would rather talk about {b}.",
)
_LAST = (
    "That is how it stays.",
    "The rest is quickly said.",
    "And so it goes on, day after day.",
    "Nothing more needs to be said about {a}.",
    "It is well worth a second look.",
)


def continuation(prompt: str, variant: int, choice: int) -> str:
    """Return the continuation of a prompt.

    Args:
        prompt: the prompt, whose words occur in the continuation.
        variant: the number of the variant.
        choice: a large number that selects the sentences.
    """
    topics = [word for word in _TOPIC.findall(prompt) if word.lower() not in COMMON] or ["this"]
    first = topics[choice % len(topics)]
    second = topics[(choice // 7 + 1) % len(topics)]
    chosen = [
        sentences[(choice // step + variant) % len(sentences)]
        for sentences, step in ((_FIRST, 11), (_SECOND, 13), (_LAST, 17))
    ]
    return "".join(f" {sentence.format(a=first, b=second)}" for sentence in chosen)
