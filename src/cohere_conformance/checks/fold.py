"""Folding a stream into the one answer that it tells piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.checks.holes import Hole
from cohere_conformance.checks.placeholders import is_placeholder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Event = dict[str, Any]


class Mismatch(msgspec.Struct, frozen=True):
    """Two parts of one stream that contradict each other.

    Attributes:
        location: pointer into the folded answer.
        rule: stable name of what does not match; part of the finding's identity.
        expected: what the pieces say.
        observed: what the stream says about the whole.
    """

    location: str
    rule: str
    expected: object
    observed: object


class Folded(msgspec.Struct, frozen=True):
    """The outcome of folding.

    Attributes:
        answer: what the non-streamed answer would have been; `None` where the stream carries it itself and
            its event has been judged already.
        mismatches: contradictions between the pieces and the whole.
    """

    answer: Event | None
    mismatches: tuple[Mismatch, ...] = ()


_GROWING = frozenset({"content", "tool_plan", "tool_calls", "citations"})
"""The properties of a message that events add to."""


def _chat_v2(events: Sequence[Event]) -> Folded:
    """CH2-T07: blocks, plan, arguments and citations by index; the rest from the first and last event."""
    answer: Event = {}
    message: Event = {}
    blocks: dict[Any, Any] = {}
    calls: dict[Any, Any] = {}
    citations: list[Any] = []
    logprobs: list[Any] = []
    wrong: list[Mismatch] = []
    # Joined once at the end: a text that grows piece by piece would be copied for each of them.
    texts: dict[tuple[Any, str], list[str]] = {}
    plan: list[str] = []
    arguments: dict[Any, list[str]] = {}
    for event in events:
        delta = _object(event.get("delta"))
        part = _object(delta.get("message"))
        index = event.get("index")
        match event["type"]:
            case Hole() as lost:
                # An event of unknown type may add to whatever it names.
                named = _GROWING if isinstance(part, Hole) else _GROWING & part.keys()
                message |= dict.fromkeys(sorted(named), lost)
                answer |= {"logprobs": lost} if "logprobs" in event else {}
            case "message-start":
                answer |= {"id": event["id"]} if "id" in event else {}
                message |= {"role": part["role"]} if "role" in part else {}
            case "content-start":
                _open(blocks, _next(blocks, index), part.get("content") or {})
            case "content-delta":
                index = _last(blocks, index)
                block, piece = blocks.setdefault(index, {}), part.get("content") or {}
                key = "thinking" if block.get("type") == "thinking" else "text"
                if key not in piece or {"text", "thinking"} <= piece.keys():
                    location = f"/message/content/*/{key}"
                    wrong.append(Mismatch(location, "delta-of-other-type", [key], sorted(piece)))
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
                answer |= {key: delta[key] for key in ("finish_reason", "usage") if key in delta}
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
    answer["message"] = message | {
        name: items for name, items in parts.items() if items and name not in message
    }
    if logprobs:
        answer.setdefault("logprobs", logprobs)
    return Folded(answer, tuple(wrong))


def _joined(start: Any, pieces: Sequence[Any]) -> Any:
    """Return a text that grew piece by piece; a hole where one of the pieces is one."""
    hole = next((piece for piece in (start, *pieces) if isinstance(piece, Hole)), None)
    return start + "".join(pieces) if hole is None else hole


def _object(value: Any) -> Any:
    """Return an object or a hole; what is neither stands where nothing is declared, and counts as empty."""
    return value if isinstance(value, dict | Hole) else {}


def _open(opened: Any, index: object, start: Any) -> None:
    """Begin an item that later events add to; its copy, because the event must stay as it is."""
    if isinstance(start, Hole):
        opened[index] = start
    elif isinstance(opened, dict) and isinstance(index, int) and index in opened:
        opened[index] = Hole("", "begun twice under one index")
    else:
        opened[index] = dict(start)


def _next(items: dict[Any, Any], index: object) -> object:
    """Return the index of an item that begins; where it is not readable, the one that is due."""
    return len(items) if isinstance(index, Hole) else index


def _last(items: dict[Any, Any], index: object) -> object:
    """Return the index of an item that goes on; where it is not readable, that of the last one begun."""
    return next(reversed(items), index) if isinstance(index, Hole) else index


def _chat_v1(events: Sequence[Event]) -> Folded:
    """CH1-T05: the last event carries the whole answer; the pieces must add up to it."""
    end = events[-1]
    whole = end.get("response") or {}
    text = "".join(event["text"] for event in events if event["event_type"] == "text-generation")
    reported: list[tuple[str, str, object, object]] = []
    calls = any(event["event_type"].startswith("tool-calls") for event in events)
    if text or not calls:  # the plan of a tool call is told by other events than text
        reported.append(("/text", "text", text, whole.get("text", "")))
    reported.append(("/finish_reason", "finish-reason", end.get("finish_reason"), whole.get("finish_reason")))
    start = events[0].get("generation_id")
    reported.append(("/generation_id", "generation-id", start, whole.get("generation_id")))
    return Folded(None, tuple(_unequal(reported, optional={"finish-reason", "generation-id"})))


def _generate(events: Sequence[Event]) -> Folded:
    """GEN-09: the texts of one index add up to the generation of that index."""
    end = events[-1]
    if end["event_type"] != "stream-end":
        return Folded(None)
    texts: dict[int, str] = {}
    for event in events:
        if event["event_type"] == "text-generation":
            texts[event.get("index", 0)] = texts.get(event.get("index", 0), "") + event["text"]
    whole = {
        generation.get("index", number): generation.get("text")
        for number, generation in enumerate((end.get("response") or {}).get("generations") or ())
    }
    reported = [
        ("/generations/*/text", "text", texts.get(index, ""), whole.get(index, ""))
        for index in sorted(texts.keys() | whole.keys())
    ]
    return Folded(None, tuple(_unequal(reported, optional=set())))


def _unequal(reported: Sequence[tuple[str, str, object, object]], optional: set[str]) -> Iterator[Mismatch]:
    for location, rule, pieces, whole in reported:
        absent = rule in optional and (pieces is None or whole is None or _replaced(pieces, whole))
        if pieces != whole and not absent:
            yield Mismatch(location, rule, pieces, whole)


def _replaced(*ids: object) -> bool:
    return any(isinstance(one, str) and is_placeholder(one) for one in ids)


FOLDS: dict[str, Callable[[Sequence[Event]], Folded]] = {
    "chat-v1": _chat_v1,
    "chat-v2": _chat_v2,
    "generate": _generate,
}
"""The rule of each stream, by the name that its grammar gives it."""


def answer_of(fold: str, events: Sequence[Event]) -> object:
    """Return the answer that a stream of at least one event tells, whether or not its parts agree.

    Args:
        fold: name of the rule.
        events: the payloads; they may have holes.
    """
    if fold == "chat-v2":
        return FOLDS[fold](events).answer
    # The last event carries it.
    return events[-1].get("response")
