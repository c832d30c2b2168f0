"""What a stream's events must be to each other, said a second time and independently of the judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.model import Kind
from mutations.change import Expected, escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cohere_conformance.contract.grammar import Grammar

Payload = dict[str, Any]


def expected(grammar: Grammar, payloads: Sequence[Payload]) -> tuple[Expected, ...]:
    """Return the first rule that a stream of well-formed events breaks; of the fold, all of them."""
    known = [payload for payload in payloads if payload[grammar.tag] not in grammar.ignore]
    first = misplaced(grammar, payloads)
    if first is not None:
        return (first,)
    fold = {"chat-v1": _chat_v1, "chat-v2": _chat_v2, "generate": _generate}[grammar.fold]
    return tuple(
        Expected(Kind.STREAM_FOLD_MISMATCH, location, value_class)
        for location, value_class in dict.fromkeys(fold(known))
    )


def misplaced(grammar: Grammar, payloads: Sequence[Payload]) -> Expected | None:
    """Return the first rule of the sequence that is broken."""
    state, seen = grammar.start, set[str]()
    upcoming: dict[str, int] = {}
    current: dict[str, int] = {}
    for payload in payloads:
        tag = payload[grammar.tag]
        location = f"<{escaped(tag)}>"
        wrong_flag = _flag(grammar, payload)
        if tag in grammar.ignore:
            if wrong_flag:
                return wrong_flag
            continue
        step = grammar.states.get(state, {}).get(tag)
        late = grammar.never_after.get(tag) in seen
        early = tag in grammar.only_after and grammar.only_after[tag] not in seen
        if step is None or late or early or (tag in grammar.at_most_once and tag in seen):
            return Expected(Kind.STREAM_ORDER, location, "sequence:")
        for counter, number in (
            (step.opens, upcoming.get(step.opens or "", 0)),
            (step.within, current.get(step.within or "")),
            (step.closes, current.get(step.closes or "")),
        ):
            if counter is not None and payload.get("index") != number:
                return Expected(Kind.STREAM_ORDER, f"{location}/index", f"index:{counter}")
        if step.opens:
            current[step.opens] = upcoming.get(step.opens, 0)
            upcoming[step.opens] = current[step.opens] + 1
        if wrong_flag:
            return wrong_flag
        state = step.to
        seen.add(tag)
    return None if state == grammar.end else Expected(Kind.STREAM_UNTERMINATED, "", "no-final-event")


def _flag(grammar: Grammar, payload: Payload) -> Expected | None:
    """Return the contradiction between the flag and the event; every event has it, also an ignored one."""
    flag, tag = grammar.finished, payload[grammar.tag]
    if flag is None or payload.get(flag.property) in {None, tag in flag.true_on}:
        return None
    return Expected(Kind.STREAM_ORDER, f"<{escaped(tag)}>", f"finished:{flag.property}")


def _chat_v1(events: Sequence[Payload]) -> Iterator[tuple[str, str]]:
    """CH1-T05. The plan of a tool call is in its chunks, so with calls there need not be pieces of text."""
    end = events[-1]
    pieces = [event["text"] for event in events if event["event_type"] == "text-generation"]
    calls = any(event["event_type"].startswith("tool-calls") for event in events)
    if (pieces or not calls) and "".join(pieces) != end["response"]["text"]:
        yield "/text", "text"
    if end["finish_reason"] != end["response"].get("finish_reason", end["finish_reason"]):
        yield "/finish_reason", "finish-reason"
    generation = events[0]["generation_id"]
    if generation != end["response"].get("generation_id", generation):
        yield "/generation_id", "generation-id"


def _generate(events: Sequence[Payload]) -> Iterator[tuple[str, str]]:
    """GEN-09: the pieces of each index are the text of that index, no more and no less."""
    if events[-1]["event_type"] != "stream-end":
        return
    whole = {
        one.get("index", number): one["text"]
        for number, one in enumerate(events[-1]["response"].get("generations", ()))
    }
    pieces = dict.fromkeys(whole, "")
    for event in events[:-1]:
        index = event.get("index", 0)
        pieces[index] = pieces.get(index, "") + event["text"]
    if pieces != whole:
        yield "/generations/*/text", "text"


def _chat_v2(events: Sequence[Payload]) -> Iterator[tuple[str, str]]:
    """CH2-T07: what the events leave out is missing in the answer that they add up to."""
    start, end = events[0], events[-1]
    if "id" not in start:
        yield "/id", "property-missing"
    if "role" not in _message(start):
        yield "/message/role", "property-missing"
    if "finish_reason" not in end.get("delta", {}):
        yield "/finish_reason", "property-missing"
    for number, event in enumerate(events):
        match event["type"]:
            case "content-start":
                yield from _block(event, events[number + 1 :])
            case "tool-call-start":
                call = _message(event).get("tool_calls", {})
                for name in ("id", "type"):
                    if name not in call:
                        yield f"/message/tool_calls/*/{name}", "property-missing"
            case "citation-start" if "citations" not in _message(event):
                yield "/message/citations/*", "null-unexpected"


def _block(start: Payload, following: Sequence[Payload]) -> Iterator[tuple[str, str]]:
    opened = _message(start).get("content", {})
    deltas = []
    for event in following:
        if event["type"] == "content-end":
            break
        if event["type"] == "content-delta":
            deltas.append(_message(event).get("content", {}))
    kind = opened.get("type")
    if kind is None:
        yield "/message/content/*/type", "property-missing"
        return
    other = {"text": "thinking", "thinking": "text"}[kind]
    if any(kind not in delta or other in delta for delta in deltas):
        yield f"/message/content/*/{kind}", "delta-of-other-type"
    elif kind not in opened and not deltas:
        yield f"/message/content/*/{kind}", "property-missing"
    elif other in opened:
        yield f"/message/content/*/{other}", "property-undocumented"


def _message(event: Payload) -> Payload:
    message: Payload = event.get("delta", {}).get("message", {})
    return message
