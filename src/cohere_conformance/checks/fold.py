"""Folds: how the events of a stream are joined to one response. `FOLDS` has all of them by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cohere_conformance.checks.holes import Hole
from cohere_conformance.checks.placeholders import is_placeholder
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract.grammar import Grammar

Event = dict[str, Any]


class Mismatch(msgspec.Struct, frozen=True):
    """Two parts of one stream that contradict each other.

    Attributes:
        location: pointer into the folded response.
        rule: stable name of the comparison; part of the finding's identity.
        expected: the joined events.
        observed: the response in the last event.
    """

    location: str
    rule: str
    expected: object
    observed: object


class Folded(msgspec.Struct, frozen=True):
    """The result of folding.

    Attributes:
        response: what the response without streaming would be; `None` if the last event has it, which has
            been judged already.
        mismatches: contradictions between the events and the response.
    """

    response: Event | None
    mismatches: tuple[Mismatch, ...] = ()


_GROWING = frozenset({"content", "tool_plan", "tool_calls", "citations"})
"""The properties of a message that events extend."""


def _chat_v2(events: Sequence[Event]) -> Folded:
    """Join blocks, plan, arguments and citations by index (CH2-T07)."""
    response: Event = {}
    message: Event = {}
    blocks: dict[Any, Any] = {}
    calls: dict[Any, Any] = {}
    citations: list[Any] = []
    logprobs: list[Any] = []
    mismatches: list[Mismatch] = []
    # Joined once at the end: extending a text with each event would copy it each time.
    texts: dict[tuple[Any, str], list[str]] = {}
    plan: list[str] = []
    arguments: dict[Any, list[str]] = {}
    for event in events:
        delta = _object(event.get("delta"))
        part = _object(delta.get("message"))
        index = event.get("index")
        match event["type"]:
            case Hole() as lost:
                # An event of unknown type may extend any property that it has.
                named = _GROWING if isinstance(part, Hole) else _GROWING & part.keys()
                message |= dict.fromkeys(sorted(named), lost)
                response |= {"logprobs": lost} if "logprobs" in event else {}
            case "message-start":
                response |= {"id": event["id"]} if "id" in event else {}
                message |= {"role": part["role"]} if "role" in part else {}
            case "content-start":
                _open(blocks, _next(blocks, index), part.get("content") or {})
            case "content-delta":
                index = _last(blocks, index)
                block, piece = blocks.setdefault(index, {}), part.get("content") or {}
                key = "thinking" if block.get("type") == "thinking" else "text"
                if key not in piece or {"text", "thinking"} <= piece.keys():
                    location = f"/message/content/*/{key}"
                    mismatches.append(Mismatch(location, "delta-of-other-type", [key], sorted(piece)))
                texts.setdefault((index, key), []).append(piece.get(key, ""))
                logprobs += [event["logprobs"]] if "logprobs" in event else []
            case "tool-plan-delta":
                plan.append(part.get("tool_plan", ""))
            case "tool-call-start":
                call = part.get("tool_calls") or {}
                index = _next(calls, index)
                _open(calls, index, call)
                _open(calls[index], "function", call.get("function") or {})
            case "tool-call-delta":
                index = _last(calls, index)
                calls.setdefault(index, {}).setdefault("function", {})
                piece = ((part.get("tool_calls") or {}).get("function") or {}).get("arguments", "")
                arguments.setdefault(index, []).append(piece)
            case "citation-start":
                citations.append(part.get("citations"))
            case "message-end":
                response |= {key: delta[key] for key in ("finish_reason", "usage") if key in delta}
    for (index, key), pieces in texts.items():
        blocks[index][key] = _joined(blocks[index].get(key, ""), pieces)
    for index, pieces in arguments.items():
        function = calls[index]["function"]
        function["arguments"] = _joined(function.get("arguments", ""), pieces)
    if plan:
        message.setdefault("tool_plan", _joined("", plan))
    parts = {
        "content": list(blocks.values()),
        "tool_calls": list(calls.values()),
        "citations": citations,
    }
    response["message"] = message | {
        name: items for name, items in parts.items() if items and name not in message
    }
    if logprobs:
        response.setdefault("logprobs", logprobs)
    return Folded(response, tuple(mismatches))


def _joined(start: Any, pieces: Sequence[Any]) -> Any:
    """Return the joined text; a hole if one of its pieces is one."""
    hole = next((piece for piece in (start, *pieces) if isinstance(piece, Hole)), None)
    return start + "".join(pieces) if hole is None else hole


def _object(value: Any) -> Any:
    """Return an object or a hole; anything else is undeclared and counts as empty."""
    return value if isinstance(value, dict | Hole) else {}


def _open(opened: Any, index: object, start: Any) -> None:
    """Begin an item that later events extend: a copy, because the event must not be changed."""
    if isinstance(start, Hole):
        opened[index] = start
    elif isinstance(opened, dict) and isinstance(index, int) and index in opened:
        opened[index] = Hole("", "begun twice under one index")
    else:
        opened[index] = dict(start)


def _next(items: dict[Any, Any], index: object) -> object:
    """Return the index of an item that begins; the next one if it is not readable."""
    return len(items) if isinstance(index, Hole) else index


def _last(items: dict[Any, Any], index: object) -> object:
    """Return the index of an item that continues; that of the latest one if it is not readable."""
    return next(reversed(items), index) if isinstance(index, Hole) else index


def _chat_v1(events: Sequence[Event]) -> Folded:
    """Compare the events with the response in the last one (CH1-T05)."""
    end = events[-1]
    response = end.get("response") or {}
    text = "".join(event["text"] for event in events if event["event_type"] == "text-generation")
    pairs: list[tuple[str, str, object, object]] = []
    calls = any(event["event_type"].startswith("tool-calls") for event in events)
    if text or not calls:  # the plan of a tool call is not in text events
        pairs.append(("/text", "text", text, response.get("text", "")))
    finish = response.get("finish_reason")
    pairs.append(("/finish_reason", "finish-reason", end.get("finish_reason"), finish))
    start = events[0].get("generation_id")
    pairs.append(("/generation_id", "generation-id", start, response.get("generation_id")))
    return Folded(None, tuple(_unequal(pairs, optional={"finish-reason", "generation-id"})))


def _generate(events: Sequence[Event]) -> Folded:
    """Compare the joined texts of each index with the generation of that index (GEN-09)."""
    end = events[-1]
    if end["event_type"] != "stream-end":
        return Folded(None)
    texts: dict[int, str] = {}
    for event in events:
        if event["event_type"] == "text-generation":
            texts[event.get("index", 0)] = texts.get(event.get("index", 0), "") + event["text"]
    generations = {
        generation.get("index", number): generation.get("text")
        for number, generation in enumerate((end.get("response") or {}).get("generations") or ())
    }
    pairs = [
        ("/generations/*/text", "text", texts.get(index, ""), generations.get(index, ""))
        for index in sorted(texts.keys() | generations.keys())
    ]
    return Folded(None, tuple(_unequal(pairs, optional=set())))


def _unequal(pairs: Sequence[tuple[str, str, object, object]], optional: set[str]) -> Iterator[Mismatch]:
    """Yield a mismatch for each pair of an event's and a response's value that are not equal."""
    for location, rule, streamed, final in pairs:
        absent = rule in optional and (streamed is None or final is None or _replaced(streamed, final))
        if streamed != final and not absent:
            yield Mismatch(location, rule, streamed, final)


def _replaced(*ids: object) -> bool:
    return any(isinstance(one, str) and is_placeholder(one) for one in ids)


def _joined_response(events: Sequence[Event]) -> object:
    return _chat_v2(events).response


def _final_response(events: Sequence[Event]) -> object:
    return events[-1].get("response")


class Fold(msgspec.Struct, frozen=True):
    """How the events of a stream are joined.

    Attributes:
        fold: joins them, and compares them with the response in the last event if that has one.
        response: returns the response, whether or not the events agree with it; they may have holes.
    """

    fold: Callable[[Sequence[Event]], Folded]
    response: Callable[[Sequence[Event]], object]

    @property
    def joins(self) -> bool:
        """Whether the response is what all events are joined to, not a part of the last one."""
        return self.response is _joined_response


FOLDS: Final = {
    "chat-v1": Fold(_chat_v1, _final_response),
    "chat-v2": Fold(_chat_v2, _joined_response),
    "generate": Fold(_generate, _final_response),
}
"""The folds by the names that grammars use (`fold` in `contracts/streams.yaml`)."""


def fold_of(grammar: Grammar) -> Fold:
    """Return the fold of a stream.

    Raises:
        ContractError: there is no fold of that name.
    """
    try:
        return FOLDS[grammar.fold]
    except KeyError as error:
        known = ", ".join(FOLDS)
        raise ContractError(f"streams.yaml: expected a fold such as {known}, got {grammar.fold!r}") from error
