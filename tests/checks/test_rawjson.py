"""The strict JSON parser: the defects of a text, and the value that is returned anyway."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohere_conformance.checks.rawjson import NOTHING, parse, parse_plain

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def rules(raw: bytes | str) -> list[str]:
    """Return the rules that a text breaks, with what each is about."""
    return [f"{defect.rule}:{defect.subject}" if defect.subject else defect.rule for defect in parse(raw)[1]]


@pytest.mark.parametrize(
    ("raw", "value", "broken"),
    [
        (b'{"a": [1, 2.5, true, null, "x"]}', {"a": [1, 2.5, True, None, "x"]}, []),
        (b" \r\n\t[1] \n", [1], []),
        (b"null", None, []),
        (b'"\\ud83d\\ude00"', "\U0001f600", []),
        ('"\u2028 \u00e9"'.encode(), "\u2028 \u00e9", []),
        (b'"\\u0000"', "\0", []),
        (b'{"a": {"b": 1, "b": 2}}', {"a": {"b": 2}}, ["duplicate-key:b"]),
        (b'[{"a": 1, "a": 1, "a": 1}]', [{"a": 1}], ["duplicate-key:a"]),
        (
            b'{"b": 1, "a": 1, "b": 2, "a": 2}',
            {"b": 2, "a": 2},
            ["duplicate-key:a", "duplicate-key:b"],
        ),
        (b'{"a": 1, "\\u0061": 2}', {"a": 2}, ["duplicate-key:a"]),
        (b"[NaN]", [0.0], ["not-a-number:NaN"]),
        (b"[Infinity, -Infinity]", [0.0, 0.0], ["not-a-number:Infinity", "not-a-number:-Infinity"]),
        (b'{"a": "\xff"}', {"a": "\ufffd"}, ["utf-8"]),
        (b'{"a": "\xed\xa0\x80"}', {"a": "\ufffd\ufffd\ufffd"}, ["utf-8"]),
        (b"{} {}", {}, ["trailing"]),
        (b"[1]]", [1], ["trailing"]),
        (b"1 2", 1, ["trailing"]),
        (b"", NOTHING, ["empty"]),
        (b" \n\t\r", NOTHING, ["empty"]),
        (b"\xef\xbb\xbf[1]", [1], ["byte-order-mark"]),
        (b"\xef\xbb\xbf", NOTHING, ["byte-order-mark", "empty"]),
        (b'"\\ud800"', "\ufffd", ["surrogate"]),
        (b'{"\\udc00": ["\\uDBFF x"]}', {"\ufffd": ["\ufffd x"]}, ["surrogate"]),
        (b'{"a": 1', NOTHING, ["truncated"]),
        (b'{"a": "text', NOTHING, ["truncated"]),
        (b'{"a": "text\\', NOTHING, ["truncated"]),
        (b"[1, ", NOTHING, ["truncated"]),
        (b"[", NOTHING, ["truncated"]),
        (b"{'a': 1}", NOTHING, ["syntax"]),
        (b"[1,]", NOTHING, ["syntax"]),
        (b'{"a" 1}', NOTHING, ["syntax"]),
        (b"<!doctype html>", NOTHING, ["syntax"]),
        (b"[01]", NOTHING, ["syntax"]),
        (b'["\t"]', NOTHING, ["syntax"]),
        (b'["\\x"]', NOTHING, ["syntax"]),
        (b"404 page not found\n", 404, ["trailing"]),
        (b"[" * 100_000, NOTHING, ["too-deep"]),
        (b"[" * 100_000 + b"]" * 100_000, NOTHING, ["too-deep"]),
        (b'{"a":' * 100_000, NOTHING, ["too-deep"]),
        (b"[" + b"1" * 5000 + b"]", NOTHING, ["number-too-long"]),
        (b'{"a": 1, "a": "\xff"} x', {"a": "\ufffd"}, ["utf-8", "duplicate-key:a", "trailing"]),
    ],
    ids=lambda value: repr(value)[:30] if isinstance(value, bytes) else "",
)
def test_each_defect_of_a_text_is_named(raw: bytes, value: Any, broken: list[str]) -> None:
    assert (parse(raw)[0], rules(raw)) == (value, broken)


@pytest.mark.parametrize("depth", [200, 300, 600, 900])
def test_a_deep_value_is_read_or_refused_but_never_raises(depth: int) -> None:
    value, defects = parse(b"[" * depth + b'"\\ud800"' + b"]" * depth)
    assert [defect.rule for defect in defects] == (["too-deep"] if value is NOTHING else ["surrogate"])


WHOLE = json.dumps(
    {"text": 'a \u00e9 " \\ \n', "list": [1, -2.5e-3, True, False, None, {}, []], "deep": {"x": {"y": "z"}}}
)


def test_a_text_that_is_cut_anywhere_is_truncated() -> None:
    cut = [WHOLE[:length] for length in range(1, len(WHOLE))]
    assert [text for text in cut if rules(text) != ["truncated"]] == []


@pytest.mark.parametrize("cut", range(1, len("é☃\U0001f600".encode())))
def test_a_text_that_is_cut_within_a_character_is_truncated(cut: int) -> None:
    assert rules('["é☃\U0001f600"]'.encode()[: 2 + cut])[-1] == "truncated"


@given(JSON)
@settings(deadline=None, max_examples=150)
def test_what_any_writer_writes_is_read_as_it_was(value: Any) -> None:
    assert parse(json.dumps(value)) == (value, ())
    assert parse(json.dumps(value, ensure_ascii=False, indent=1).encode()) == (value, ())


@given(st.binary(max_size=60) | st.text(max_size=60))
@settings(deadline=None, max_examples=300)
def test_whatever_comes_is_a_value_or_a_defect(raw: bytes | str) -> None:
    value, defects = parse(raw)
    assert value is not NOTHING or defects
    if value is not NOTHING:
        json.dumps(value, ensure_ascii=False).encode()


@given(JSON)
@settings(deadline=None, max_examples=100)
def test_a_value_of_its_own_is_not_nothing(value: Any) -> None:
    assert parse(json.dumps(value))[0] is not NOTHING


NUMBERS = st.from_regex(r"\A-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?\Z")
TEXTS = NUMBERS | st.text(max_size=8).map(json.dumps) | st.text('"\\u0d8DcC{}[]:,1e+-.aé\n\t ', max_size=20)


@given(TEXTS)
def test_the_fast_parser_returns_the_same_value_or_nothing(text: str) -> None:
    value = parse_plain(text)
    if value is not NOTHING:
        assert (repr(value), ()) == (repr(parse(text)[0]), parse(text)[1])


@pytest.mark.parametrize(
    "text", ["1e400", "NaN", '"\\ud800"', b'"\xff"', "", "\ufeff1", "9" * 5000, "[" * 2000, '{"a":1', "01"]
)
def test_the_fast_parser_leaves_what_is_unusual(text: str | bytes) -> None:
    assert parse_plain(text) is NOTHING
