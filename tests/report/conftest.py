from __future__ import annotations

from typing import Protocol

import pytest

from cohere_conformance.errors import TrafficError
from cohere_conformance.model import (
    SEVERITY,
    Aspect,
    Exchange,
    Finding,
    Kind,
    Request,
    Response,
    Severity,
    Source,
)
from cohere_conformance.report import CaseCoverage, CaseEnd, Exercise, Header, Mode, Report, Tally, Target

OPERATIONS = ("GET /v1/models", "POST /v2/chat", "POST /v2/embed", "POST /v2/rerank")


class MakeExchange(Protocol):
    def __call__(
        self,
        *,
        file: str = ...,
        position: str = ...,
        recorded_at: str | None = ...,
        status: int = ...,
        url: str = ...,
        body: bytes | None = ...,
    ) -> Exchange: ...


class MakeFinding(Protocol):
    def __call__(
        self,
        kind: Kind,
        location: str = ...,
        *,
        observed: str = ...,
        status: int = ...,
        severity: Severity | None = ...,
        operation: str = ...,
        amendment: str | None = ...,
    ) -> Finding: ...


class Finish(Protocol):
    def __call__(
        self,
        tally: Tally,
        *,
        fail_on: Severity = ...,
        exit_code: int | None = ...,
        inputs: tuple[str, ...] = ...,
    ) -> Report: ...


@pytest.fixture(scope="session")
def exchange() -> MakeExchange:
    def make(
        *,
        file: str = "a.yaml",
        position: str = "entry 1",
        recorded_at: str | None = "2026-08-13T09:30:00Z",
        status: int = 200,
        url: str = "https://api.cohere.com/v2/chat",
        body: bytes | None = b'{"model": "command-a"}',
    ) -> Exchange:
        request = Request("POST", url, (("content-type", "application/json"),), body)
        return Exchange(request, Response(status, (), b"{}"), Source(file, position, recorded_at))

    return make


@pytest.fixture(scope="session")
def finding() -> MakeFinding:
    def make(
        kind: Kind,
        location: str = "/usage",
        *,
        observed: str = "something else",
        status: int = 200,
        severity: Severity | None = None,
        operation: str = "POST /v2/chat",
        amendment: str | None = None,
    ) -> Finding:
        return Finding(
            kind=kind,
            severity=severity or SEVERITY[kind],
            operation=operation,
            status=status,
            location=location,
            expected="something",
            observed=observed,
            amendment=amendment,
        )

    return make


@pytest.fixture(scope="session")
def finish() -> Finish:
    def make(
        tally: Tally,
        *,
        fail_on: Severity = Severity.ADDITIVE,
        exit_code: int | None = None,
        inputs: tuple[str, ...] = ("traffic",),
    ) -> Report:
        header = Header(
            tool="cohere-conformance",
            version="0.1.0",
            contract_version="2026-08-20",
            contract_digest="sha256:e5ae7eef90c2d3f4",
            mode=Mode.AMENDED,
            inputs=inputs,
            started_at="2026-11-22T22:00:00Z",
            fail_on=fail_on,
        )
        return tally.finish(header, OPERATIONS, finished_at="2026-11-22T22:00:01Z", exit_code=exit_code)

    return make


@pytest.fixture
def tally(exchange: MakeExchange, finding: MakeFinding) -> Tally:
    """Something of everything."""
    made = Tally()
    chat = "POST /v2/chat"
    made.add(exchange(), chat, [finding(Kind.TYPE_CHANGED, "/id")], "application/json")
    made.add(exchange(position="entry 2"), chat, [finding(Kind.PROPERTY_UNDOCUMENTED)], "text/event-stream")
    made.add(
        exchange(position="entry 3"), chat, [finding(Kind.REQUEST_INVALID, "/model")], "application/json"
    )
    known = finding(
        Kind.PROPERTY_MISSING, "/api_version", operation="POST /v2/embed", amendment="embed.api-version"
    )
    made.add(exchange(file="b.yaml"), "POST /v2/embed", [known], "application/json")
    stray = finding(Kind.ROUTE_UNKNOWN, "", operation="GET /v3/chat", status=404)
    made.add(exchange(file="c.har", status=404), None, [stray], "text/plain")
    made.add_foreign("cdn.example.com")
    made.add_skipped("README.md", "not a recording")
    made.add_unreadable(TrafficError("broken.jsonl", "line 3", "expected an object, got the end of the file"))
    return made


@pytest.fixture
def run(exchange: MakeExchange, finding: MakeFinding) -> Report:
    """A run that sent cases, with something of everything."""
    tally = Tally()
    for number, kind in enumerate(list(Kind)[:8]):
        found = [finding(kind, f"/{number}")]
        sent = exchange(file="run", position=f"case {number}")
        tally.add(sent, "POST /v2/chat", found, "application/json", case=f"chat.case-{number}")
    return tally.finish(
        Header(
            tool="cohere-conformance",
            version="0.2.0",
            contract_version="2026-08-20",
            contract_digest="sha256:e5ae7eef90c2d3f4",
            mode=Mode.AMENDED,
            inputs=(),
            started_at="2026-11-22T22:00:00Z",
            target=Target(
                url="http://127.0.0.1:8080", declares=("chat", "embed"), key=True, seed=7, workers=2
            ),
        ),
        {"POST /v2/chat": "chat", "POST /v2/embed": "embed", "GET /v1/models": "models"},
        finished_at="2026-11-22T22:01:31Z",
        cases=CaseCoverage(
            run=312,
            passed=302,
            failed=8,
            inconclusive=1,
            error=1,
            skipped=14,
            not_run=1,
            skipped_reasons={"tier N3": 2, "need a trial key": 12},
            inconclusive_reasons={"the target answered 429": 1},
            ends=(
                CaseEnd(case="chat.a", operation="POST /v2/chat", outcome="error", reason="out of sockets"),
                CaseEnd(case="chat.b", operation="POST /v2/chat", outcome="failed"),
                CaseEnd(case="chat.c", operation="", outcome="not-run"),
            ),
        ),
        exercise=(
            _exercise("POST /v2/chat", Aspect.EVENT, 2),
            _exercise("POST /v2/chat", Aspect.PROPERTY, 540, *(f"/p{number}" for number in range(28))),
            _exercise("POST /v2/embed", Aspect.STATUS, 2, "200", "400"),
        ),
    )


def _exercise(operation: str, aspect: Aspect, declared: int, *missing: str) -> Exercise:
    seen = declared - len(missing)
    return Exercise(operation=operation, aspect=aspect, declared=declared, seen=seen, missing=missing)


@pytest.fixture
def report(tally: Tally, finish: Finish) -> Report:
    return finish(tally)
