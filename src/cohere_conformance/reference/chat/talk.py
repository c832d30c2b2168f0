"""Replies without sources: generated from the conversation, always the same for the same request."""

from __future__ import annotations

import operator
import re
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import TYPE_CHECKING

from cohere_conformance.reference.chat import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.reference.chat.prompt import Prompt

_GREETING = re.compile(r"(?:hi|hello|hey|good (?:morning|evening|afternoon|day))\b[^?]{0,60}$", re.IGNORECASE)
_THANKS = re.compile(r"(?:many )?thank(?:s| you)\b", re.IGNORECASE)
_REPEAT = re.compile(
    r"(?:please )?(?:say|repeat|echo|(?:reply|respond|answer)(?: only)? with)"
    r"(?: exactly| only| just| the words?| the phrase| after me| back)*[: ]+(?P<what>.+)",
    re.IGNORECASE | re.DOTALL,
)
_SUM = re.compile(
    r"(?<![\w.])(\d{1,12}(?:\.\d{1,6})?)\s*([-+*/x×÷]|plus|minus|times)\s*(\d{1,12}(?:\.\d{1,6})?)(?![\w])"
)
_BRIEF = re.compile(r"\b(?:brief|short|concise|one sentence|one word|terse)", re.IGNORECASE)
_LENGTHY = re.compile(
    r"\b(?:write|tell|explain|describe|story|poem|essay|novel|list|draft|compose)\b", re.IGNORECASE
)
_COUNTED: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": operator.add,
    "plus": operator.add,
    "-": operator.sub,
    "minus": operator.sub,
    "*": operator.mul,
    "x": operator.mul,
    "×": operator.mul,
    "times": operator.mul,
    "/": operator.truediv,
    "÷": operator.truediv,
}
_UNSAFE = re.compile(
    r"\b(?:build|make|assemble|construct|synthesi[sz]e|get|buy|write|create)\b.{0,40}"
    r"\b(?:bombs?|explosives?|nerve agents?|bioweapons?|ransomware|malware)\b"
    r"|\bhow (?:to|do i|can i) (?:kill|poison|murder|stab)\b|\b(?:hurt|kill) (?:myself|somebody|someone)\b",
    re.IGNORECASE | re.DOTALL,
)
_DELICATE = re.compile(r"\b(?:gambling|weapons?|violence|drugs?|sexual|pornograph\w*)\b", re.IGNORECASE)
_OPENERS = (
    "Gladly.",
    "Of course.",
    "Thank you for asking.",
    "That is a good thing to ask.",
    "Let me see.",
)
_BODY = (
    "Begin with {0}: everything else follows from it.",
    "Then there is {1}, which people often overlook.",
    "Between {0} and {1} there is more room than it seems at first.",
    "Somebody who knows {1} well would start from {2}.",
    "{2} asks for patience, and rewards it.",
    "In the end {0} comes back, a little changed.",
    "One could say much more of {2}, and nothing that {0} does not hint at already.",
    "That leaves {1} to think about tomorrow.",
)
_REFUSALS = (
    "I am sorry, but I cannot help with that. If somebody is in danger, please call the emergency services.",
    "I cannot help with that request, because it could hurt people. I will gladly help with something else.",
)


def refusal(prompt: Prompt, mode: str, key: tuple[object, ...]) -> str:
    """Return the refusal of a request that the safety mode forbids, `""` if it is allowed.

    Args:
        prompt: the conversation.
        mode: CONTEXTUAL, STRICT, or OFF (NONE in version 1).
        key: selects the wording.
    """
    asked = prompt.question
    forbidden = mode not in {"OFF", "NONE"} and _UNSAFE.search(asked)
    if forbidden or (mode == "STRICT" and _DELICATE.search(asked)):
        return words.choose(_REFUSALS, "refusal", *key)
    return ""


