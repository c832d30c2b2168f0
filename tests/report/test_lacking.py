"""A feature that is missing as a whole is proposed for `without`; a feature with a mistake is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from running import ran

from cohere_conformance.reference import ServerState
from cohere_conformance.reference.app import application
from cohere_conformance.reference.keys import PRODUCTION
from cohere_conformance.reference.server import ServerThread
from cohere_conformance.report.lacking import CaseEvidence, FeatureSource, feature_cases, missing_features

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from starlette.types import Message, Receive, Scope, Send

    from cohere_conformance.report.coverage import CaseOutcome

CHAT = "POST /v2/chat"
NEEDS = {
    "a": frozenset({"tools"}),
    "b": frozenset({"tools"}),
    "c": frozenset({"tools", "citations"}),
    "d": frozenset({"tools", "citations"}),
}
PLAIN = {f"plain{number}": frozenset[str]() for number in range(3)}
SOURCE = FeatureSource({"citations": "Citations", "tools": "Tools"}, NEEDS | PLAIN, lambda _, __: False, {})


def evidence(
    case: str, outcome: CaseOutcome = "failed", *lacks: str, shown: frozenset[str] = frozenset()
) -> CaseEvidence:
    return CaseEvidence(CHAT, outcome, frozenset(lacks or NEEDS.get(case, frozenset()) - shown), shown)


def served(outcome: CaseOutcome) -> CaseEvidence:
    return CaseEvidence(CHAT, outcome, frozenset(), served=True)


def proposed(**changes: CaseEvidence) -> list[tuple[str, int]]:
    cases = {case: evidence(case) for case in NEEDS}
    cases |= {name: served("passed") for name in PLAIN}
    return [(one.feature, one.cases) for one in missing_features(cases | changes, SOURCE)]


def test_a_feature_that_every_case_lacks_is_proposed_once() -> None:
    # Every case that needs citations needs tools as well.
    assert proposed() == [("tools", 4)]


def test_a_case_may_pass_although_the_feature_is_missing() -> None:
    assert proposed(a=evidence("a", "passed")) == [("tools", 4)]
    assert proposed(a=evidence("a", "passed"), b=evidence("b", "passed")) == [("citations", 2)]


def test_a_response_that_shows_the_feature_proves_it() -> None:
    tools = evidence("a", shown=frozenset({"tools"}))
    citations = evidence("c", shown=frozenset({"citations"}))
    assert proposed(a=tools, c=citations) == []
    assert proposed(a=tools) == [("citations", 2)]


def test_a_response_that_says_nothing_of_a_feature_does_not_prove_it() -> None:
    """Half of the cases may call an operation that does not exist."""
    silent = CaseEvidence("POST /v1/chat", "failed", frozenset())
    assert proposed(a=silent, c=silent) == [("tools", 2)]


def test_a_refusal_may_be_about_something_else_where_the_feature_is_served() -> None:
    unclear = CaseEvidence(CHAT, "failed", frozenset(), served=True)
    assert proposed(a=unclear) == [("citations", 2)]
    assert proposed(a=unclear, c=unclear) == []


def test_where_no_other_request_is_served_no_feature_is_missing() -> None:
    assert proposed(**{name: evidence("", "failed") for name in PLAIN}) == []


def test_a_feature_is_missing_although_every_response_is_wrong_in_something_else() -> None:
    assert proposed(**{name: served("failed") for name in PLAIN}) == [("tools", 4)]


def test_the_cases_of_each_feature_are_counted_by_how_they_ended() -> None:
    cases = {
        "a": evidence("a", "passed"),
        "b": CaseEvidence(CHAT, "failed", frozenset()),
        "c": evidence("c", "failed", "tools"),
        "d": evidence("d", "skipped"),
        "plain": evidence("", "failed"),
    }
    citations, tools = feature_cases(cases, SOURCE)
    assert (tools.feature, tools.title, tools.passed, tools.failed, tools.lacking) == (
        "tools",
        "Tools",
        1,
        2,
        1,
    )
    assert (citations.failed, citations.lacking, citations.skipped) == (1, 0, 1)
    assert feature_cases({"plain": evidence("")}, SOURCE) == ()


def server(*, refuses: bool) -> AbstractContextManager[ServerThread]:
    """Return a server without tools, which refuses or ignores them."""
    behind = application(ServerState())

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        try:
            value = json.loads(body)
        except ValueError:
            value = None
        if isinstance(value, dict) and value.get("tools") is not None:
            if refuses:
                content = b'{"message": "unsupported parameter: tools"}'
                fields = [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(content)).encode()),
                ]
                await send({"type": "http.response.start", "status": 400, "headers": fields})
                await send({"type": "http.response.body", "body": content})
                return
            body = json.dumps({name: one for name, one in value.items() if "tool" not in name}).encode()
        headers = [field for field in scope["headers"] if field[0] != b"content-length"]
        headers += [(b"content-length", str(len(body)).encode())] if body else []
        rest: Iterator[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def replayed() -> Message:
            return next(rest, None) or await receive()

        await behind({**scope, "headers": headers}, replayed, send)

    return ServerThread(ServerState(), app)


@pytest.mark.parametrize(("version", "refuses"), [("v1", True), ("v2", False)])
def test_a_server_without_tools_is_told_what_to_write(version: str, refuses: bool, tmp_path: Path) -> None:
    with server(refuses=refuses) as running:
        where = ("--url", running.url, "--only", "chat", "--declares", f"{version}.chat")
        done = ran(tmp_path, *where, key=PRODUCTION)
        assert done.code == 1, done.output
        missing = done.report["coverage"]["cases"]["missing"]
        assert [one["feature"] for one in missing] == ["tools"]
        assert 'if that is meant, add without = ["tools"]' in " ".join(done.output.split())
        causes = done.report["causes"]
        assert [cause["feature"] for cause in causes if cause["rule"] == "no-feature"] == ["tools"]
        # What follows is not reported besides.
        assert not [one for one in causes if "tool_call" in one["title"] and not one["feature"]], causes
        done = ran(tmp_path, *where, "--without", "tools", key=PRODUCTION)
    assert done.code == 0, done.output
    assert done.report["coverage"]["cases"]["missing"] == []


def test_a_mistake_in_tools_is_no_missing_feature(tmp_path: Path) -> None:
    where = ("--only", "chat", "--declares", "v2.chat")
    done = ran(tmp_path, *where, "--fault", "chat.v2.arguments-broken")
    assert done.code == 1, done.output
    assert done.report["coverage"]["cases"]["missing"] == []
