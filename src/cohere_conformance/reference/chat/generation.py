"""The generation of a reply from a prompt and options."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import tokens
from cohere_conformance.reference.chat import calling, grounding, jsonmode, talk
from cohere_conformance.reference.chat.reply import Draft, ModelReply, ReplyCitation

if TYPE_CHECKING:
    from cohere_conformance.reference.chat.prompt import Prompt

_LEADS = ("\n", " ", "Well, ", "So: ", "Here: ", "Indeed, ")
"""The start of a reply of which a stop sequence would leave nothing. At most five stop sequences are
accepted, and no two of these start with the same character: one of them always remains."""


@dataclass(frozen=True)
class GenerationOptions:
    """The options of a generation.

    Attributes:
        limit: the maximum number of tokens.
        stops: the stop sequences.
        json: whether to generate a JSON object.
        schema: the JSON Schema of the object.
        choice: REQUIRED, NONE, or `""`.
        thinking: whether to think first.
        budget: the maximum number of tokens for thinking.
        cite: whether to make citations.
        safety: CONTEXTUAL, STRICT, OFF or NONE.
        seed: selects the wording.
    """

    limit: int
    stops: tuple[str, ...] = ()
    json: bool = False
    schema: dict[str, Any] | None = None
    choice: str = ""
    thinking: bool = False
    budget: int | None = None
    cite: bool = True
    safety: str = "CONTEXTUAL"
    seed: int = 0


def generate(prompt: Prompt, settings: GenerationOptions) -> ModelReply:
    """Return the reply to a prompt.

    Raises:
        ApiError: 400, no reply can be generated for the schema; 422, no arguments for a tool.
    """
    thinking, used, cut = _thinking(prompt, settings)
    if cut:
        return ModelReply("", "MAX_TOKENS", used, thinking)
    room = settings.limit - used
    if chosen := calling.fitting(prompt, settings.choice):
        reply = _calling(prompt, chosen, room, thinks=bool(thinking))
    else:
        reply = _writing(_draft(prompt, settings), room, settings)
    return replace(reply, thinking=thinking, output_tokens=used + reply.output_tokens)


def _thinking(prompt: Prompt, settings: GenerationOptions) -> tuple[str, int, bool]:
    """Return the thinking, its tokens, and whether no token is left for a reply."""
    if not settings.thinking:
        return "", 0, False
    # With REQUIRED there has to be a tool call; the thinking leaves room for it.
    most = settings.limit // 2 if settings.choice == "REQUIRED" else settings.limit
    thought = tokens.cut(talk.thought(prompt), min(settings.budget or most, most))
    used = tokens.count(thought)
    if used < settings.limit:
        return thought, used, False
    return tokens.cut(thought, settings.limit), settings.limit, True


def _calling(prompt: Prompt, chosen: list[Any], room: int, *, thinks: bool) -> ModelReply:
    """Return the tool calls; reasoning models have no plan besides their thinking (CH2-S02)."""
    made = calling.calls(prompt, chosen)
    plan = "" if thinks else calling.plan(prompt, chosen)
    written = tokens.count(plan) + calling.cost(made)
    if written > room:
        return ModelReply(
            tokens.cut(plan, room),
            "ERROR",
            room,
            error="the tool call did not fit into max_tokens; allow more tokens, or take fewer tools",
            error_type="INVALID_TOOL_GENERATION",
        )
    return ModelReply(plan, "TOOL_CALL", written, calls=made)


def _draft(prompt: Prompt, settings: GenerationOptions) -> Draft:
    key = (prompt.model.name, settings.seed, prompt.rendered)
    if settings.json:
        body = talk.refusal(prompt, settings.safety, key) or talk.reply(prompt, key)
        return Draft(jsonmode.reply(prompt, settings.schema, body))
    if refusal := talk.refusal(prompt, settings.safety, key):
        return Draft(refusal)
    if prompt.passages:
        return grounding.grounded(prompt.question, prompt.passages, key)
    return Draft(talk.reply(prompt, key))


def _writing(draft: Draft, room: int, settings: GenerationOptions) -> ModelReply:
    reply = _limited(draft, room, settings.stops)
    for lead in _LEADS if not reply.text else ():
        moved = tuple(citation.moved(len(lead)) for citation in draft.citations)
        reply = _limited(Draft(lead + draft.text, moved), room, settings.stops)
        if reply.text:
            break
    return reply if settings.cite else replace(reply, citations=())


def _limited(draft: Draft, room: int, stops: tuple[str, ...]) -> ModelReply:
    """Return a draft, cut at the limit and at the first stop sequence."""
    text, finish = draft.text, "COMPLETE"
    written = tokens.count(text)
    if written > room:
        text, finish, written = tokens.cut(text, room), "MAX_TOKENS", room
    elif written == room:
        finish = "MAX_TOKENS"  # the text could have been longer
    ends = [location for stop in stops if stop and (location := text.find(stop)) >= 0]
    if ends:
        text, finish = text[: min(ends)], "STOP_SEQUENCE"
        written = tokens.count(text)
    return ModelReply(text, finish, written, citations=tuple(_kept(draft.citations, text)))


def _kept(citations: tuple[ReplyCitation, ...], text: str) -> list[ReplyCitation]:
    """Return the citations of a text that was cut; the last one may become shorter."""
    return [
        replace(one, end=min(one.end, len(text)), text=text[one.start : one.end])
        for one in citations
        if one.start < len(text)
    ]
