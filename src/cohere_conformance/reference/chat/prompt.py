"""The prompt of the model: turns, tools, sources and images, in one form for both versions of chat."""

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
"""The system prompt before every conversation; its tokens are not billed (B-05)."""
_CACHE_LINE = 16


@dataclass(frozen=True)
class Turn:
    """One turn of a role: `system`, `user`, `assistant` or `tool`."""

    role: str
    text: str

    @property
    def mark(self) -> str:
        """Return the marker before the turn in the prompt."""
        return f"<|{self.role}|>"


@dataclass(frozen=True)
class Passage:
    """One source of a reply.

    Attributes:
        id: of citations.
        kind: a document of the request, or the output of a tool.
        fields: the names and values that the model sees.
        echo: the object that citations repeat.
    """

    id: str
    kind: Literal["document", "tool"]
    fields: tuple[tuple[str, str], ...]
    echo: dict[str, Any]

    @property
    def text(self) -> str:
        """Return it as the text that the model sees."""
        return "\n".join(f"{name}: {value}" for name, value in self.fields)


@dataclass(frozen=True)
class Tool:
    """A function that the model may call; its parameters are a JSON Schema."""

    name: str
    description: str
    parameters: dict[str, Any]

    @property
    def text(self) -> str:
        """Return it as the text that the model sees."""
        return f"{self.name}: {self.description}\n{json.dumps(self.parameters, ensure_ascii=False)}"


@dataclass(frozen=True)
class Picture:
    """An image of a user message: its description and its tokens."""

    description: str
    tokens: int


@dataclass(frozen=True)
class Prompt:
    """Everything that a reply depends on, except the options of the generation.

    Attributes:
        model: of the request.
        system: the system message, `""` without one.
        turns: the conversation without the system message, oldest first.
        passages: the sources of the reply.
        tools: that the model may call.
        answered: whether tool results follow the last message of the user.
        pictures: the images of the conversation.
        raw: whether there is no template around the message.
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
        """Return the last message of the user."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")

    @cached_property
    def billed_input(self) -> int:
        """Return the billed tokens: those of the request, without the template around it."""
        return sum(tokens.count(text) for text in self._sent()) + self._image_tokens

    @cached_property
    def input_tokens(self) -> int:
        """Return the tokens of the prompt: the sum over its parts, so that it grows with each part."""
        return self.billed_input + sum(tokens.count(text) for text in self._template())

    @property
    def cached_tokens(self) -> int:
        """Return the cached tokens: those of the shared system prompt, in full cache lines."""
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
        """Return the prompt, cut to `limit` tokens: the oldest turns are left out, then the last passages.

        Args:
            limit: the maximum number of tokens.
            truncate: whether parts may be left out.

        Raises:
            ApiError: 400, it is too long, even without the parts that may be left out (CH2-R14).
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
    """Return a JSON value as text: a string unchanged, any other value as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def fields_of(content: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the fields of a document or an output; the name of a nested field is its path."""
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
