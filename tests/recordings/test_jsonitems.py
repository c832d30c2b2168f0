"""The elements of a list are those that an incremental parser finds, in valid and in broken documents."""

from __future__ import annotations

import io
import json
from typing import Any

import ijson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohere_conformance.inputs.jsontext import BoundedStream
from cohere_conformance.recordings import jsonitems
from cohere_conformance.recordings.jsonitems import JsonItems, RunItems

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
BROKEN = (ijson.JSONError, ValueError, ArithmeticError)


def document(elements: list[Any], before: Any, *, indent: int | None, ascii_only: bool) -> bytes:
    value = {"log": {"version": "1.2", "pages": before, "entries": elements, "comment": before}, "x": before}
    return json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


def read(text: bytes, path: str = "log.entries.item") -> tuple[list[Any], str]:
    items, found = JsonItems(io.BufferedReader(io.BytesIO(text)), path), []
    try:
        for number, value in items.read():
            found.append(value)
            assert number == len(found) == items.number
    except BROKEN as error:
        return found, type(error).__name__
    return found, ""


def in_runs(text: bytes, most: int = 2, size: int = 100) -> tuple[list[Any], str]:
    """Return what `read` returns, by runs that are read on their own, and then the rest."""
    items, found = JsonItems(io.BufferedReader(io.BytesIO(text)), "log.entries.item"), []
    try:
        for run in items.runs(most, size):
            alone = RunItems(text[run.start :][: run.spans[-1][1]], run.before, run.spans)
            for number, value in alone.read():
                found.append(value)
                assert number == len(found) == alone.number
        for number, value in items.rest():
            found.append(value)
            assert number == len(found) == items.number
    except BROKEN as error:
        return found, type(error).__name__
    return found, ""


def expected(text: bytes, path: str = "log.entries.item") -> tuple[list[Any], str]:
    found = []
    try:
        stream = BoundedStream(io.BufferedReader(io.BytesIO(text)))
        found.extend(ijson.items(stream, path))
    except BROKEN as error:
        return found, type(error).__name__
    return found, ""


@given(st.lists(VALUES, max_size=5), VALUES, st.sampled_from([None, 1]), st.booleans())
def test_the_elements_are_those_of_an_incremental_parser(
    elements: list[Any], before: Any, indent: int | None, ascii_only: bool
) -> None:
    text = document(elements, before, indent=indent, ascii_only=ascii_only)
    assert read(text) == in_runs(text) == expected(text)


@given(
    st.lists(VALUES, min_size=1, max_size=4),
    st.data(),
    st.sampled_from([b"", b",", b"}", b"\xff", b"]", b'"']),
)
def test_a_broken_document_has_the_same_elements_before_it_breaks(
    elements: list[Any], data: st.DataObject, instead: bytes
) -> None:
    text = document(elements, None, indent=None, ascii_only=False)
    at = data.draw(st.integers(0, len(text) - 1))
    for broken in (text[:at], text[:at] + instead + text[at + 1 :]):
        assert read(broken) == in_runs(broken) == expected(broken)


@pytest.mark.parametrize("path", ["", "item", "log.entries.item", "log.other.item"])
def test_any_list_of_a_document(path: str) -> None:
    for text in (
        b"[1, 2, 3]",
        b'{"log":{"entries":[{"a":1.10},{"a":2}]}}',
        b'{"log":{"entries":[]}}',
        b"",
        b"[]",
    ):
        assert read(text, path) == expected(text, path)


def test_large_elements_are_read_in_growing_pieces() -> None:
    text = document(["x" * 300_000, *range(5), "y" * 100_000], ["z" * 200_000], indent=None, ascii_only=True)
    assert read(text) == expected(text)


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 64, 65_536])
def test_plain_elements_do_not_need_the_incremental_parser(
    monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    """All but the last one, behind which the rest of the document is checked; wherever the pieces end."""
    left: list[Any] = []
    items = jsonitems.ijson.items

    def spied(stream: Any, path: str) -> Any:
        for value in items(stream, path):
            left.append(value)
            yield value

    monkeypatch.setattr(jsonitems.ijson, "items", spied)
    monkeypatch.setattr(jsonitems, "_PIECE", piece)
    values = [-1, -1.5e-7, True, None, '\u2028\\ " \U0001f600', [{}, -12], {"a": -1}]
    elements = [{"number": number, "value": values[number % len(values)]} for number in range(50)]
    for ascii_only in (True, False):
        text = document(elements, None, indent=None, ascii_only=ascii_only)
        wanted = expected(text)
        left.clear()
        assert read(text) == wanted
        assert [one["number"] for one in left] == [49]


def test_runs_end_at_a_number_of_elements_or_of_bytes() -> None:
    text = document([1, 2, 3, "x" * 90, 5, 6, 7, 8], None, indent=None, ascii_only=True)
    items = JsonItems(io.BufferedReader(io.BytesIO(text)), "log.entries.item")
    runs = list(items.runs(3, 50))
    assert [(run.before, len(run.spans)) for run in runs] == [(0, 3), (3, 1), (4, 3)]
    assert text[runs[0].start :][: runs[0].spans[-1][1]] == b"1, 2, 3"
    assert list(items.rest()) == [(8, 8)]


@pytest.mark.parametrize("number", ["1e99999999999999999999", "-0", "1.10", "9" * 4_000])
def test_an_element_of_a_run_that_is_not_plain_is_read_as_in_the_document(number: str) -> None:
    text = archive(["x"] * 9).replace(b"[1, {}]", b"[%s]" % number.encode(), 5)
    assert in_runs(text, most=4) == read(text) == expected(text)


def archive(bodies: list[str], separator: str = ",") -> bytes:
    entries = [
        json.dumps({"startedDateTime": "now", "body": body, "more": {"a": [1, {}]}}) for body in bodies
    ]
    return ('{"log": {"entries": [' + separator.join(entries) + "]}}").encode()


@pytest.mark.parametrize("separator", [",", " ,\n", "\n\t,  "])
def test_elements_that_begin_alike_are_delimited_at_once(
    separator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One by one only where a piece of the file ends."""
    calls: list[int] = []
    delimit = JsonItems._delimit
    monkeypatch.setattr(JsonItems, "_delimit", lambda self: calls.append(1) or delimit(self))
    text = archive(["x" * 300] * 2000, separator)
    assert read(text) == expected(text)
    assert 0 < len(calls) < 60


@pytest.mark.parametrize(
    "body",
    [
        '},{"startedDateTime": "now"',
        '{"startedDateTime": "now"},{"startedDateTime": "now"}',
        "\\\\",
        "[{]}",
    ],
)
def test_what_looks_like_elements_inside_of_one_is_a_part_of_it(body: str) -> None:
    text = archive([body] * 300)
    assert read(text) == expected(text)


def test_objects_within_elements_may_begin_as_elements_do() -> None:
    inner = [{"startedDateTime": number} for number in range(3)]
    entries = [{"startedDateTime": "now", "pages": [*inner, {}], "log": inner} for _ in range(300)]
    text = json.dumps({"log": {"entries": entries}}, separators=(",", ":")).encode()
    assert read(text) == in_runs(text) == expected(text)


@pytest.mark.parametrize("broken", ["}", "]", "", '"', "\xff", "{,"])
def test_where_elements_that_begin_alike_break_off_the_others_are_read(broken: str) -> None:
    text = archive(["x"] * 200)
    at = text.index(b"{", len(text) // 2) + 40
    damaged = text[:at] + broken.encode("latin-1") + text[at + 1 :]
    assert read(damaged) == expected(damaged)
