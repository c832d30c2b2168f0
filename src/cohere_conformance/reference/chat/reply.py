"""The parts of a reply, in a form for both versions of the API."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cohere_conformance.reference.chat.prompt import Passage


@dataclass(frozen=True)
class ReplyCitation:
    """A cited part of the reply: the characters from `start` to before `end`, with their sources."""

    start: int
    end: int
    text: str
    passages: tuple[Passage, ...]

    def backed_by(self, passage: Passage) -> ReplyCitation:
        """Return the citation with one more source."""
        return replace(self, passages=(*self.passages, passage))

    def moved(self, by: int) -> ReplyCitation:
        """Return the citation for a text in which it starts later."""
        return replace(self, start=self.start + by, end=self.end + by)


@dataclass(frozen=True)
class ToolCall:
    """A tool call of the model."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """A text with its citations, before limits are applied."""

    text: str
    citations: tuple[ReplyCitation, ...] = ()


@dataclass(frozen=True)
class ModelReply:
    """The final reply of the model.

    Attributes:
        text: the text; with tool calls, the plan.
        finish: COMPLETE, MAX_TOKENS, STOP_SEQUENCE, TOOL_CALL, or ERROR.
        output_tokens: the generated tokens, with those of the thinking.
        thinking: the thinking; `""` for none.
        calls: the tool calls.
        citations: in the order of their start.
        error: the error message, if the finish reason is ERROR.
        error_type: the type of the error.
    """

    text: str
    finish: str
    output_tokens: int
    thinking: str = ""
    calls: tuple[ToolCall, ...] = ()
    citations: tuple[ReplyCitation, ...] = ()
    error: str = ""
    error_type: str = ""
