"""The parts of a reply, before either version of the API puts them into its own words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cohere_conformance.reference.chat.prompt import Passage


@dataclass(frozen=True)
class ReplyCitation:
    """A stretch of the reply that passages back: code points from `start` to before `end`."""

    start: int
    end: int
    text: str
    passages: tuple[Passage, ...]

    def backed_by(self, passage: Passage) -> ReplyCitation:
        """Return the citation with one more source."""
        return replace(self, passages=(*self.passages, passage))

    def moved(self, by: int) -> ReplyCitation:
        """Return the citation for a text in which it stands further back."""
        return replace(self, start=self.start + by, end=self.end + by)


@dataclass(frozen=True)
class ToolCall:
    """A call that the model wants made."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """A text with its citations, before lengths are looked at."""

    text: str
    citations: tuple[ReplyCitation, ...] = ()


@dataclass(frozen=True)
class ModelReply:
    """The final reply.

    Attributes:
        text: what it says; for tool calls, the plan.
        finish: COMPLETE, MAX_TOKENS, STOP_SEQUENCE, TOOL_CALL, or ERROR.
        output_tokens: tokens that were written, thinking included.
        thinking: what came before the text; `""` for none.
        calls: calls to be made.
        citations: by their start.
        error: what went wrong, where the finish reason is ERROR.
        error_type: its kind.
    """

    text: str
    finish: str
    output_tokens: int
    thinking: str = ""
    calls: tuple[ToolCall, ...] = ()
    citations: tuple[ReplyCitation, ...] = ()
    error: str = ""
    error_type: str = ""
