"""The grammar of a stream: every rule of the walk, and the errors of a malformed file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import UUID, block, chat_v1, chat_v2, citation, plan, tool_call

from cohere_conformance.contract.grammar import Finished, Grammar, Step, StreamWalk, load_grammars
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from cohere_conformance.contract import Declarations

Event = dict[str, Any]


def walked(grammar: Grammar, events: Iterable[Mapping[str, Any]]) -> tuple[list[tuple[str, str, str]], bool]:
    """Return what is wrong with a stream, and whether it has come to its end.

    That must not depend on whether the events that obviously continue it are checked in the short way.
    """
    stream = [*events]
    short, long = (_walked(grammar, stream, shortly=shortly) for shortly in (True, False))
    assert short == long
    return long


def _walked(
    grammar: Grammar, events: Iterable[Mapping[str, Any]], *, shortly: bool
) -> tuple[list[tuple[str, str, str]], bool]:
    walk = StreamWalk(grammar)
    broken = [
        (violation.event, violation.rule, violation.state)
        for event in events
        if not (shortly and walk.continues(event[grammar.tag], event))
        for violation in walk.event(event[grammar.tag], event)
    ]
    return broken, walk.ended


@pytest.fixture(scope="module")
def v2(declarations: Declarations) -> Grammar:
    return declarations.grammars["POST /v2/chat"]


@pytest.fixture(scope="module")
def v1(declarations: Declarations) -> Grammar:
    return declarations.grammars["POST /v1/chat"]


THINKING = block("Hm", kind="thinking")
TEXT = block("Hi", " there", index=1, inside=[*citation(0), *citation(1)])
CALLS = [plan("I will"), plan(" look."), *tool_call("{", "}"), *tool_call("{}", index=1)]
WHOLE = chat_v2(*THINKING, *TEXT, *CALLS, finish="TOOL_CALL")


def text(*events: Event) -> list[Event]:
    """Return a v2 stream with one text block."""
    return chat_v2(*block("Hi"), *events)


def at(stream: list[Event], name: str) -> int:
    return next(number for number, event in enumerate(stream) if event["type"] == name)


def without(stream: list[Event], name: str) -> list[Event]:
    where = at(stream, name)
    return stream[:where] + stream[where + 1 :]


def with_before(stream: list[Event], name: str, *events: Event) -> list[Event]:
    where = at(stream, name)
    return [*stream[:where], *events, *stream[where:]]


DEBUG = {"type": "debug", "prompt": "x"}


@pytest.mark.parametrize(
    "stream",
    [
        chat_v2(),
        text(),
        WHOLE,
        chat_v2(*block()),
        chat_v2(*tool_call(), *tool_call("{}", index=1), finish="TOOL_CALL"),
        chat_v2(*block(index=0), *block(index=1), *block(index=2)),
        chat_v2(plan(), *block("Hi")),
        [DEBUG, *text(), DEBUG],
        with_before(text(), "content-end", DEBUG, DEBUG),
        chat_v2(*block("a", inside=citation(0)), *block("b", index=1, inside=citation(1))),
    ],
    ids=["empty", "text", "whole", "silent", "calls", "blocks", "plan", "debug", "debug-inside", "citations"],
)
def test_what_v2_streams_look_like_is_allowed(v2: Grammar, stream: list[Event]) -> None:
    assert walked(v2, stream) == ([], True)


@pytest.mark.parametrize(
    ("stream", "broken"),
    [
        (without(text(), "message-start"), [("content-start", "sequence", "opening")]),
        (without(text(), "content-end"), [("message-end", "sequence", "block")]),
        (without(chat_v2(*tool_call("{}")), "tool-call-end"), [("message-end", "sequence", "call")]),
        (
            without(chat_v2(*block("a", "b", inside=citation())), "citation-end"),
            [("content-end", "sequence", "citation")],
        ),
        (without(text(), "content-start"), [("content-delta", "sequence", "body")]),
        (without(chat_v2(*tool_call("{}")), "tool-call-start"), [("tool-call-delta", "sequence", "body")]),
        ([*text(), text()[-1]], [("message-end", "sequence", "closed")]),
        ([*text(), block("x", index=1)[0]], [("content-start", "sequence", "closed")]),
        (text()[:1] + text(), [("message-start", "sequence", "body")]),
        (chat_v2(*tool_call("{}"), plan()), [("tool-plan-delta", "sequence", "late")]),
    ],
    ids=[
        "no-start",
        "block-left-open",
        "call-left-open",
        "citation-left-open",
        "block-not-opened",
        "call-not-opened",
        "second-end",
        "after-end",
        "second-start",
        "plan-after-call",
    ],
)
def test_one_event_out_of_sequence_is_one_violation(
    v2: Grammar, stream: list[Event], broken: list[tuple[str, str, str]]
) -> None:
    assert walked(v2, stream)[0] == broken


@pytest.mark.parametrize(
    ("stream", "broken"),
    [
        (
            with_before(chat_v2(*block("a", "b")), "content-delta", plan()),
            ("tool-plan-delta", "sequence", "block"),
        ),
        (
            with_before(chat_v2(*block("a", "b")), "content-end", text()[0]),
            ("message-start", "sequence", "block"),
        ),
        (
            with_before(chat_v2(*tool_call("{}")), "tool-call-end", plan()),
            ("tool-plan-delta", "sequence", "call"),
        ),
        (chat_v2(*block("a"), *citation()), ("citation-start", "sequence", "body")),
    ],
    ids=["plan-in-block", "start-in-block", "plan-in-call", "citation-outside"],
)
def test_one_event_too_many_is_one_violation(
    v2: Grammar, stream: list[Event], broken: tuple[str, str, str]
) -> None:
    assert walked(v2, stream) == ([broken], True)


def test_nothing_reopens_a_stream_that_has_ended(v2: Grammar) -> None:
    early = with_before(text(), "content-end", text()[-1])
    assert walked(v2, early) == (
        [
            ("message-end", "sequence", "block"),
            ("content-end", "sequence", "closed"),
            ("message-end", "sequence", "closed"),
        ],
        True,
    )


def test_a_walk_that_went_wrong_finds_its_way_again(v2: Grammar) -> None:
    long = chat_v2(*block(*("word " for _ in range(300))), *tool_call(*("x" for _ in range(300))))
    for number, event in enumerate(WHOLE[:-1]):
        for where in (0, 1, 2, 150, 302, 303, 450, len(long)):
            broken, _ = walked(v2, [*long[:where], event, *long[where:]])
            assert len(broken) <= 6, (number, where)


@pytest.mark.parametrize(
    ("stream", "broken"),
    [
        (chat_v2(*block("a", index=1)), [("content-start", "index", "content")]),
        (chat_v2(*block("a"), *block("b", index=2)), [("content-start", "index", "content")]),
        (chat_v2(*block("a"), *block("b")), [("content-start", "index", "content")]),
        (
            chat_v2(block("a")[0], *block("a", index=1)[1:2], block("a")[2]),
            [("content-delta", "index", "content")],
        ),
        (chat_v2(*block("a")[:2], block("a", index=1)[2]), [("content-end", "index", "content")]),
        (chat_v2(*tool_call("{}", index=1)), [("tool-call-start", "index", "tool-call")]),
        (
            chat_v2(*tool_call("{}")[:1], *tool_call("{}", index=1)[1:]),
            [("tool-call-delta", "index", "tool-call")],
        ),
        (
            chat_v2(*block("a", inside=citation(1))),
            [("citation-start", "index", "citation")],
        ),
        (
            chat_v2({key: value for key, value in block("a")[0].items() if key != "index"}, *block("a")[1:]),
            [("content-start", "index", "content")],
        ),
        (chat_v2(block("a")[0] | {"index": "0"}, *block("a")[1:]), [("content-start", "index", "content")]),
        (chat_v2(block("a")[0] | {"index": None}, *block("a")[1:]), [("content-start", "index", "content")]),
    ],
    ids=[
        "not-from-0",
        "gap",
        "again",
        "delta-of-other",
        "end-of-other",
        "call-not-from-0",
        "call-of-other",
        "citation-not-from-0",
        "none",
        "text",
        "null",
    ],
)
def test_an_index_that_does_not_count_is_a_violation(
    v2: Grammar, stream: list[Event], broken: list[tuple[str, str, str]]
) -> None:
    assert walked(v2, stream) == (broken, True)


def test_most_events_of_a_stream_are_checked_in_the_short_way(v2: Grammar) -> None:
    """Those of a block, neither its first nor its last one, nor those with a rule of their own."""
    walk = StreamWalk(v2)
    long = {e["type"] for e in WHOLE if not walk.continues(e["type"], e) and not [*walk.event(e["type"], e)]}
    ends = {f"{part}-{end}" for part in ("content", "citation", "tool-call") for end in ("start", "end")}
    assert long == {*ends, "tool-plan-delta"}


def test_what_a_violation_says_to_a_reader(v2: Grammar) -> None:
    walk = StreamWalk(v2)
    start, opened = list(walk.event("content-end", {"index": 0})), list(walk.event("message-start", {}))
    assert [(one.expected, one.observed) for one in start] == [
        ("one of message-start", "content-end comes before message-start")
    ]
    assert opened == []  # the event before it was one too many
    assert [(one.expected, one.observed) for one in walk.event("content-start", {"index": 4})] == [
        ("index 0", "index 4")
    ]
    assert [(one.expected, one.observed) for one in walk.event("content-delta", {})] == [
        ("index 4", "no index")
    ]


@pytest.mark.parametrize(
    ("stream", "observed"),
    [
        (text()[1:], "content-start comes before message-start"),
        ([text()[0], *text()], "a second message-start"),
        ([*text(), text()[0]], "message-start comes after message-end"),
        ([*text(), text()[-1]], "a second message-end"),
        (without(text(), "content-start"), "content-delta is not between content-start and content-end"),
        (without(text(), "content-end"), "message-end comes before content-end"),
        (
            with_before(text(), "content-start", block("Hi")[0]),
            "a second content-start comes before content-end",
        ),
        (with_before(text(), "content-end", block("Hi")[-1]), "content-end comes without content-start"),
        (chat_v2(*tool_call("{}")[:-1]), "message-end comes before tool-call-end"),
        (chat_v2(*tool_call("{}")[1:]), "tool-call-delta is not between tool-call-start and tool-call-end"),
        (chat_v2(*citation(0)), "citation-start is not between content-start and content-end"),
        (chat_v2(citation(0)[1]), "citation-end comes without citation-start"),
        (chat_v2(*tool_call(), plan("x")), "tool-plan-delta comes after tool-call-start"),
        (with_before(text(), "message-end", {"type": "made-up"}), "made-up comes after content-end"),
    ],
)
def test_a_misplaced_event_is_described_by_other_events(
    v2: Grammar, stream: list[Event], observed: str
) -> None:
    walk = StreamWalk(v2)
    violations = [one for event in stream for one in walk.event(event["type"], event)]
    assert violations[0].observed == observed


@pytest.mark.parametrize("cut", range(1, len(WHOLE)))
def test_a_stream_that_is_cut_has_not_ended(v2: Grammar, cut: int) -> None:
    assert walked(v2, WHOLE[:cut]) == ([], False)


def test_an_event_that_no_state_knows_moves_nothing(v2: Grammar) -> None:
    stream = with_before(text(), "content-end", {"type": "made-up"})
    assert walked(v2, stream) == ([("made-up", "sequence", "block")], True)


# -- v1


def v1_event(name: str, **more: Any) -> Event:
    return {"event_type": name, "is_finished": False, **more}


SEARCHES = v1_event("search-queries-generation", search_queries=[])
RESULTS = v1_event("search-results", search_results=[], documents=[])
CITED = v1_event("citation-generation", citations=[])
CALL = v1_event("tool-calls-generation", tool_calls=[])
CHUNK = v1_event("tool-calls-chunk", text="x")


@pytest.mark.parametrize(
    ("stream", "broken"),
    [
        (chat_v1("Hi", " there"), []),
        (chat_v1("Hi", middle=[SEARCHES, RESULTS]), []),
        (chat_v1("Hi", middle=[CHUNK, CHUNK, CALL]), []),
        ([*chat_v1("Hi")[:2], CITED, *chat_v1("Hi")[2:]], []),
        (chat_v1("Hi")[1:], [("text-generation", "sequence", "opening")]),
        (chat_v1("Hi", middle=[SEARCHES, SEARCHES]), [("search-queries-generation", "sequence", "again")]),
        (chat_v1("Hi", middle=[RESULTS, RESULTS]), [("search-results", "sequence", "again")]),
        (chat_v1("Hi", middle=[CALL, CALL]), [("tool-calls-generation", "sequence", "again")]),
        (chat_v1("Hi", middle=[CITED]), [("citation-generation", "sequence", "early")]),
        (chat_v1("Hi", middle=[CALL, CHUNK]), [("tool-calls-chunk", "sequence", "late")]),
        ([*chat_v1("Hi"), chat_v1("Hi")[-1]], [("stream-end", "sequence", "closed")]),
        ([*chat_v1("Hi"), chat_v1("Hi")[1]], [("text-generation", "sequence", "closed")]),
        (
            [v1_event("stream-start", generation_id=UUID, is_finished=True), *chat_v1("Hi")[1:]],
            [("stream-start", "finished", "is_finished")],
        ),
        (
            [*chat_v1("Hi")[:-1], chat_v1("Hi")[-1] | {"is_finished": False}],
            [("stream-end", "finished", "is_finished")],
        ),
        (
            [*chat_v1("Hi")[:-1], chat_v1("Hi")[-1] | {"is_finished": "true"}],
            [("stream-end", "finished", "is_finished")],
        ),
        ([{"event_type": "debug", "is_finished": False}, *chat_v1("Hi")], []),
        (
            [{"event_type": "debug", "is_finished": True}, *chat_v1("Hi")],
            [("debug", "finished", "is_finished")],
        ),
        (
            [{key: value for key, value in event.items() if key != "is_finished"} for event in chat_v1("Hi")],
            [],
        ),
    ],
    ids=[
        "text",
        "search",
        "calls",
        "citation",
        "no-start",
        "searches-twice",
        "results-twice",
        "calls-twice",
        "citation-before-text",
        "chunk-after-calls",
        "second-end",
        "after-end",
        "finished-early",
        "never-finished",
        "finished-as-text",
        "debug-is-ignored",
        "debug-says-it-is-last",
        "without-the-flag",
    ],
)
def test_v1_streams(v1: Grammar, stream: list[Event], broken: list[tuple[str, str, str]]) -> None:
    assert walked(v1, stream)[0] == broken


def test_a_generate_stream_may_end_with_an_error(declarations: Declarations) -> None:
    grammar = declarations.grammars["POST /v1/generate"]
    piece = v1_event("text-generation", text="x")
    error = v1_event("stream-error", is_finished=True)
    assert walked(grammar, [piece, error]) == ([], True)
    assert walked(grammar, [error, piece]) == ([("text-generation", "sequence", "closed")], True)


# -- grammars of their own


def small(**more: Any) -> Grammar:
    states = {"open": {"a": Step("open"), "b": Step("open"), "z": Step("done")}}
    return Grammar(tag="t", states=states, start="open", end="done", fold="generate", reason="", **more)


@pytest.mark.parametrize(
    ("rules", "events", "broken"),
    [
        ({"at_most_once": ("a",)}, "a b a a z", [("a", "sequence", "again")] * 2),
        ({"only_after": {"a": "b"}}, "a b a z", [("a", "sequence", "early")]),
        ({"never_after": {"a": "b"}}, "a b a z", [("a", "sequence", "late")]),
        ({"ignore": ("x", "a"), "at_most_once": ("a",)}, "x a a x z x", []),
        ({}, "x z", [("x", "sequence", "open")]),
        ({}, "z a z", [("a", "sequence", "done"), ("z", "sequence", "done")]),
    ],
    ids=["at-most-once", "only-after", "never-after", "ignore", "unknown", "after-the-end"],
)
def test_each_rule_by_itself(rules: dict[str, Any], events: str, broken: list[tuple[str, str, str]]) -> None:
    assert walked(small(**rules), [{"t": name} for name in events.split()]) == (broken, True)


def test_the_flag_is_asked_of_every_event_that_has_it() -> None:
    grammar = small(finished=Finished("last", ("z",)))
    events = [{"t": "a", "last": False}, {"t": "b"}, {"t": "b", "last": True}, {"t": "z", "last": False}]
    assert walked(grammar, events) == ([("b", "finished", "last"), ("z", "finished", "last")], True)


def test_a_grammar_knows_its_events() -> None:
    assert small(ignore=("x",)).events() == {"a", "b", "z", "x"}


# -- the file


def written(folder: Path, grammar: str, operations: str = "{POST /a: g}") -> Path:
    path = folder / "streams.yaml"
    path.write_text(f"grammars:\n  g: {{{grammar}}}\noperations: {operations}\n", encoding="utf-8")
    return path


WORKS = "tag: t, start: s, end: e, fold: generate, reason: r, states: {s: {a: {to: s}, z: {to: e}}}"


def test_a_small_file_is_read(tmp_path: Path) -> None:
    states = {"s": {"a": Step("s"), "z": Step("e")}}
    grammar = Grammar(tag="t", states=states, start="s", end="e", fold="generate", reason="r")
    assert load_grammars(written(tmp_path, WORKS)) == {"POST /a": grammar}


@pytest.mark.parametrize(
    ("grammar", "operations", "complaint"),
    [
        (WORKS.replace("a: {to: s}", "a: {to: nowhere}"), "{}", r"grammar g: no such state: \['nowhere'\]"),
        (WORKS.replace("start: s", "start: x"), "{}", "grammar g: no such state: start or end"),
        (WORKS.replace("z: {to: e}", "z: {to: s}"), "{}", "grammar g: no such state: start or end"),
        (f"{WORKS}, at_most_once: [x]", "{}", r"grammar g: no such event: \['x'\]"),
        (f"{WORKS}, only_after: {{x: a}}", "{}", r"grammar g: no such event: \['x'\]"),
        (f"{WORKS}, only_after: {{a: x}}", "{}", r"grammar g: no such event: \['x'\]"),
        (f"{WORKS}, never_after: {{a: x, y: a}}", "{}", r"grammar g: no such event: \['x', 'y'\]"),
        (WORKS, "{POST /a: h}", "no grammar is called 'h'"),
        (WORKS.replace("{to: s}", "{to: s, opens: 1}"), "{}", "opens"),
        (WORKS.replace("{to: s}", "{goes: s}"), "{}", "goes"),
        (WORKS.replace("{to: s}", "{}"), "{}", "`to`"),
        (WORKS.replace("tag: t, ", ""), "{}", "`tag`"),
        (f"{WORKS}, colour: red", "{}", "colour"),
    ],
    ids=[
        "unknown-state",
        "unknown-start",
        "end-never-reached",
        "once-unknown",
        "after-unknown-key",
        "after-unknown-value",
        "never-unknown",
        "unknown-grammar",
        "counter-no-word",
        "unknown-step",
        "no-target",
        "no-tag",
        "unknown-rule",
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, grammar: str, operations: str, complaint: str) -> None:
    path = written(tmp_path, grammar, operations)
    with pytest.raises(ContractError, match=complaint):
        load_grammars(path)
