"""What the response to a derived request says of the server, and when it says nothing."""

from __future__ import annotations

import pytest
from builders import JSON, exchange

from cohere_conformance.cases import RequestTemplate
from cohere_conformance.fuzz.candidate import Candidate, Expected, GenerationMode
from cohere_conformance.fuzz.response_checks import may_be_misrouted

DATASET = "GET /v1/datasets/{id}"
TEXT = (("content-type", "text/plain"),)


def candidate(
    mode: GenerationMode, location: str = "path:id", expected: Expected = Expected.REFUSED
) -> Candidate:
    return Candidate(mode, "datasets.get.plain", location, "odd", RequestTemplate(DATASET), expected)


OTHERS = [mode for mode in GenerationMode if mode is not GenerationMode.PROTOCOL]


@pytest.mark.parametrize("headers", [JSON, TEXT], ids=["JSON", "text"])
@pytest.mark.parametrize("status", [200, 400, 404, 422])
def test_nobody_knows_where_a_path_that_is_odd_below_the_contract_has_led(
    status: int, headers: tuple[tuple[str, str], ...]
) -> None:
    """Servers differ in how they read such a path, so whatever they respond is about some other operation."""
    made = exchange("GET /v1/datasets/x", {}, status=status, headers=headers)
    assert may_be_misrouted(candidate(GenerationMode.PROTOCOL), made)


@pytest.mark.parametrize("mode", OTHERS)
@pytest.mark.parametrize(
    ("status", "headers", "lost"),
    [(404, TEXT, True), (405, TEXT, True), (404, JSON, False), (422, TEXT, False), (200, JSON, False)],
)
def test_another_odd_path_is_lost_where_a_router_refuses_it(
    mode: GenerationMode, status: int, headers: tuple[tuple[str, str], ...], lost: bool
) -> None:
    """A value that breaks a rule is judged, unless a proxy in front of the service has responded."""
    made = exchange("GET /v1/datasets/x", {}, status=status, headers=headers)
    assert may_be_misrouted(candidate(mode), made) is lost


@pytest.mark.parametrize("mode", GenerationMode)
def test_what_is_not_in_the_path_or_has_to_be_served_is_never_lost(mode: GenerationMode) -> None:
    """Only the path decides which operation is called."""
    made = exchange("GET /v1/datasets/x", b"not found", status=404, headers=TEXT)
    assert not may_be_misrouted(candidate(mode, "query:limit"), made)
    assert not may_be_misrouted(candidate(mode, expected=Expected.SERVED), made)
