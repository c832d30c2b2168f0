"""Exchanges of one kind are judged one after the other; nothing is lost, and errors keep their order."""

from __future__ import annotations

from itertools import groupby

from builders import exchange

from cohere_conformance.errors import TrafficError
from cohere_conformance.session.judging_order import batches

STREAM = b"event: message-start\ndata: {}\n\n"


def test_exchanges_of_one_kind_are_next_to_each_other() -> None:
    kinds = (("POST /v2/chat", b"{}"), ("POST /v2/chat", STREAM), ("POST /v2/embed", b"{}"))
    values = [exchange(*kinds[number % 3], request={"n": number}) for number in range(600)]
    found = list(batches(values))
    assert [len(batch) for batch in found] == [256, 256, 88]
    judged = [one for batch in found for one in batch]
    assert sorted(map(values.index, judged)) == list(range(600))
    for batch in found:
        runs = groupby(batch, key=lambda one: (one.request.url, one.response.body))
        assert len([*runs]) == 3


def test_errors_keep_their_order() -> None:
    errors = [TrafficError("a.har", f"entry {number}", "broken") for number in (3, 1, 2)]
    (found,) = batches([errors[0], exchange("GET /v1/models", b"{}"), *errors[1:]])
    assert [one for one in found if isinstance(one, TrafficError)] == errors


def test_large_bodies_are_not_collected() -> None:
    """At most one body more than 4 MiB is in memory: recordings may have gigabytes of them."""
    large = [exchange("POST /v2/embed", b"x" * 3_000_000) for _ in range(5)]
    assert [len(batch) for batch in batches([*large, exchange("GET /v1/models", b"{}")])] == [2, 2, 2]
