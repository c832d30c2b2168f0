"""Grounded replies: sentences of the sources that match the question, each with its citation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.reference.chat import words
from cohere_conformance.reference.chat.reply import Draft, ReplyCitation

if TYPE_CHECKING:
    from cohere_conformance.reference.chat.prompt import Passage

_MOST = 4
"""The maximum number of statements in a reply."""
_LONGEST = 400
_TITLES = frozenset({"title", "name", "id", "url", "source"})
_PROSE = frozenset({"text", "content", "snippet", "body", "data", "summary", "abstract"})
_LEADS = ("According to what I was given: ", "This is what I found. ", "Here is what the sources say. ")
_NO_MATCH = "Nothing that I was given answers that directly. The closest is this: "


@dataclass(frozen=True)
class _Statement:
    """One statement of a passage: the cited text, the text before and after it, and its relevance."""

    before: str
    cited: str
    after: str
    score: int
    passage: Passage


def grounded(question: str, passages: tuple[Passage, ...], key: tuple[object, ...]) -> Draft:
    """Return a reply based on passages, with a citation for each statement.

    Args:
        question: the question of the user.
        passages: at least one.
        key: selects the wording, together with the question.
    """
    wanted = words.stems(question)
    found = [statement for passage in passages for statement in _statements(passage, wanted)]
    # Sorting is stable: statements with the same score keep their order.
    best = sorted((one for one in found if one.score), key=lambda one: -one.score)[:_MOST]
    outputs = [one for one in found if one.passage.kind == "tool"]
    if outputs:
        # The output of a tool is relevant, even without words of the question.
        best = [one for one in best if one.passage.kind != "tool"] + outputs[:_MOST]
    matched = bool(best)
    chosen = sorted(best or found[:1], key=found.index)
    if not chosen:
        return Draft("There is nothing in what I was given that I could answer from.")
    text = words.choose(_LEADS, "lead", *key) if matched else _NO_MATCH
    citations: list[ReplyCitation] = []
    cited: dict[tuple[str, str], int] = {}
    for statement in chosen:
        same = (statement.before, statement.cited)
        if same in cited:
            number = cited[same]
            earlier = citations[number]
            if statement.passage not in earlier.passages:
                citations[number] = earlier.backed_by(statement.passage)
            continue
        cited[same] = len(citations)
        text += "" if text.endswith(" ") else " "
        start = len(text) + len(statement.before)
        text += statement.before + statement.cited + statement.after
        end = start + len(statement.cited)
        citations.append(ReplyCitation(start, end, statement.cited, (statement.passage,)))
    return Draft(text, tuple(citations))


def _statements(passage: Passage, wanted: frozenset[str]) -> list[_Statement]:
    """Return the statements of a passage, field by field; its title counts for the relevance only."""
    bodies = [field for field in passage.fields if field[0].lower() not in _TITLES] or passage.fields
    titles = [text for name, text in passage.fields if (name, text) not in bodies]
    title = words.stems(" ".join(titles))
    found = []
    for name, text in bodies:
        prose = words.sentences(text)
        for sentence in prose:
            if len(prose) == 1 and name.lower() not in _PROSE and _is_value(sentence):
                before, cited, after = f"The {_spoken(name)} is ", sentence, "."
                about = words.stems(f"{name} {sentence}")
            else:
                cited = words.shortened(sentence, _LONGEST) if len(sentence) > _LONGEST else sentence
                bare = cited.rstrip(".!?。！？ ")
                before, cited, after = "", bare or cited, cited[len(bare) :] or "."
                about = words.stems(sentence)
            score = 2 * words.overlap(wanted, about) + words.overlap(wanted, title)
            found.append(_Statement(before, cited, after if after.strip() else ".", score, passage))
    return found


def _is_value(sentence: str) -> bool:
    """Return whether a field is a value, such as a price, that means nothing without its name."""
    return len(words.words(sentence)) < 7 and sentence[-1] not in ".!?。！？"


def _spoken(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").split()) or "value"
