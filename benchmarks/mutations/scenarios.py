"""Legal streams: for each grammar, short scenes that together take every transition it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mutations.build import UUID, variants
from mutations.rules import expected

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cohere_conformance.contract import Events
    from cohere_conformance.contract.grammar import Grammar

Payload = dict[str, Any]
_Line = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Stream:
    """A legal sequence of events.

    Attributes:
        scene: what it shows.
        payloads: the events.
        plain: the first of several streams with this scene, on which the sequence is changed.
    """

    scene: str
    payloads: tuple[Payload, ...]
    plain: bool = True


class IncompleteError(Exception):
    """The scenes do not show all of a grammar, so the measure would be silent on the rest."""


_ODD = "é \u2028 \x85 \U0001f600 "
"""What some line splitters take for the end of a line, and no framing does."""

# --- chat v2. A key is a path into the event; one that ends in `?` is set only if it is absent.


def _block(index: int, kind: str, *inner: _Line, pieces: int = 2) -> list[_Line]:
    content = "delta/message/content"
    deltas = [
        ("content-delta", {"index": index, content: {kind: f"piece {number} {_ODD}"}})
        for number in range(pieces)
    ]
    start = ("content-start", {"index": index, content: {"type": kind, kind: "" if pieces else "whole"}})
    return [start, *deltas[:1], *inner, *deltas[1:], ("content-end", {"index": index})]


def _citation(index: int) -> list[_Line]:
    return [
        ("citation-start", {"index": index, "delta/message/citations?": {"start": 0, "end": 5}}),
        ("citation-end", {"index": index}),
    ]


def _call(index: int, pieces: int) -> list[_Line]:
    call = {"id": f"call-{index}", "type": "function", "function": {"name": "f", "arguments": ""}}
    piece = {"function": {"arguments": "{}"}}
    return [
        ("tool-call-start", {"index": index, "delta/message/tool_calls": call}),
        *[("tool-call-delta", {"index": index, "delta/message/tool_calls": piece})] * pieces,
        ("tool-call-end", {"index": index}),
    ]


_V2_START = ("message-start", {"id": UUID, "delta/message/role": "assistant"})
_V2_END = ("message-end", {"delta/finish_reason?": "COMPLETE"})
_PLAN = [("tool-plan-delta", {"delta/message/tool_plan": f"plan {number} "}) for number in range(2)]

_CHAT_V2: dict[str, list[_Line]] = {
    "text": [_V2_START, *_block(0, "text"), _V2_END],
    "no pieces": [_V2_START, *_block(0, "text", pieces=0), _V2_END],
    "one piece": [_V2_START, *_block(0, "text", pieces=1), _V2_END],
    "thinking, text": [_V2_START, *_block(0, "thinking"), *_block(1, "text"), _V2_END],
    "citations": [_V2_START, *_block(0, "text", *_citation(0), *_citation(1)), _V2_END],
    "tool calls": [_V2_START, *_PLAN, *_call(0, 2), *_call(1, 0), _V2_END],
    "debug": [
        _V2_START,
        ("debug", {}),
        *_block(0, "text", ("debug", {}), *_citation(0)),
        *_call(0, 1),
        ("debug", {}),
        _V2_END,
    ],
    "nothing": [_V2_START, _V2_END],
}

# --- chat v1

_V1_START = ("stream-start", {"generation_id": UUID, "is_finished": False})


def _said(count: int) -> list[_Line]:
    return [
        ("text-generation", {"text": f"piece {number} {_ODD}", "is_finished": False})
        for number in range(count)
    ]


def _v1(tag: str) -> _Line:
    return (tag, {"is_finished": False})


def _calls(plan: str) -> list[_Line]:
    chunk = ("tool-calls-chunk", {"text": plan, "is_finished": False})
    return [chunk, chunk, _v1("tool-calls-generation")]


def _v1_scene(*lines: _Line) -> list[_Line]:
    """Put a start before the lines and after them the end that repeats what they say."""
    answer = {
        "response/text": "".join(patch.get("text", "") for _, patch in lines),
        "response/generation_id": UUID,
        "response/finish_reason": "COMPLETE",
    }
    end = ("stream-end", {"is_finished": True, "finish_reason": "COMPLETE", **answer})
    return [_V1_START, *lines, end]


_CHAT_V1: dict[str, list[_Line]] = {
    "text": _v1_scene(*_said(3)),
    "one piece": _v1_scene(*_said(1)),
    "search": _v1_scene(
        _v1("search-queries-generation"),
        _v1("search-results"),
        *_said(2),
        _v1("citation-generation"),
        _v1("citation-generation"),
    ),
    "tool calls": _v1_scene(*_calls("a plan ")),
    "text, tool calls": _v1_scene(*_said(1), *_calls("")),
    "debug": _v1_scene(_v1("debug"), *_said(1), _v1("debug")),
    "nothing": _v1_scene(),
}

# --- generate


def _piece(text: str, index: int) -> _Line:
    return ("text-generation", {"text": text, "index": index, "is_finished": False})


def _generations(*texts: str) -> _Line:
    whole = [
        {"id": UUID, "index": number, "text": text, "finish_reason": "COMPLETE"}
        for number, text in enumerate(texts)
    ]
    end = {"is_finished": True, "finish_reason?": "COMPLETE", "response/id?": UUID}
    return ("stream-end", {**end, "response/generations": whole})


_GENERATE: dict[str, list[_Line]] = {
    "one": [_piece("a ", 0), _piece("b ", 0), _generations("a b ")],
    "several": [_piece(_ODD, 0), _piece("x ", 1), _piece("b ", 0), _generations(f"{_ODD}b ", "x ")],
    "error": [_piece("a ", 0), ("stream-error", {"is_finished": True})],
    "nothing": [_generations("")],
}

_SCENES = {"chat-v1": _CHAT_V1, "chat-v2": _CHAT_V2, "generate": _GENERATE}


def streams(declared: Events) -> Iterator[Stream]:
    """Yield the scenes, each as often as it takes to show every variant of its events' schemas.

    Raises:
        IncompleteError: the grammar has a transition, or the contract an event, that no scene shows, or a
            scene is not legal.
    """
    grammar = declared.grammar
    if grammar is None:
        return
    shapes = {tag: variants(branch.schema) for tag, branch in declared.branches.items()}
    shown: set[tuple[str, str]] = set()
    tags: set[str] = set()
    for scene, lines in _SCENES[grammar.fold].items():
        for number in range(max(len(shape) for shape in shapes.values())):
            stream = Stream(scene, tuple(_payloads(grammar, lines, shapes, number)), plain=number == 0)
            if expected(grammar, stream.payloads):
                raise IncompleteError(f"{scene}: {expected(grammar, stream.payloads)}")
            yield stream
        tags |= {tag for tag, _ in lines}
        shown |= set(_transitions(grammar, [tag for tag, _ in lines]))
    every = {(state, tag) for state, steps in grammar.states.items() for tag in steps}
    if every - shown or set(declared.branches) - tags:
        raise IncompleteError(
            f"no scene shows {sorted(every - shown)} {sorted(set(declared.branches) - tags)}"
        )


def _transitions(grammar: Grammar, tags: Sequence[str]) -> Iterator[tuple[str, str]]:
    state = grammar.start
    for tag in tags:
        if tag not in grammar.ignore:
            yield state, tag
            state = grammar.states[state][tag].to


def _payloads(
    grammar: Grammar, lines: Sequence[_Line], shapes: dict[str, list[Any]], number: int
) -> Iterator[Payload]:
    """Fill each line with the next variant of its event and set what the scene says on top."""
    used: dict[str, int] = {}
    for tag, patch in lines:
        row = number + used.get(tag, 0)
        used[tag] = used.get(tag, 0) + 1
        payload = shapes[tag][row % len(shapes[tag])]
        for path, value in {grammar.tag: tag, **patch}.items():
            payload = _put(payload, path.removesuffix("?").split("/"), value, keep=path.endswith("?"))
        yield payload


def _put(payload: Payload, path: Sequence[str], value: Any, *, keep: bool) -> Payload:
    name, *rest = path
    if rest:
        return {**payload, name: _put(payload.get(name) or {}, rest, value, keep=keep)}
    return payload if keep and name in payload else {**payload, name: value}
