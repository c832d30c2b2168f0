"""What a gateway changes beyond the meaning of responses: the pace of streams, and header fields."""

from __future__ import annotations

import pytest

from cohere_conformance.golden.gateway import bursts, dropped_fields, held_back
from cohere_conformance.model import Response

ONE_BY_ONE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
AT_ONCE = (0.8, 0.8001, 0.8002, 0.8003)


def received(*times: float) -> Response:
    return Response(200, arrivals=tuple((number, at) for number, at in enumerate(times)))


@pytest.mark.parametrize(
    ("times", "number"), [((), 0), ((0.1,), 1), (AT_ONCE, 1), (ONE_BY_ONE, 8), ((0.1, 0.101, 0.2), 2)]
)
def test_bursts_are_separated_by_pauses(times: tuple[float, ...], number: int) -> None:
    assert bursts(received(*times)) == number


@pytest.mark.parametrize(
    ("upstream", "gateway", "buffered"),
    [
        (ONE_BY_ONE, AT_ONCE, True),
        (ONE_BY_ONE, (0.4, 0.8), True),
        (ONE_BY_ONE, (0.2, 0.4, 0.8), False),
        (ONE_BY_ONE, ONE_BY_ONE, False),
        (ONE_BY_ONE, (), False),
        (AT_ONCE, AT_ONCE, False),
        ((0.1, 0.2), AT_ONCE, False),
    ],
    ids=[
        "at once",
        "in two parts",
        "in three parts",
        "the same",
        "unknown",
        "both at once",
        "short",
    ],
)
def test_a_stream_in_far_fewer_bursts_is_held_back(
    upstream: tuple[float, ...], gateway: tuple[float, ...], buffered: bool
) -> None:
    assert held_back(received(*upstream), received(*gateway)) is buffered


def test_only_fields_that_matter_count_as_dropped() -> None:
    upstream = (("date", "1"), ("x-api-warning", "old"), ("retry-after", "1"), ("content-encoding", "gzip"))
    gateway = (("retry-after", "2"), ("via", "gateway"))
    assert dropped_fields(upstream, gateway) == (("x-api-warning", "old"),)