def reply(prompt: Prompt, key: tuple[object, ...]) -> str:
    """Return a reply to the last message of the user.

    Args:
        prompt: the conversation.
        key: selects the wording.
    """
    asked = prompt.question.strip()
    if prompt.pictures:
        return " ".join(picture.description for picture in prompt.pictures)
    if _GREETING.match(asked):
        return words.choose(("Hello! What can I do for you?", "Good day! How can I help?"), "greeting", *key)
    if _THANKS.match(asked):
        return words.choose(("You are welcome.", "It was a pleasure."), "thanks", *key)
    return _repeated(asked) or _counted(asked) or _talk(prompt, asked, key)


def _repeated(asked: str) -> str:
    """Return the words that the user asked to repeat."""
    match = _REPEAT.match(asked)
    if match is None:
        return ""
    marked = words.quoted(match["what"])
    return marked[0] if marked else match["what"].strip()


def _counted(asked: str) -> str:
    match = _SUM.search(asked)
    if match is None:
        return ""
    first, sign, second = match.groups()
    try:
        value = _COUNTED[sign](Decimal(first), Decimal(second))
    except (DivisionByZero, InvalidOperation):
        return f"{first} cannot be divided by {second}."
    plain = f"{value:f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return f"{first} {sign} {second} is {plain}."


def _talk(prompt: Prompt, asked: str, key: tuple[object, ...]) -> str:
    about = [word for word in words.topics(asked) if not _LENGTHY.match(word)]
    instruction = next(iter(words.sentences(prompt.system)), "")
    brief = bool(_BRIEF.search(f"{prompt.system} {asked}"))
    said = [] if brief else [words.choose(_OPENERS, "opener", *key)]
    if remembered := _remembered(prompt, asked):
        said.append(f'Earlier you said: "{remembered}"')
    else:
        said.append(f"You {'ask' if asked.endswith('?') else 'wrote'}: {_quotation(asked)}")
    if instruction and not brief:
        said.append(f"I keep to my instructions: {_quotation(instruction)}")
    if _LENGTHY.search(asked) and not brief:
        said += _lengthy(about, key)
    elif not brief and not remembered:
        said.append(
            "I answer from this conversation alone; give me a document or a tool, and I will draw on that."
        )
    return " ".join(said)


def _quotation(text: str) -> str:
    """Return a text in quotation marks, as the end of a sentence."""
    short = words.shortened(text)
    return f'"{short}"' if short[-1:] in ".!?" else f'"{short}".'


def _lengthy(about: list[str], key: tuple[object, ...]) -> list[str]:
    named = [*about[:3], "the matter", "the details", "the rest"][:3]
    start = words.draw("body", *key) % len(_BODY)
    lines = [line.format(*named) for line in (*_BODY[start:], *_BODY[:start])]
    return [line[0].upper() + line[1:] for line in lines]


def _remembered(prompt: Prompt, asked: str) -> str:
    """Return the latest statement of the user on the topic of the question."""
    wanted = words.stems(asked)
    if not asked.endswith("?"):
        return ""
    earlier = [turn.text for turn in prompt.turns[:-1] if turn.role == "user"]
    for text in reversed(earlier):
        for sentence in words.sentences(text):
            if not sentence.endswith("?") and words.overlap(wanted, words.stems(sentence)):
                return words.shortened(sentence, 200)
    return ""


def thought(prompt: Prompt) -> str:
    """Return the thinking of a reasoning model."""
    about = words.listed([words.shortened(word, 40) for word in words.topics(prompt.question)[:4]])
    thoughts = [f"The user writes about {about}." if about else "The user wrote a short message."]
    if prompt.system:
        thoughts.append("There is a system message, so I keep to it.")
    if prompt.passages:
        thoughts.append(f"I was given {len(prompt.passages)} source(s), so I look for sentences on that.")
    elif prompt.tools:
        thoughts.append(f"I could use {words.listed([tool.name for tool in prompt.tools[:4]])}.")
    else:
        thoughts.append("I was given no sources, so I answer from the conversation.")
    return " ".join(thoughts)
