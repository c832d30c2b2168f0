"""One response with very many errors: few findings are stored, and the verdict is the same."""

from __future__ import annotations

import json
from functools import lru_cache

import pytest

from cohere_conformance.checks.parts import parts
from cohere_conformance.checks.selection import MOST
from cohere_conformance.model import Exchange, Finding, Request, Response, Severity, Source
from cohere_conformance.report.line import MOST_WRITTEN, Record, decode, encode
from cohere_conformance.session.judging import Judge, JudgeSettings

VALID = {
    "id": "9dfd50ed-1b2c-4f28-9d8c-8b6a3cbd5bd1",
    "results": [{"index": 0, "relevance_score": 0.9}],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
}
SENT = b'{"model": "rerank-v3.5", "query": "q", "documents": ["a"]}'
JSON = (("content-type", "application/json"),)


@lru_cache(maxsize=1)
def judge() -> Judge:
    return Judge(JudgeSettings())


def exchange(body: object) -> Exchange:
    response = Response(200, JSON, json.dumps(body).encode())
    return Exchange(Request("POST", "http://localhost/v2/rerank", JSON, SENT), response, Source("run"))


def found(body: object) -> list[Finding]:
    return judge().findings(exchange(body))


def test_the_others_are_counted() -> None:
    """Of 5,000 unknown properties some are kept, and the first of them says how many there are beside."""
    findings = found(VALID | {f"k{number}": 1 for number in range(5000)})
    assert len(findings) == MOST
    assert [one.omitted for one in findings] == [5000 - MOST] + [0] * (MOST - 1)


def test_as_many_as_are_kept_are_all_there_are() -> None:
    """Up to the bound nothing changes."""
    findings = found(VALID | {f"k{number}": 1 for number in range(MOST - 10)})
    assert not any(one.omitted for one in findings)


@pytest.mark.parametrize("number", [500, 10_000])
def test_the_worst_one_is_kept_wherever_it_is(number: int) -> None:
    """A breaking finding behind any number of additive ones still decides."""
    items = [VALID["results"][0] | {f"u{index}": 1} for index in range(number)]  # type: ignore[index]
    findings = found(VALID | {"results": [*items, 7]})
    assert findings[0].severity is Severity.BREAKING
    assert findings[0].omitted
    assert len(findings) == MOST


def test_texts_of_a_finding_are_bounded() -> None:
    """A name of a million characters is shortened, and two of them are distinguished."""
    findings = found(VALID | {"x" * 1_000_000: 1, "x" * 1_000_001: 1})
    assert len({one.fingerprint for one in findings}) == len(findings) >= 2
    assert max(len(one.location + one.expected + one.observed) for one in findings) < 4000


def test_parts_hold_everything_between_them() -> None:
    """A value that is split is judged whole, with what the schema requires in each part."""
    value = {"id": "i", "rows": [[number] * 100 for number in range(2000)], "other": {"n": 1}}
    split = list(parts(value, frozenset({"id", "rows"})))
    assert len(split) > 5
    assert [row for part in split for row in part["rows"] if len(row) == 100][-1] == [1999] * 100
    assert all(part["id"] == "i" for part in split)


def test_an_exchange_takes_no_more_than_so_much_in_a_journal() -> None:
    """A body that is too long is cut, and the record says so."""
    record = Record(
        case="c", operation="POST /v2/rerank", outcome="passed", exchange=exchange("\x01" * 9_000_000)
    )
    written = encode(record)
    assert len(written) <= MOST_WRITTEN
    read = decode(written)
    assert isinstance(read, Record)
    assert read.cut[0].startswith("response body: ")
    assert read.cut[0].endswith(" of 54000002 bytes")
