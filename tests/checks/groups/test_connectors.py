"""Connectors: each check finds its violation and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from builders import exchange
from violations import looked_at, shipped, violated

from cohere_conformance.checks import judge
from cohere_conformance.contract import load_contract

CREATE, LIST = "POST /v1/connectors", "GET /v1/connectors"
GET, PATCH = "GET /v1/connectors/notes-1a", "PATCH /v1/connectors/notes-1a"
AUTHORIZE = "POST /v1/connectors/notes-1a/oauth/authorize"
URL = "https://notes.example/search"
SENT = {"name": "Notes", "url": URL}
OPEN = {"client_id": "me", "authorize_url": "https://in.example/a", "token_url": "https://in.example/t"}
OAUTH = {**OPEN, "client_secret": "hush-hush"}
SERVICE = {"type": "bearer", "token": "top-secret"}


def connector(second: int = 1, **change: Any) -> dict[str, Any]:
    at = f"2024-10-01T10:00:{second:02}Z"
    reported = {"id": "notes-1a", **SENT, "created_at": at, "updated_at": at, "active": True, **change}
    return {name: value for name, value in reported.items() if value is not None}


def one(**change: Any) -> dict[str, Any]:
    return {"connector": connector(**change)}


def page(*seconds: int, total: int | None = None) -> dict[str, Any]:
    count = {} if total is None else {"total_count": total}
    return {"connectors": [connector(second) for second in seconds], **count}


CONFORMING = [
    (CREATE, SENT, one()),
    (CREATE, SENT | {"active": False}, one(active=False)),
    (CREATE, SENT | {"oauth": OAUTH}, one(oauth=OPEN, auth_type="oauth")),
    (CREATE, SENT | {"oauth": OAUTH}, one(oauth={**OPEN, "client_secret": "********"})),
    (CREATE, SENT | {"service_auth": {"type": "basic", "token": "n"}}, one()),
    (CREATE, SENT | {"service_auth": {"type": "basic", "token": "notes.example"}}, one()),
    (CREATE, {"name": "Über uns", "url": f"{URL}?a=1"}, one(name="Über uns", url=f"{URL}?a=1")),
    (CREATE, SENT, one(url=None, active=None)),
    (PATCH, {"active": True, "description": "new"}, one(description="old")),
    (PATCH, {"name": "Other"}, one(name="Other", active=False, auth_status="valid")),
    (LIST, None, page(3, 2, 2, total=3)),
    (f"{LIST}?limit=2&offset=1", None, page(3, 2, total=3)),
    (f"{LIST}?limit=0", None, page(total=9)),
    (f"{LIST}?limit=many", None, page(*range(59, 0, -1))),
    (AUTHORIZE, None, {"redirect_url": "https://in.example/a?state=1"}),
    (PATCH, {"oauth": OAUTH}, one(excludes=["hush-hush"])),
]
VIOLATING = [
    ("url-checked", CREATE, SENT | {"url": "nowhere"}, one(url="nowhere")),
    ("url-checked", PATCH, {"url": "https://[::1/x"}, one(url="https://[::1/x")),
    ("one-authorization", CREATE, SENT | {"oauth": OAUTH, "service_auth": SERVICE}, one()),
    ("echo", CREATE, SENT | {"excludes": ["a"]}, one(excludes=[])),
    ("echo", PATCH, {"name": "Other"}, one()),
    ("defaults", CREATE, SENT, one(active=False)),
    ("defaults", CREATE, SENT, one(continue_on_failure=True)),
    ("id-from-name", CREATE, SENT, one(id="connector-1a")),
    ("not-authorized-yet", CREATE, SENT | {"oauth": OAUTH}, one(auth_status="valid")),
    ("no-secrets", GET, None, one(oauth=OAUTH)),
    ("no-secrets", CREATE, SENT | {"service_auth": SERVICE}, one(description="by top-secret")),
    ("no-secrets", PATCH, {"oauth": OAUTH}, one(organization_id="hush-hush")),
    ("redirect", AUTHORIZE, None, {}),
    ("newest-first", LIST, None, page(1, 2, total=2)),
    ("limit", f"{LIST}?limit=2", None, page(3, 2, 1)),
    ("limit", LIST, None, page(*range(59, 0, -1))),
    ("total", f"{LIST}?limit=1&offset=1", None, page(1, total=1)),
]


@pytest.mark.parametrize(("call", "sent", "body"), CONFORMING)
def test_valid_responses_violate_nothing(call: str, sent: Any, body: Any) -> None:
    assert violated(exchange(call, body, request=sent), "connectors") == []


@pytest.mark.parametrize(("name", "call", "sent", "body"), VIOLATING)
def test_each_violation_is_reported(name: str, call: str, sent: Any, body: Any) -> None:
    assert violated(exchange(call, body, request=sent), "connectors") == [name]


@pytest.mark.parametrize(
    ("query", "status", "found"),
    [
        ("limit=0", 400, ["limit-zero"]),
        ("limit=0", 404, []),
        ("limit=101", 400, []),
        ("limit=0&a=1", 400, []),
    ],
)
def test_a_limit_of_zero_is_not_refused(query: str, status: int, found: list[str]) -> None:
    assert violated(exchange(f"{LIST}?{query}", {"message": "no"}, status=status), "connectors") == found


def test_a_finding_does_not_repeat_the_secret() -> None:
    reported = exchange(CREATE, one(oauth=OAUTH, description="top-secret"), request=SENT | {"oauth": OAUTH})
    assert "hush-hush" not in str(judge(load_contract(), reported))


def test_every_check_has_a_violation() -> None:
    assert {row[0] for row in VIOLATING} | {"limit-zero"} == looked_at("connectors")


@pytest.mark.parametrize("sent", [None, b"{", [], {}, {"name": 1, "oauth": "x", "service_auth": None}])
@pytest.mark.parametrize("call", [CREATE, PATCH])
def test_with_an_invalid_request_little_is_reported(call: str, sent: Any) -> None:
    assert set(violated(exchange(call, one(), request=sent), "connectors")) <= {"echo"}
    assert violated(exchange(call, None, request=sent), "connectors") == []


def test_shipped_examples_can_be_judged() -> None:
    assert [violated(reported, "connectors") for reported in shipped("connectors")]
