"""A program as a user writes it; `tests/test_public.py` checks its types with mypy --strict."""

from __future__ import annotations

from typing import assert_type

from cohere_conformance import (
    ConformanceError,
    Contract,
    Exchange,
    Finding,
    Kind,
    ReceivedRequest,
    ReferenceServer,
    Report,
    Request,
    Response,
    Severity,
    Source,
    StreamEvent,
    UsageError,
    check,
    judge,
    load_contract,
)

exchange = Exchange(
    Request("POST", "https://api.cohere.com/v2/rerank", body=b"{}"),
    Response(200, headers=(("content-type", "application/json"),), body=b"{}"),
    Source("my test"),
)
assert_type(judge(exchange), list[Finding])
assert_type(judge([exchange, exchange], servers=["http://gateway.example"], as_published=True), list[Finding])
for finding in judge(exchange):
    assert_type(finding.kind, Kind)
    assert_type(finding.severity, Severity)
    assert_type(finding.location, str)
    assert_type(finding.amendment, str | None)

report = check("chat.har", fail_on=Severity.BREAKING, jobs=2)
assert_type(report, Report)
assert_type(report.footer.exit_code, int)
assert_type(report.footer.verdict, str)
judge("chat.har")  # type: ignore[arg-type]
check("chat.har", fail_on="breaking")  # type: ignore[arg-type]

contract = load_contract()
assert_type(contract, Contract)
assert_type(contract.version, str)
StreamEvent(data="{}", event="message-start")

try:
    with ReferenceServer(profile="live-2026", faults=["rerank.unsorted"], step=0.0) as server:
        assert_type(server.url, str)
        assert_type(server.key, str)
        server.fail_next(status=429, times=2, operation="POST /v2/chat")
        for request in server.requests:
            assert_type(request, ReceivedRequest)
            assert_type(request.operation, str | None)
        server.reset()
        server.fail_next("503")  # type: ignore[arg-type]
except UsageError as error:
    assert_type(error, UsageError)
except ConformanceError:
    raise
