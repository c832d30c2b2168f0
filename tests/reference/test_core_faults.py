"""Faults that belong to no group: without them the server is correct, and each is observed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.reference import ServerState, catalogue, chosen
from cohere_conformance.reference.keys import EXPIRED, TRIAL
from cohere_conformance.reference.server import ServerThread
from reference import GARBLED, CheckedServer, call, checked_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

CHECK, TOKENIZE, RERANK = "POST /v1/check-api-key", "POST /v1/tokenize", "POST /v2/rerank"
BODY = {"model": "rerank-v3.5", "query": "q", "documents": ["a"]}
WRONG = "wrong-key-0123456789"
LEFT = "x-trial-endpoint-call-remaining"

Seen = tuple[int, Any]
"""Status, and what else there is to see of an answer."""


@pytest.fixture(scope="module")
def server() -> Iterator[CheckedServer]:
    with checked_server() as server:
        yield server


def asking(
    label: str, body: Any, observe: Callable[[httpx.Response], Any], **further: Any
) -> Callable[[CheckedServer], Seen]:
    def ask(server: CheckedServer) -> Seen:
        answer = server.ask(label, body, status=None, **further)
        return answer.status_code, observe(answer)

    return ask


def nothing(answer: httpx.Response) -> None:
    return None


def message(answer: httpx.Response) -> str:
    return str(answer.json()["message"])


def billed(answer: httpx.Response) -> Any:
    return answer.json()["meta"]["billed_units"]


def warned(answer: httpx.Response) -> tuple[int, int]:
    return len(answer.headers.get_list("x-api-warning")), len(answer.json()["meta"].get("warnings", []))


def above(answer: httpx.Response) -> bool:
    return int(answer.headers[LEFT]) > int(answer.headers["x-trial-endpoint-call-limit"])


NAMELESS = {"query": "q", "documents": ["a"]}
OLD = {"model": "command", "text": "a"}
MISSING = "model parameter is required"
MASKED = f"Incorrect API key provided: {WRONG[:2]}****{WRONG[-2:]}"
UNKNOWN = BODY | {"colour": "blue"}
MEANT = "unknown field: parameter 'colour' is not a valid field"

FAULTS: dict[str, tuple[Callable[[CheckedServer], Seen], Seen, Seen]] = {
    "auth.ignored": (
        asking(CHECK, None, nothing, headers={"authorization": "Bearer"}),
        (401, None),
        (200, None),
    ),
    "auth.any-key": (asking(CHECK, None, nothing, key=WRONG), (401, None), (200, None)),
    "auth.any-scheme": (
        asking(CHECK, None, nothing, headers={"authorization": "Basic x"}),
        (401, None),
        (200, None),
    ),
    "auth.expired-accepted": (asking(CHECK, None, nothing, key=EXPIRED), (401, None), (200, None)),
    "auth.forbidden": (asking(CHECK, None, nothing, key=WRONG), (401, None), (403, None)),
    "auth.late": (asking(RERANK, NAMELESS, message, key=WRONG), (401, MASKED), (400, MISSING)),
    "auth.key-repeated": (
        asking(CHECK, None, message, key=WRONG),
        (401, MASKED),
        (401, f"Incorrect API key provided: {WRONG}"),
    ),
    "limits.remaining-above": (asking(CHECK, None, above, key=TRIAL), (200, False), (200, True)),
    "billing.fraction": (
        asking(RERANK, BODY, billed),
        (200, {"search_units": 1}),
        (200, {"search_units": 1.5}),
    ),
    "billing.foreign-unit": (
        asking(RERANK, BODY, billed),
        (200, {"search_units": 1}),
        (200, {"search_units": 1, "classifications": 1}),
    ),
    "headers.client-name-refused": (
        asking(CHECK, None, nothing, headers={"x-client-name": "x"}),
        (200, None),
        (400, None),
    ),
    "headers.notice-only": (asking(TOKENIZE, OLD, warned), (200, (1, 1)), (200, (1, 0))),
    "validation.null-refused": (asking(RERANK, BODY | {"top_n": None}, nothing), (200, None), (400, None)),
    "validation.required-ignored": (asking(RERANK, NAMELESS, nothing), (400, None), (200, None)),
    "validation.crash": (asking(RERANK, NAMELESS, message), (400, MISSING), (500, "internal server error")),
    "validation.unknown-swallowed": (asking(RERANK, UNKNOWN, nothing), (422, None), (200, None)),
    "validation.unknown-400": (asking(RERANK, UNKNOWN, message), (422, MEANT), (400, MEANT)),
    "paths.unavailable": (asking(CHECK, None, nothing), (200, None), (503, None)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_the_response(server: CheckedServer, name: str) -> None:
    ask, correct, faulty = FAULTS[name]
    assert ask(server) == correct
    with server.fault(name):
        assert ask(server) == faulty


def test_the_remaining_calls_of_a_trial_key_decrease() -> None:
    def left(server: CheckedServer) -> list[int]:
        return [int(server.ask(CHECK, key=TRIAL).headers[LEFT]) for _ in range(3)]

    with checked_server(ServerState()) as server:
        first = left(server)
        assert first == [first[0], first[0] - 1, first[0] - 2]
        with server.fault("limits.never"):
            assert left(server) == [first[-1]] * 3


@pytest.mark.parametrize(("faults", "status"), [((), 404), (("paths.catch-all",), 200)])
def test_an_undeclared_path_is_a_404(faults: tuple[str, ...], status: int) -> None:
    with ServerThread(ServerState(faults=chosen(faults))) as server:
        assert call(server.url, "GET", "/v1/nothing")[0].status_code == status


def test_every_fault_of_keys_limits_billing_and_paths_is_tested() -> None:
    parts = ("auth.", "limits.", "billing.", "paths.")
    assert {name for name in catalogue() if name.startswith(parts)} <= {
        *FAULTS,
        "limits.never",
        "paths.catch-all",
        *GARBLED,
    }
