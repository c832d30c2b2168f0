"""Exchanges with equal skeletons show the same, and what decides what they show is in their skeletons."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from builders import exchange
from hypothesis import given
from hypothesis import strategies as st

from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.checks.skeleton import Skeleton
from cohere_conformance.contract import load_contract
from cohere_conformance.data import folder
from cohere_conformance.model import Exchange
from cohere_conformance.observed.response import sample_of
from cohere_conformance.observed.skeleton import skeleton_of
from cohere_conformance.recordings import discover, parse_recording
from cohere_conformance.session.shapes import shipped_shapes

if TYPE_CHECKING:
    from collections.abc import Hashable

    from cohere_conformance.observed.response import Sample

CHAT = {
    "id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "Hello, world."}]},
    "usage": {"billed_units": {"input_tokens": 17, "output_tokens": 26}},
}
ASKED = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Hi"}]}


def of(body: Any, asked: Any = ASKED) -> Hashable:
    return skeleton_of(load_contract(), ParsedExchange(exchange("POST /v2/chat", body, request=asked)))


def shown(sample: Sample | None) -> object:
    """Return what comparisons look at."""
    if sample is None:
        return None
    walk = sample.walk
    missing = {name for name in walk.chances if walk.there.get(name, 0) < sample.chances(name)}
    findings = [*shipped_shapes(hints=True).findings(sample)]
    return sample.scenario, dict(walk.types), dict(walk.values), missing, findings, sample.day


def test_recorded_exchanges_with_equal_skeletons_show_the_same() -> None:
    contract, groups = load_contract(), defaultdict[Any, list[Any]](list)
    for file in discover([folder("cassettes")]):
        for one in parse_recording(file) if isinstance(file, str) else ():
            parsed = ParsedExchange(one) if isinstance(one, Exchange) else None
            if parsed is not None and (found := skeleton_of(contract, parsed)) is not None:
                groups[found].append(shown(sample_of(contract, parsed)))
    assert sum(len(group) > 1 for group in groups.values()) > 20
    assert all(one == group[0] for group in groups.values() for one in group)


def test_texts_and_numbers_do_not_matter() -> None:
    other = json.loads(json.dumps(CHAT))
    other["id"], other["usage"]["billed_units"]["input_tokens"] = "00f067aa-0ba9-42b7", 1.5e3
    other["message"]["content"][0]["text"] = 'a "quoted" text,\n with \\ and {"braces": [1]}'
    assert of(other) == of(CHAT) is not None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("finish_reason", "MAX_TOKENS"),
        ("finish_reason", None),
        ("finish_reason", 7),
        ("message/content", []),
        ("message/role", True),
        ("usage/billed_units/further", 1),
        ("mood", "calm"),
    ],
)
def test_types_names_and_listed_values_matter(path: str, value: Any) -> None:
    other = json.loads(json.dumps(CHAT))
    *parents, last = path.split("/")
    node = other
    for name in parents:
        node = node[name]
    node[last] = value
    assert of(other) != of(CHAT)


def test_what_was_requested_matters() -> None:
    assert of(CHAT, ASKED | {"temperature": 0.3}) != of(CHAT)
    assert of(CHAT, ASKED | {"model": "command-r-08-2024"}) != of(CHAT)
    assert of(CHAT, ASKED | {"messages": [{"role": "user", "content": "Something else"}]}) == of(CHAT)


@pytest.mark.parametrize("written", [r"\u0043OMPLETE", r"COMPLE\u0054E"])
def test_a_listed_value_with_escapes_is_no_other_text(written: str) -> None:
    text = json.dumps(CHAT)
    escaped, other = text.replace("COMPLETE", written), text.replace("COMPLETE", "whatever")
    assert of(escaped.encode()) != of(other.encode())


def test_a_broken_body_has_none() -> None:
    assert of(b'{"id": 1') is None
    assert of(b'{"id": 1, "id": 2}') is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def plain(value: Any) -> Any:
    """Return a value with all texts and all numbers alike."""
    match value:
        case bool() | None:
            return value
        case str():
            return ""
        case int():
            return 0
        case list():
            return [plain(one) for one in value]
        case _:
            return {name: plain(one) for name, one in value.items()}


@given(VALUES, VALUES)
def test_equal_skeletons_have_equal_names_and_types(one: Any, other: Any) -> None:
    texts = [json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") for value in (one, other)]
    if Skeleton(texts[0]).form(frozenset()) == Skeleton(texts[1]).form(frozenset()):
        assert plain(one) == plain(other)
    spaced = Skeleton(json.dumps(one, indent=1, ensure_ascii=False))
    assert Skeleton(texts[0]).form(frozenset()) == spaced.form(frozenset())


@pytest.mark.parametrize("empty", ["[]", "[ ]", "[\n\t]"])
def test_a_list_of_a_number_is_not_empty(empty: str) -> None:
    kept: frozenset[bytes] = frozenset()
    assert Skeleton('{"a": [5], "b": 1}').form(kept) != Skeleton(f'{{"a": {empty}, "b": 1}}').form(kept)
    assert Skeleton(f'{{"a": {empty}}}').form(kept) == Skeleton('{"a":[]}').form(kept)
    assert Skeleton('{"a": [[5], 7]}').form(kept) == Skeleton('{"a":[[\n-1.5e3],0]}').form(kept)
