"""What the model is given: turns, tools, documents and pictures, in one form for both versions of chat."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from cohere_conformance.reference import tokens
from cohere_conformance.reference.handling import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.reference.models import Model

_PREAMBLE = (
    "You are a stand-in for a chat model. You answer the last message of the user, and you keep to what "
    "the system message asks for. What you are given as documents or as results of tools comes first: "
    "you draw on it, sentence by sentence, and you say where each sentence is from. Where tools are "
    "described below, you call those that fit what the user asks for, with arguments that obey their "
    "description. Otherwise you answer from the conversation alone, politely, in plain words, and "
    "without making anything up."
)
"""The system prompt that stands before every conversation; read, but not billed (B-05)."""
_CACHE_LINE = 16


@dataclass(frozen=True)
class Turn:
    """What somebody said: `system`, `user`, `assistant` or `tool`."""

    role: str
    text: str

    @property
    def mark(self) -> str:
        """Return what stands before the turn in the prompt."""
        return f"<|{self.role}|>"


@dataclass(frozen=True)
class Passage:
    """Something that a reply can be grounded in.

    Attributes:
        id: under which it is cited.
        kind: a document of the request, or the output of a tool.
        fields: what the model sees, by name.
        echo: how a citation repeats it.
    """

    id: str
    kind: Literal["document", "tool"]
    fields: tuple[tuple[str, str], ...]
    echo: dict[str, Any]

    @property
    def text(self) -> str:
        """Return everything that the model sees of it."""
        return "\n".join(f"{name}: {value}" for name, value in self.fields)


@dataclass(frozen=True)
class Tool:
    """A function that may be called; its parameters are a JSON Schema."""

    name: str
    description: str
    parameters: dict[str, Any]

    @property
    def text(self) -> str:
        """Return how the model sees it."""
        return f"{self.name}: {self.description}\n{json.dumps(self.parameters, ensure_ascii=False)}"


@dataclass(frozen=True)
class Picture:
    """An image of a user's message: what can be said of it, and how many tokens it makes."""

    description: str
    tokens: int


@dataclass(frozen=True)
class Prompt:
    """Everything that one reply depends on, besides the settings of the generation.

    Attributes:
        model: who replies.
        system: the system message, `""` where there is none.
        turns: the conversation without the system message, oldest first.
        passages: what to ground the reply in.
        tools: what may be called.
        answered: results of tools have come since the user spoke last.
        pictures: images of the conversation.
        raw: no template around the message.
    """

    model: Model
    system: str
    turns: tuple[Turn, ...]
    passages: tuple[Passage, ...] = ()
    tools: tuple[Tool, ...] = ()
    answered: bool = False
    pictures: tuple[Picture, ...] = ()
    raw: bool = False

    @cached_property
    def question(self) -> str:
        """Return what the user said last."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")

    @cached_property
    def billed_input(self) -> int:
        """Return the tokens of what was sent; the template around it is free."""
        return sum(tokens.count(text) for text in self._sent()) + self._image_tokens

    @cached_property
    def input_tokens(self) -> int:
        """Return the tokens of the whole prompt. A sum over its parts: more parts never make it smaller."""
        return self.billed_input + sum(tokens.count(text) for text in self._template())

    @property
    def cached_tokens(self) -> int:
        """Return how much of the prompt is the same for everybody, in whole lines of the cache."""
        return 0 if self.raw else tokens.count(_PREAMBLE) // _CACHE_LINE * _CACHE_LINE

    @cached_property
    def rendered(self) -> str:
        """Return the prompt as one text."""
        return "\n".join([*self._template(), *self._sent()] if not self.raw else self._sent())

    @property
    def _image_tokens(self) -> int:
        return sum(picture.tokens for picture in self.pictures)

    def _template(self) -> Iterator[str]:
        if self.raw:
            return
        yield _PREAMBLE
        yield from (turn.mark for turn in self.turns)

    def _sent(self) -> Iterator[str]:
        if self.system:
            yield self.system
        yield from (tool.text for tool in self.tools)
        yield from (passage.text for passage in self.passages)
        yield from (turn.text for turn in self.turns)

    def fitted(self, limit: int, *, truncate: bool) -> Prompt:
        """Return the prompt within `limit` tokens: older turns go first, then the last passages.

        Args:
            limit: tokens that there is room for.
            truncate: whether anything may go.

        Raises:
            ApiError: 400, it is too long and nothing may go, or what is left is still too long (CH2-R14).
        """
        over, turns, passages = self.input_tokens - limit, list(self.turns), list(self.passages)
        if over <= 0:
            return self
        while truncate and over > 0 and (len(turns) > 1 or passages):
            gone = turns.pop(0) if len(turns) > 1 else passages.pop()
            over -= tokens.count(gone.text)
            if isinstance(gone, Turn) and not self.raw:
                over -= tokens.count(gone.mark)
        if over > 0:
            raise ApiError(
                400,
                f"too many tokens: size limit exceeded by {over} tokens. Try using shorter or fewer inputs, "
                "or prompt_truncation where the endpoint has it",
                error_type="TOO_MANY_TOKENS",
            )
        return replace(self, turns=tuple(turns), passages=tuple(passages))


def as_text(value: object) -> str:
    """Return a JSON value as the model reads it: texts as they are, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def fields_of(content: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the fields of a document or an output, nested ones under the names on the way to them."""
    found: list[tuple[str, str]] = []
    pending = [(str(name), value) for name, value in reversed(content.items())]
    while pending:
        name, value = pending.pop()
        if isinstance(value, dict):
            pending += [(f"{name} {inner}", below) for inner, below in reversed(value.items())]
        elif isinstance(value, list):
            if any(isinstance(item, dict | list) for item in value):
                pending += [(f"{name} {n}", item) for n, item in reversed(list(enumerate(value, 1)))]
            elif value:
                found.append((name, ", ".join(map(as_text, value))))
        elif value is not None:
            found.append((name, as_text(value)))
    return tuple(found)
