"""Changes of a stream: its events, their sequence, the text that carries them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.model import Kind, StreamEvent
from mutations.bodies import broken_texts, encoded
from mutations.change import ANYTHING, ORDER, Change, Edit, Expected, escaped, replaced, without
from mutations.rules import Payload, expected, misplaced
from mutations.schemas import closed, parts
from mutations.values import edits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cohere_conformance.contract import Events, Media
    from cohere_conformance.contract.compile import Validator
    from cohere_conformance.contract.grammar import Grammar
    from cohere_conformance.model import Response

_FOLD = frozenset({Kind.STREAM_FOLD_MISMATCH})
_NOT_OBJECTS = {"array": "[]", "string": '"x"', "integer": "7", "null": "null", "boolean": "true"}


@dataclass(frozen=True)
class Base:
    """A legal stream under one media type.

    Attributes:
        media: the media type.
        response: status and header fields; its body is the stream.
        payloads: the events.
        named: the events have `event:` lines.
    """

    media: Media
    response: Response
    payloads: tuple[Payload, ...]
    named: bool

    @property
    def events(self) -> Events:
        """What is declared."""
        assert self.media.events is not None
        return self.media.events

    @property
    def grammar(self) -> Grammar:
        """The grammar of the stream."""
        assert self.events.grammar is not None
        return self.events.grammar

    def frames(self, payloads: Sequence[Payload] | None = None) -> list[StreamEvent]:
        """Return the events as they are framed, with the terminator at the end if there is one."""
        tag = self.grammar.tag
        made = [
            StreamEvent(json.dumps(payload, ensure_ascii=False), payload[tag] if self.named else None)
            for payload in (self.payloads if payloads is None else payloads)
        ]
        return made + ([StreamEvent(self.events.terminator)] if self.events.terminator else [])

    def answer(self, frames: Sequence[StreamEvent]) -> Response:
        """Return the response with these frames as its body."""
        return msgspec.structs.replace(self.response, body=self.text(frames), events=None)

    def text(self, frames: Sequence[StreamEvent]) -> bytes:
        """Return the body that carries the frames."""
        if self.media.framing == "ndjson":
            return "".join(f"{frame.data}\n" for frame in frames).encode()
        return "".join(
            (f"event: {frame.event}\n" if frame.event else "") + f"data: {frame.data}\n\n" for frame in frames
        ).encode()


def of_events(base: Base, seen: set[tuple[object, ...]], *, plain: bool = True) -> Iterator[Change]:
    """Yield the edits of each event by its schema.

    Args:
        base: the stream.
        seen: what was made in earlier streams and is left out in this one.
        plain: edits that the schema allows are made as well; whether they show depends on the other events.
    """
    grammar = base.grammar
    for number, payload in enumerate(base.payloads):
        tag = payload[grammar.tag]
        prefix = f"<{escaped(tag)}>"
        for edit in _edits(base.events.branches[tag], json.dumps(payload), prefix):
            here = edit.location.removeprefix(prefix)
            if here in {"", f"/{escaped(grammar.tag)}"}:
                continue  # the complete event or its tag: for these see `of_sequence`
            identity = (tag, edit.location, edit.name, edit.must)
            if identity in seen if edit.must else not plain:
                continue
            seen.add(identity)
            yield _edited(base, number, edit, here)


@lru_cache(maxsize=256)
def _edits(branch: Validator, payload: str, prefix: str) -> tuple[Edit, ...]:
    """Return the edits of an event, which is one of many streams."""
    return tuple(edits(branch.schema, json.loads(payload), prefix))


def _edited(base: Base, number: int, edit: Edit, here: str) -> Change:
    flag = base.grammar.finished
    payloads = (*base.payloads[:number], edit.value, *base.payloads[number + 1 :])
    must, may = edit.must, edit.may
    if here in {"/index", f"/{flag.property}" if flag else ""}:
        may = may | ORDER
    if all(one.kind is Kind.PROPERTY_UNDOCUMENTED for one in must) and not edit.may:
        order = expected(base.grammar, payloads)
        must, may = must + order, may | (ORDER if order else frozenset()) | (_FOLD if order else frozenset())
    response = base.answer(base.frames(payloads))
    return Change(edit.name, edit.location, response, must, may, edit.reason)


def of_sequence(base: Base) -> Iterator[Change]:
    """Yield the changes that leave every event whole but not where or what it was."""
    for name, location, payloads in _sequences(base):
        if payloads != list(base.payloads):
            yield _ordered(base, name, location, payloads)
    for number, payload in enumerate(base.payloads):
        location = f"<{escaped(payload[base.grammar.tag])}>"
        if number + 1 < len(base.payloads):
            cut = base.payloads[: number + 1]
            yield _ordered(base, f"cut after {number + 1}", location, cut, ended=False)
        yield from _retagged(base, number)
    if base.events.terminator:
        yield _ordered(base, "no events, no terminator", "", [], ended=False)


def _sequences(base: Base) -> Iterator[tuple[str, str, list[Payload]]]:
    events = list(base.payloads)
    yield "no events", "", []
    for number, payload in enumerate(events):
        location = f"<{escaped(payload[base.grammar.tag])}>"
        rest = [*events[:number], *events[number + 1 :]]
        yield "drop event", location, rest
        yield "repeat event", location, [*events[: number + 1], *events[number:]]
        yield "event again at the end", location, [*events, payload]
        yield "event first", location, [payload, *rest]
        yield "event last", location, [*rest, payload]
        if number + 1 < len(events):
            following = [events[number + 1], payload, *events[number + 2 :]]
            yield "swap with the next", location, [*events[:number], *following]
        for name, value in _altered(base, payload):
            yield name, location, [*events[:number], value, *events[number + 1 :]]


def _ordered(
    base: Base, name: str, location: str, payloads: Sequence[Payload], *, ended: bool = True
) -> Change:
    must = expected(base.grammar, payloads)
    frames = base.frames(payloads)
    if not ended and base.events.terminator:
        frames = frames[:-1]
        must = must or (Expected(Kind.STREAM_UNTERMINATED, "", "no-terminator"),)
    reason = f"{base.grammar.fold}: nothing shows {name} {location}"
    return Change(name, location, base.answer(frames), must, ORDER | _FOLD if must else frozenset(), reason)


def _altered(base: Base, payload: Payload) -> Iterator[tuple[str, Payload]]:
    """Yield well-formed values of one event that contradict the others."""
    if isinstance(payload.get("index"), int | float):
        for number in (payload["index"] + 1, payload["index"] - 1, 99):
            yield f"index {number}", {**payload, "index": number}
    flag = base.grammar.finished
    if flag and flag.property in payload:
        yield f"{flag.property} flipped", {**payload, flag.property: not payload[flag.property]}
    other = "00000000-0000-0000-0000-000000000000"
    for path, value in (
        (("text",), "other text"),
        (("generation_id",), other),
        (("finish_reason",), "MAX_TOKENS"),
        (("response", "text"), "other text"),
        (("response", "generation_id"), other),
        (("response", "finish_reason"), "MAX_TOKENS"),
        (("response", "generations"), []),
        (("response", "generations", 0, "text"), "other text"),
        (("response", "generations", 0, "index"), 5),
        (("delta", "message", "content", "text"), "other text"),
        (("delta", "message", "content"), {"thinking": "other"}),
        (("delta", "message", "content"), {"text": "other"}),
        (("delta", "message", "content", "type"), "text"),
        (("delta", "message", "content", "type"), "thinking"),
        (("delta", "message", "content", "thinking"), "both"),
    ):
        if _stands(payload, path):
            yield f"{'/'.join(map(str, path))} = {value!r}", replaced(payload, path, _constant(value))


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


def _stands(payload: Any, path: Sequence[str | int]) -> bool:
    """Return whether the path leads somewhere; of `content`, whose keys are optional, only the object."""
    for name in path:
        inside = isinstance(payload, dict) and (name in payload or name == "thinking")
        if not inside and not (isinstance(payload, list) and isinstance(name, int) and payload[name:]):
            return False
        payload = payload.get(name) if isinstance(payload, dict) else payload[int(name)]
    return not isinstance(payload, list) or path[-1] == "generations"


def _retagged(base: Base, number: int) -> Iterator[Change]:
    """Yield the event under each other tag, under none and under a value that is no tag."""
    grammar, events = base.grammar, list(base.payloads)
    payload, tag = events[number], grammar.tag
    location = f"<{escaped(payload[tag])}>"
    frames = base.frames()
    for value in (*base.events.branches, "x-unknown", "", "a/b~c", None, 7, ["x"]):
        if value == payload[tag]:
            continue
        changed = {**payload, tag: value}
        if isinstance(value, str) and value in base.events.branches:
            frame = StreamEvent(json.dumps(changed), value if base.named else None)
            sequence = [*events[:number], changed, *events[number + 1 :]]
            must = _misfit(base, changed)
            if must:  # then nobody can say what it adds up to
                first = misplaced(grammar, sequence)
                must += (first,) if first else ()
            else:
                must = expected(grammar, sequence)
        else:
            frame = StreamEvent(json.dumps(changed), frames[number].event)
            where = f"<{escaped(value)}>" if isinstance(value, str) else ""
            value_class = "array" if isinstance(value, list) else json.dumps(value)
            must = (Expected(Kind.STREAM_EVENT_UNKNOWN, where, value_class),)
        response = base.answer([*frames[:number], frame, *frames[number + 1 :]])
        reason = f"{grammar.fold}: nothing shows {location} as {value}"
        yield Change(f"tag {value!r}", location, response, must, ANYTHING if must else frozenset(), reason)
    frame = StreamEvent(json.dumps(without(payload, tag)), frames[number].event)
    response = base.answer([*frames[:number], frame, *frames[number + 1 :]])
    yield Change(
        "drop tag", location, response, (Expected(Kind.STREAM_EVENT_UNKNOWN, "", "absent"),), ANYTHING
    )


def _misfit(base: Base, payload: Payload) -> tuple[Expected, ...]:
    """Return the properties that an event has too much or too few for its tag."""
    tag = payload[base.grammar.tag]
    schema = base.events.branches[tag].schema
    nodes, _ = parts(schema, [schema])
    location = f"<{escaped(tag)}>/"
    lacking = {name for node in nodes for name in node.get("required", ()) if name not in payload}
    extra = {name for name in payload if closed(nodes, name)}
    return (
        *(Expected(Kind.PROPERTY_MISSING, location + escaped(name)) for name in sorted(lacking)),
        *(Expected(Kind.PROPERTY_UNDOCUMENTED, location + escaped(name)) for name in sorted(extra)),
    )


def of_text(base: Base) -> Iterator[Change]:
    """Yield the ways in which the text that carries the events can be broken, and some in which it is not."""
    frames, terminator = base.frames(), base.events.terminator
    for number in range(len(base.payloads)):
        yield from _broken_event(base, frames, number)
    if terminator:
        yield from _terminators(base, frames)
    else:
        must = (Expected(Kind.STREAM_MALFORMED, ""),)
        yield Change("a terminator", "", base.answer([*frames, StreamEvent("[DONE]")]), must)
    body = base.text(frames)
    yield Change("no body", "", _with(base, b""), (Expected(Kind.STREAM_UNTERMINATED),))
    utf8 = (Expected(Kind.STREAM_MALFORMED, "", "utf-8"),)
    separator = b"\n\n" if base.media.framing == "sse" else b"\n"
    yield Change("invalid UTF-8", "", _with(base, body + b": \xff" + separator), utf8, ANYTHING)
    yield from _tolerated(base, body)


def _broken_event(base: Base, frames: Sequence[StreamEvent], number: int) -> Iterator[Change]:
    frame = frames[number]
    location = f"<{escaped(frame.event)}>" if frame.event else ""

    def change(name: str, data: str, must: Expected, event: str | None = frame.event) -> Change:
        made = [*frames[:number], StreamEvent(data, event), *frames[number + 1 :]]
        return Change(name, location, base.answer(made), (must,), ANYTHING)

    for name, rule, text in broken_texts(frame.data.encode()):
        if rule not in {"empty", "utf-8", "too-deep"} and b"\n" not in text:
            yield change(
                name, text.decode("utf-8", "ignore"), Expected(Kind.STREAM_MALFORMED, location, rule)
            )
    for kind, whole in _NOT_OBJECTS.items():
        yield change(f"event is {kind}", whole, Expected(Kind.STREAM_MALFORMED, location, kind))
    if not base.named:
        return
    for event in ("x-other", None):
        made = [*frames[:number], StreamEvent(frame.data, event), *frames[number + 1 :]]
        must = (Expected(Kind.STREAM_ORDER, location, "event-name"),) if base.grammar.name_equals_tag else ()
        reason = f"{base.grammar.fold}: the grammar does not bind the event line to the tag"
        yield Change(f"event line {event}", location, base.answer(made), must, reason=reason)
    if number + 1 < len(base.payloads):
        joined = StreamEvent(f"{frame.data}\ndata: {frames[number + 1].data}", frames[number + 1].event)
        made = [*frames[:number], joined, *frames[number + 2 :]]
        must = (Expected(Kind.STREAM_MALFORMED, "", "unseparated"),)
        yield Change("no blank line between events", location, base.answer(made), must, ANYTHING)


def _terminators(base: Base, frames: Sequence[StreamEvent]) -> Iterator[Change]:
    *events, done = frames
    last = f"<{escaped(base.payloads[-1][base.grammar.tag])}>"
    early = (Expected(Kind.STREAM_ORDER, last, "after-end"),)
    missing = (Expected(Kind.STREAM_UNTERMINATED, "", "no-terminator"),)
    yield Change("drop terminator", "", base.answer(events), missing)
    yield Change("terminator early", "", base.answer([*events[:-1], done, events[-1]]), early)
    yield Change("terminator first", "", base.answer([done, *events]), early, ORDER)
    again = (Expected(Kind.STREAM_ORDER, "", "after-end"),)
    yield Change("terminator twice", "", base.answer([*frames, done]), again)
    yield Change("event after terminator", "", base.answer([*frames, events[-1]]), early, ORDER)
    named = StreamEvent(done.data, "done")
    reason = "no grammar says that the terminator has no event line"
    if base.named:
        yield Change("terminator with event line", "", base.answer([*events, named]), reason=reason)
    misspelt = (Expected(Kind.STREAM_MALFORMED), *missing)
    yield Change("terminator misspelt", "", base.answer([*events, StreamEvent("[END]")]), misspelt)


def _tolerated(base: Base, body: bytes) -> Iterator[Change]:
    reason = f"{base.media.framing}: the same events"
    yield Change("carriage returns", "", _with(base, body.replace(b"\n", b"\r\n")), reason=reason)
    yield Change("blank line", "", _with(base, b"\n" + body + b"\n"), reason=reason)
    if base.media.framing == "ndjson":
        yield Change("no last line end", "", _with(base, body.rstrip(b"\n")), reason=reason)
        two = (Expected(Kind.STREAM_MALFORMED, "", "trailing"),)
        if len(base.payloads) > 1:
            yield Change("two in a line", "", _with(base, body.replace(b"\n", b" ", 1)), two, ANYTHING)
        whole = (Expected(Kind.STREAM_MALFORMED, "", "array"),)
        listed = encoded(list(base.payloads))
        yield Change("an array of events", "", _with(base, listed), whole, ANYTHING)
        return
    yield Change("comments", "", _with(base, b": alive\n\n" + body), reason=reason)
    yield Change("empty data", "", _with(base, b"data:\n\n" + body), reason=reason)
    yield Change("byte order mark", "", _with(base, b"\xef\xbb\xbf" + body), reason=reason)
    yield Change("ids and retry", "", _with(base, b"id: 1\nretry: 5\n" + body), reason=reason)
    yield Change("no space", "", _with(base, body.replace(b"data: ", b"data:")), reason=reason)
    kept = msgspec.structs.replace(base.response, body=None, events=tuple(base.frames()))
    yield Change("kept as events", "", kept, reason=reason)


def _with(base: Base, body: bytes) -> Response:
    return msgspec.structs.replace(base.response, body=body)
