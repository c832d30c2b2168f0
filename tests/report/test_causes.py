"""Findings of one mistake are one cause; independent ones are not put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

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
from cohere_conformance.report import Background, Header, Mode, Report, Sentences, Tally
from cohere_conformance.report.causes import SeenFinding
from cohere_conformance.report.causes.unseen import hidden_by
from cohere_conformance.report.coverage import Exercise

if TYPE_CHECKING:
    from collections.abc import Sequence

CHAT, EMBED, RERANK, MODELS = "POST /v2/chat", "POST /v2/embed", "POST /v2/rerank", "GET /v1/models"
OLD = "POST /v1/chat"
GROUPS = {
    OLD: "chat",
    CHAT: "chat",
    EMBED: "embed",
    "POST /v1/embed": "embed",
    RERANK: "rerank",
    MODELS: "models",
    "GET /v1/models/{model}": "models",
    "POST /v1/rerank": "rerank",
    "GET /v1/datasets": "datasets",
    "POST /v1/datasets": "datasets",
    "POST /v1/datasets/{id}/cancel": "datasets",
}
RANKED = (False, False, 0, ())
BACKGROUND = Background(
    declarations={
        (CHAT, "/usage/tokens"): "Usage/tokens",
        (EMBED, "/meta/tokens"): "Usage/tokens",
        (CHAT, "/finish_reason"): "Chat/finish_reason",
    },
    sentences=Sentences(
        requirements={
            "rerank.sorted": "The results are in descending order of relevance_score.",
            "models.counts": "A batch has not processed more records than it has.",
            "models.pages": "Two successive pages equal one page of twice the size.",
            "models.odd": "An odd model is refused.",
            "models.echo": "A model has the properties that it was created or changed with.",
        },
        cases={"chat.odd": "An odd request is rejected."},
    ),
    refused={"chat.no-messages"},
    missing={"tools": {"chat.tools", "chat.tool-results"}},
    follows={"embed.batch": ("embed.repeatable",), "common.client-name": ("embed.repeatable",)},
)


def found(
    kind: Kind, location: str = "", *, operation: str = CHAT, status: int = 200, **further: str
) -> Finding:
    return Finding(
        kind=kind,
        severity=SEVERITY[kind],
        operation=operation,
        status=status,
        location=location,
        expected=further.pop("expected", "type integer"),
        observed=further.pop("observed", "a string"),
        **further,
    )


def violated(requirement: str, location: str = "", **further: str) -> Finding:
    return found(Kind.REQUIREMENT_VIOLATED, location, requirement=requirement, **further)


class Server:
    """Collects what cases have found."""

    def __init__(self) -> None:
        self.tally = Tally()

    def case(
        self,
        name: str,
        findings: Sequence[Finding],
        *,
        body: str = "{}",
        request: str = "{}",
        query: str = "",
        fails: bool = False,
        operation: str = CHAT,
    ) -> None:
        label = findings[0].operation if findings else operation
        status = findings[0].status if findings else 200
        method, _, path = label.partition(" ")
        exchange = Exchange(
            Request(method, f"http://127.0.0.1:1{path}{query}", (), request.encode()),
            Response(status, (), body.encode()),
            Source("run", name),
        )
        self.tally.add(exchange, label, findings, "", case=name, meant_to_fail=fails)

    def generated(self, *findings: Finding, request: str = "{}", query: str = "") -> None:
        """Add one of many requests that a case generates to be refused."""
        label, status = findings[0].operation, findings[0].status
        method, _, path = label.partition(" ")
        sent = Request(method, f"http://127.0.0.1:1{path}{query}", (), request.encode())
        exchange = Exchange(sent, Response(status, (), b"{}"), Source("run", "fuzz"))
        self.tally.add(exchange, label, findings, "", case="fuzz.a", generated=True, meant_to_fail=True)

    def report(self) -> Report:
        header = Header(
            tool="t",
            version="1",
            contract_version="1",
            contract_digest="sha256:0",
            mode=Mode.AMENDED,
            inputs=(),
            started_at="2026-11-29T00:00:00Z",
        )
        return self.tally.finish(header, GROUPS, finished_at="2026-11-29T00:00:01Z", background=BACKGROUND)


@pytest.fixture
def server() -> Server:
    return Server()


def members(report: Report) -> list[list[tuple[str, str]]]:
    """Return operation and location of the findings of each cause."""
    rows = {row.fingerprint: row for row in report.findings}
    return [[(rows[one].operation, rows[one].location) for one in cause.findings] for cause in report.causes]


# -- one mistake


def test_a_requirement_that_says_nothing_without_another_one_follows_it(server: Server) -> None:
    server.case("embed.a", [violated("embed.repeatable", "/embeddings/float/*", operation=EMBED)])
    server.case("embed.b", [violated("embed.batch", "/embeddings/float/*", operation="POST /v1/embed")])
    (cause,) = server.report().causes
    assert cause.title.startswith("embeddings.float[]: got")


def test_a_requirement_does_not_follow_what_is_wrong_in_other_operations(server: Server) -> None:
    server.case("embed.a", [violated("embed.repeatable", "/embeddings/float/*", operation=EMBED)])
    server.case("embed.b", [violated("embed.batch", "/embeddings/float/*", operation=EMBED)])
    server.case("rerank.a", [violated("common.client-name", operation=RERANK)])
    assert len(server.report().causes) == 2


def test_requirements_of_one_catalogue_follow_each_other_in_all_their_operations(server: Server) -> None:
    server.case("embed.a", [violated("embed.repeatable", "/embeddings/float/*", operation=EMBED)])
    server.case("embed.b", [violated("embed.batch", "/embeddings/float/*", operation=RERANK)])
    assert len(server.report().causes) == 1


def test_a_value_that_a_requirement_names_in_an_object_follows_it(server: Server) -> None:
    kept = violated("embed.kept", "/job", operation=EMBED, observed='{"name": ["a", "A"]}')
    server.case("embed.a", [kept])
    server.case("embed.b", [found(Kind.EXPECTATION_FAILED, "/job/name", operation=EMBED)])
    server.case("embed.c", [found(Kind.EXPECTATION_FAILED, "/job/model", operation=EMBED)])
    first, second = server.report().causes
    assert (len(first.findings), len(second.findings)) == (2, 1)


def test_one_operation_that_accepts_too_much_is_no_lack_of_validation(server: Server) -> None:
    expected = {"operation": EMBED, "expected": "status 400", "observed": "200: {}"}
    server.case("embed.a", [violated("embed.most-texts", **expected)], fails=True)
    server.case("embed.negative", [found(Kind.STATUS_UNEXPECTED, **expected)], fails=True)
    (cause,) = server.report().causes
    assert cause.title == "POST /v2/embed: got 200: {} instead of status 400"


def test_values_that_only_cases_expect_come_after_what_the_contract_finds(server: Server) -> None:
    for number in range(3):
        expectation = found(Kind.EXPECTATION_FAILED, "/usage", operation=EMBED, expected="an object")
        server.case(f"embed.{number}", [expectation])
    server.case("embed.a", [found(Kind.NULL_UNEXPECTED, "/meta", operation=EMBED)])
    assert [cause.rule for cause in server.report().causes] == ["declaration", "expectation"]


def test_each_finding_is_in_exactly_one_cause(server: Server) -> None:
    for number, kind in enumerate(Kind):
        server.case(f"chat.{number}", [found(kind, f"/p{number}")])
    report = server.report()
    listed = [name for cause in report.causes for name in cause.findings]
    assert sorted(listed) == sorted(row.fingerprint for row in report.findings)
    assert len(set(listed)) == len(listed)


def test_a_wrong_value_is_one_cause_wherever_its_schema_is_used(server: Server) -> None:
    server.case("chat.a", [found(Kind.TYPE_CHANGED, "/usage/tokens", value_class="string")])
    server.case("embed.a", [found(Kind.TYPE_CHANGED, "/meta/tokens", operation=EMBED, value_class="string")])
    (cause,) = server.report().causes
    assert cause.operations == (CHAT, EMBED)
    assert cause.cases == 2


def test_another_wrong_value_of_the_same_schema_is_another_cause(server: Server) -> None:
    server.case("chat.a", [found(Kind.TYPE_CHANGED, "/usage/tokens", value_class="string")])
    server.case("embed.a", [found(Kind.NULL_UNEXPECTED, "/meta/tokens", operation=EMBED)])
    assert len(server.report().causes) == 2


def test_values_of_one_operation_that_have_several_wrong_types_are_one_cause(server: Server) -> None:
    place = "/message/content"
    server.case("chat.a", [found(Kind.NULL_UNEXPECTED, place)])
    server.case("chat.b", [found(Kind.TYPE_CHANGED, place, value_class="string", observed='"hello"')])
    server.case("chat.c", [found(Kind.TYPE_CHANGED, place, value_class="number", observed="7")])
    server.case("chat.d", [found(Kind.TYPE_CHANGED, place, value_class="number", observed="8")])
    (cause,) = server.report().causes
    assert cause.title == "message.content is 7"
    assert len(cause.findings) == 3


@pytest.mark.parametrize(("expected", "causes"), [("a non-empty string", 1), ("a UUID", 1), ("an array", 2)])
def test_a_property_of_a_body_that_is_renamed_is_one_cause(
    server: Server, expected: str, causes: int
) -> None:
    missed = found(Kind.EXPECTATION_FAILED, "/generation_id", observed="absent", expected=expected)
    undeclared = found(Kind.PROPERTY_UNDOCUMENTED, "/genId", observed='genId: "a4"')
    server.case("chat.a", [missed, undeclared])
    server.case("chat.b", [undeclared])
    assert len(server.report().causes) == causes


@pytest.mark.parametrize("element", [0, 4])
def test_an_element_that_is_missed_follows_from_too_few_of_them(server: Server, element: int) -> None:
    server.case("chat.turns", [violated("v1.chat.history", "/chat_history", observed="0 turns")])
    place = f"/chat_history/{element}/role"
    server.case("chat.a", [found(Kind.EXPECTATION_FAILED, place, observed="absent", expected='"USER"')])
    assert len(server.report().causes) == 1


def test_a_property_of_an_element_that_is_there_does_not_follow_from_a_count(server: Server) -> None:
    server.case(
        "rerank.count", [violated("rerank.count", "/results", operation=RERANK, observed="3 results")]
    )
    missed = found(
        Kind.EXPECTATION_FAILED,
        "/results/1/document",
        operation=RERANK,
        observed="absent",
        expected="an object",
    )
    server.case("rerank.a", [missed])
    assert len(server.report().causes) == 2


@pytest.mark.parametrize(
    ("finding", "title", "change"),
    [
        (
            found(Kind.STATUS_UNDECLARED, status=201, observed="201", expected="one of 200, 400, 404"),
            "POST /v2/chat responds 201, which is not declared",
            "Respond 200 instead: typed clients expect nothing else.",
        ),
        (
            found(Kind.STATUS_UNDECLARED, status=302, observed="302", expected="one of 200, 400, 404"),
            "POST /v2/chat responds 302, which is not declared",
            "Respond with a declared status: typed clients expect nothing else.",
        ),
        (
            found(Kind.MEDIA_TYPE_UNDECLARED, observed="text/plain", expected="one of application/json"),
            "POST /v2/chat responds with text/plain instead of application/json",
            "Send application/json as content-type, and a body that fits.",
        ),
        (
            found(Kind.BODY_MALFORMED, observed="Expecting value at line 1", expected="a JSON value"),
            "Bodies of POST /v2/chat cannot be parsed: Expecting value at line 1",
            "Send a JSON value.",
        ),
    ],
)
def test_what_is_wrong_with_a_complete_response_is_said(
    server: Server, finding: Finding, title: str, change: str
) -> None:
    server.case("chat.a", [finding])
    (cause,) = server.report().causes
    assert (cause.title, cause.change) == (title, change)


def test_a_requirement_is_one_cause_in_all_operations(server: Server) -> None:
    server.case("rerank.a", [violated("rerank.sorted", "/results", operation=RERANK)])
    server.case("rerank.b", [violated("rerank.sorted", "/results", operation="POST /v1/rerank")])
    (cause,) = server.report().causes
    assert cause.change == "rerank.sorted: The results are in descending order of relevance_score."


def test_what_a_case_expects_follows_what_the_contract_finds_there(server: Server) -> None:
    wrong = violated("rerank.count", "/results", operation=RERANK)
    expectation = found(Kind.EXPECTATION_FAILED, "/results/0/index", operation=RERANK)
    server.case("rerank.a", [wrong, expectation])
    server.case("rerank.b", [wrong])
    assert members(server.report()) == [[(RERANK, "/results"), (RERANK, "/results/0/index")]]


def test_what_a_case_expects_elsewhere_is_a_cause_of_its_own(server: Server) -> None:
    wrong = violated("rerank.count", "/results", operation=RERANK)
    server.case("rerank.a", [wrong, found(Kind.EXPECTATION_FAILED, "/meta/warnings", operation=RERANK)])
    assert len(server.report().causes) == 2


@pytest.mark.parametrize(
    ("body", "framework"),
    [
        ('{"detail": [{"loc": ["body"], "msg": "Field required"}]}', "FastAPI"),
        ('{"detail": "Not Found"}', "FastAPI"),
        ('{"error": {"message": "no", "type": "invalid_request_error"}}', "OpenAI"),
        ("<!DOCTYPE html><title>Error</title><pre>Cannot POST /v2/chat</pre>", "Express"),
        ("Internal Server Error", "Starlette"),
        ('{"type": "about:blank", "title": "Bad Request", "status": 400}', "problem details (RFC 9457)"),
        ('{"message": "no", "id": 3}', None),
    ],
)
def test_error_bodies_of_frameworks_are_one_named_cause(
    server: Server, body: str, framework: str | None
) -> None:
    for operation in (CHAT, EMBED):
        missing = found(
            Kind.ERROR_ENVELOPE, "/message", operation=operation, status=422, value_class="absent"
        )
        server.case(f"{operation[-4:]}.a", [missing], body=body)
    (cause,) = server.report().causes
    assert cause.framework == framework
    assert framework is None or framework in cause.title
    assert cause.operations == (CHAT, EMBED)


def test_a_key_that_is_never_checked_is_one_cause(server: Server) -> None:
    for operation, group in GROUPS.items():
        for name in ("no-key", "wrong-key"):
            accepted = found(
                Kind.STATUS_UNEXPECTED, operation=operation, expected="status 401", value_class="200"
            )
            server.case(f"{group}.{operation[6:8]}.{name}", [accepted], fails=True)
    late = violated("common.key-missing", operation=CHAT, status=400, expected="status 401")
    server.case("chat.credentials", [late], fails=True)
    (cause,) = server.report().causes
    assert cause.title == "The key is not checked"


def test_a_key_that_is_not_compared_is_not_called_unchecked(server: Server) -> None:
    accepted = found(Kind.STATUS_UNEXPECTED, expected="status 401", value_class="200")
    server.case("chat.wrong-key", [accepted], fails=True)
    (cause,) = server.report().causes
    assert cause.title == "Requests with an unknown key are accepted"


def test_crashes_on_invalid_requests_are_one_cause_in_all_operations(server: Server) -> None:
    for operation, group in GROUPS.items():
        crash = found(
            Kind.STATUS_UNEXPECTED,
            operation=operation,
            status=500,
            expected="status 400 or 422",
            value_class="500",
        )
        server.case(f"{group}.{operation[6:8]}.odd", [crash], fails=True)
    (cause,) = server.report().causes
    assert cause.rule == "crash-on-invalid"


def test_a_crash_without_a_key_is_about_the_key(server: Server) -> None:
    """It says nothing about whether values are validated."""
    crash = found(Kind.STATUS_UNEXPECTED, status=500, expected="status 401", value_class="500")
    server.case("chat.v2.no-key", [crash], fails=True)
    server.case("chat.v2.k-above", [violated("common.invalid-refused")], fails=True)
    assert {cause.rule for cause in server.report().causes} == {"key", "topic"}


def test_an_operation_that_is_not_there_is_one_cause(server: Server) -> None:
    for number in range(4):
        missing = found(Kind.STATUS_UNEXPECTED, status=404, expected="status 200", value_class="404")
        undeclared = found(Kind.PROPERTY_MISSING, "/message", status=404)
        server.case(f"chat.{number}", [missing, undeclared])
    (cause,) = server.report().causes
    assert cause.rule == "no-operation"
    assert cause.cases == 4


def test_operations_that_are_not_there_are_one_cause_whatever_is_checked_before_the_route(
    server: Server,
) -> None:
    for operation in ("POST /v1/embed", "POST /v1/rerank"):
        refused = found(Kind.STATUS_UNEXPECTED, operation=operation, status=400, expected="status 401")
        server.case(f"{GROUPS[operation]}.key", [refused])
        for number in range(5):
            missing = found(Kind.STATUS_UNEXPECTED, operation=operation, status=404, expected="status 200")
            server.case(f"{GROUPS[operation]}.{number}", [missing])
    (cause,) = server.report().causes
    assert cause.title == "Not implemented (status 404): POST /v1/embed and POST /v1/rerank"


UPLOAD, CANCEL, LIST = "POST /v1/datasets", "POST /v1/datasets/{id}/cancel", "GET /v1/datasets"


def _refused(operation: str, status: int, text: str) -> Finding:
    return found(
        Kind.STATUS_UNEXPECTED, operation=operation, status=status, expected="status 200", value_class=text
    )


def _absent(server: Server, *, upload: str, elsewhere: str) -> set[tuple[str, ...]]:
    """Return the operations that the causes take as absent.

    Args:
        server: of which a list is not found, as is what an upload should be sent to in JSON.
        upload: the error for everything else that is uploaded.
        elsewhere: the error for bodies that another operation cannot parse.
    """
    for number in range(5):
        server.case(f"datasets.list-{number}", [_refused(LIST, 404, "no")], body='{"error": "no"}')
        text = f'{{"error": "{upload}"}}'
        server.case(f"datasets.upload-{number}", [_refused(UPLOAD, 400, upload)], body=text)
        server.case(f"datasets.cancel-{number}", [_refused(CANCEL, 400, upload)], body=text)
    server.case("datasets.json", [_refused(UPLOAD, 404, "no")], body='{"error": "no"}')
    text = f'{{"error": "{elsewhere}"}}'
    server.case("chat.odd", [_refused(CHAT, 400, elsewhere)], body=text)
    server.case("chat.plain", [violated("v2.chat.id", "/id")])
    return {cause.operations for cause in server.report().causes if cause.rule == "no-operation"}


def test_an_operation_whose_body_is_parsed_before_its_route_is_not_there(
    server: Server,
) -> None:
    assert set(map(frozenset, _absent(server, upload="no JSON", elsewhere="no JSON"))) == {
        frozenset({LIST, UPLOAD, CANCEL})
    }


def test_an_operation_with_errors_of_its_own_is_there(server: Server) -> None:
    """Only the upload and the cancellation say this, and they could be about the same thing."""
    assert set(map(frozenset, _absent(server, upload="too many rows", elsewhere="no JSON"))) == {
        frozenset({LIST})
    }


@pytest.mark.parametrize(
    ("bodies", "form"),
    [
        (['{"error": "no"}', '{"error": "other"}'], '{"error": TEXT}'),
        (['{"code": 4, "reason": null}', '{"reason": null, "code": 5}'], '{"code": NUMBER, "reason": null}'),
    ],
)
def test_errors_of_one_form_are_one_cause(bodies: list[str], form: str, server: Server) -> None:
    for number, body in enumerate(bodies):
        no_message = found(Kind.ERROR_ENVELOPE, "/message", status=400, value_class=str(number))
        undeclared = found(Kind.PROPERTY_UNDOCUMENTED, "/error", status=400, value_class=str(number))
        server.case(f"chat.{number}", [no_message, undeclared], body=body)
    (cause,) = server.report().causes
    assert cause.title == f"Errors have the form {form}"


def test_an_operation_that_refuses_much_else_exists(server: Server) -> None:
    for number in range(5):
        missing = found(Kind.STATUS_UNEXPECTED, operation=EMBED, status=404, expected="status 200")
        refused = found(Kind.STATUS_UNEXPECTED, operation=EMBED, status=400, expected="status 200")
        server.case(f"embed.{number}", [missing])
        server.case(f"embed.more-{number}", [refused])
    assert "no-operation" not in {cause.rule for cause in server.report().causes}


@pytest.mark.parametrize(
    ("body", "title"),
    [
        (
            '{"object": "chat.completion", "choices": []}',
            "Responses of POST /v2/chat have the form of OpenAI",
        ),
        ('{"text": "a", "meta": {}}', "Responses of POST /v2/chat have the form of version 1"),
    ],
)
def test_a_response_in_the_form_of_another_api_is_one_cause(server: Server, body: str, title: str) -> None:
    missing = found(Kind.PROPERTY_MISSING, "/message")
    added = found(Kind.PROPERTY_UNDOCUMENTED, "/text")
    expected = found(Kind.EXPECTATION_FAILED, "/usage/tokens", observed="absent")
    server.case("chat.a", [missing, added, expected], body=body)
    (cause,) = server.report().causes
    assert (cause.title, cause.change) == (title, "Send message instead of text.")
    assert len(cause.findings) == 3


def test_a_response_with_one_property_too_many_is_not_in_another_form(server: Server) -> None:
    body = '{"message": {"content": [{"text": "has \\"choices\\": [1]"}]}, "text": "a"}'
    server.case("chat.a", [found(Kind.PROPERTY_UNDOCUMENTED, "/text")], body=body)
    (cause,) = server.report().causes
    assert cause.rule == "declaration"


def test_events_of_version_1_are_one_cause(server: Server) -> None:
    body = 'data: {"event_type": "text-generation", "text": "a"}\n\n'
    findings = [found(Kind.STREAM_EVENT_UNKNOWN), found(Kind.STREAM_UNTERMINATED, expected="[DONE]")]
    server.case("chat.a", findings, body=body)
    (cause,) = server.report().causes
    assert cause.title == "Streams of POST /v2/chat have the form of version 1"


def test_models_that_do_not_exist_are_one_cause(server: Server) -> None:
    server.case("embed.served", [found(Kind.TYPE_CHANGED, "/texts", operation=EMBED)])
    for name, expected in (("a", "status 200"), ("b", "status 200"), ("c", "status 400")):
        missing = found(Kind.STATUS_UNEXPECTED, operation=EMBED, status=404, expected=expected)
        server.case(f"embed.of-{name}", [missing], request='{"model": "embed-small"}')
    titles = {cause.title for cause in server.report().causes}
    assert titles == {
        "texts is a string",
        "Models that cases name do not exist (status 404): embed-small",
    }


def test_an_id_that_is_forgotten_in_two_operations_is_one_cause(server: Server) -> None:
    server.case("chat.a", [found(Kind.PROPERTY_MISSING, "/id")])
    server.case("embed.a", [found(Kind.PROPERTY_MISSING, "/id", operation=EMBED)])
    (cause,) = server.report().causes
    assert cause.operations == (CHAT, EMBED)


def test_causes_with_the_same_title_say_of_which_operation_they_are(server: Server) -> None:
    server.case("chat.a", [found(Kind.TYPE_CHANGED, "/id")])
    server.case("embed.a", [found(Kind.TYPE_CHANGED, "/id", operation=EMBED)])
    titles = {cause.title for cause in server.report().causes}
    assert titles == {f"id is a string ({CHAT})", f"id is a string ({EMBED})"}


@pytest.mark.parametrize(("number", "causes"), [(3, 3), (7, 1)])
def test_many_requests_that_are_served_instead_of_refused_are_one_cause(
    server: Server, number: int, causes: int
) -> None:
    expected = {"expected": "400 or 422: nobody has made the call 000", "observed": "a reply"}
    for place in range(number):
        server.case(f"chat.{place}", [violated(f"v2.chat.rule-{place}", **expected)], fails=True)
    served = found(Kind.STATUS_UNEXPECTED, expected="status 400 or 422")
    server.case("chat.negative", [served], fails=True)
    assert len(server.report().causes) == causes


def test_valid_requests_that_are_refused_with_one_error_are_one_cause(server: Server) -> None:
    for name, text in (("images", "texts is required"), ("inputs", "texts is required"), ("odd", "no")):
        refused = found(Kind.STATUS_UNEXPECTED, operation=EMBED, status=400, expected="status 200")
        server.case(f"embed.{name}", [refused], body=f'{{"message": "{text}"}}')
    titles = sorted(cause.title for cause in server.report().causes)
    assert titles == [
        "POST /v2/embed responds 400 instead of 200: no",
        "POST /v2/embed responds 400 instead of 200: texts is required",
    ]


def test_ids_in_the_text_of_an_error_distinguish_nothing(server: Server) -> None:
    for name, number in (
        ("images", "b69822f5-3f7e-4c5e-9a0e-6d6b3a1c2f10"),
        ("inputs", "16D3B4C80F3A4B5C9D8E7F6A"),
    ):
        refused = found(Kind.STATUS_UNEXPECTED, operation=EMBED, status=400, expected="status 200")
        server.case(f"embed.{name}", [refused], body=f'{{"message": "request {number}: no texts"}}')
    (cause,) = server.report().causes
    assert cause.title == "POST /v2/embed responds 400 instead of 200: request ...: no texts"


def test_a_notice_about_a_part_does_not_become_breaking_by_a_case_about_the_whole(server: Server) -> None:
    mild = msgspec.structs.replace(
        violated("models.known", "/models/*/name", operation=MODELS), severity=Severity.NOTICE
    )
    counted = found(Kind.EXPECTATION_FAILED, "/models", operation=MODELS, observed="[{}]")
    server.case("models.a", [mild, counted])
    assert [cause.severity for cause in server.report().causes] == [Severity.BREAKING, Severity.NOTICE]


def test_what_a_case_misses_in_an_object_with_other_properties_follows_them(server: Server) -> None:
    added = found(Kind.PROPERTY_UNDOCUMENTED, "/usage/prompt_tokens")
    absent = found(Kind.EXPECTATION_FAILED, "/usage/tokens/input_tokens", observed="absent")
    server.case("chat.a", [added, absent])
    (cause,) = server.report().causes
    assert cause.change.endswith("which typed clients do not know, and send usage.tokens.input_tokens.")


def test_a_refusal_with_another_status_is_not_called_missing(server: Server) -> None:
    refused = found(Kind.STATUS_UNEXPECTED, operation=EMBED, status=400, expected="status 422")
    server.case("embed.texts-of-wrong-type", [refused], body='{"message": "no"}', fails=True)
    (cause,) = server.report().causes
    assert cause.title == "POST /v2/embed responds 400 instead of 422: no"


def test_what_a_valid_request_lacks_does_not_follow_from_an_invalid_one_that_is_served(
    server: Server,
) -> None:
    served = violated("v2.chat.tool-result-of-call", expected="400 or 422: no call", observed="a reply")
    server.case("chat.a", [served], fails=True)
    absent = found(Kind.EXPECTATION_FAILED, "/message/tool_calls", observed="absent")
    server.case("chat.tool-choice", [absent])
    titles = [cause.title for cause in server.report().causes]
    assert titles == ["POST /v2/chat accepts what it should refuse: no call", "message.tool_calls is absent"]


def test_what_should_be_refused_is_in_the_title(server: Server) -> None:
    expected = {"expected": "a refusal of an empty text", "observed": "tokens"}
    server.case("chat.a", [violated("tokenize.text-empty", **expected)], fails=True)
    (cause,) = server.report().causes
    assert cause.title == "POST /v2/chat accepts an empty text"


def test_a_case_about_the_key_counts_for_the_key_only(server: Server) -> None:
    wrong = found(Kind.TYPE_CHANGED, "/tokens")
    for number in range(3):
        server.case(f"chat.{number}", [wrong])
    for name in ("no-key", "wrong-key", "malformed-key", "none"):
        served = found(Kind.STATUS_UNEXPECTED, expected="status 401", value_class=name)
        server.case(f"chat.{name}", [served, wrong], fails=True)
    assert [cause.title for cause in server.report().causes] == [
        "The key is not checked",
        "tokens is a string",
    ]


def test_a_missing_feature_is_one_cause_and_hides_nothing_else(server: Server) -> None:
    refused = found(Kind.STATUS_UNEXPECTED, status=400, expected="status 200")
    elsewhere = found(Kind.ENUM_UNKNOWN, "/finish_reason")
    server.case("chat.tools", [refused])
    server.case("chat.tool-results", [found(Kind.EXPECTATION_FAILED, "/message/tool_calls"), elsewhere])
    server.case("chat.plain", [elsewhere])
    causes = server.report().causes
    assert {cause.feature: len(cause.findings) for cause in causes} == {"tools": 2, None: 1}


def test_unexpected_statuses_are_split_by_what_is_expected(server: Server) -> None:
    for name in ("odd", "even"):
        served = found(Kind.STATUS_UNEXPECTED, expected="status 400", value_class="200")
        server.case(f"chat.{name}", [served], fails=True)
    causes = server.report().causes
    assert len(causes) == 2
    assert {cause.change for cause in causes} == {"An odd request is rejected.", "Respond with status 400."}


def test_properties_that_are_undeclared_together_are_one_cause(server: Server) -> None:
    server.case("chat.a", [found(Kind.PROPERTY_UNDOCUMENTED, place) for place in ("/id", "/meta")])
    server.case("chat.b", [found(Kind.PROPERTY_UNDOCUMENTED, place) for place in ("/id", "/meta")])
    assert len(server.report().causes) == 1


def test_the_properties_that_are_undeclared_together_are_named(server: Server) -> None:
    extra = [found(Kind.PROPERTY_UNDOCUMENTED, f"/{name}", value_class="string") for name in ("id", "meta")]
    server.case("chat.a", extra)
    (cause,) = server.report().causes
    assert cause.title == "id and meta are not declared"


def test_a_rule_about_a_complete_body_follows_from_what_it_names(server: Server) -> None:
    extra = found(Kind.PROPERTY_UNDOCUMENTED, "/meta", value_class="object")
    alone = violated("audio.text-alone", observed="id, meta")
    server.case("chat.a", [extra, alone, found(Kind.EXPECTATION_FAILED, "/meta", expected="absent")])
    (cause,) = server.report().causes
    assert cause.title == "meta is not declared"


def test_a_rule_about_a_complete_body_that_names_another_property_is_a_cause(server: Server) -> None:
    extra = found(Kind.PROPERTY_UNDOCUMENTED, "/meta", value_class="object")
    server.case("chat.a", [extra, violated("audio.text-alone", observed="id")])
    assert len(server.report().causes) == 2


def test_a_wrong_count_does_not_hide_a_wrong_type_in_an_element(server: Server) -> None:
    few = violated("rerank.count", "/results", operation=RERANK)
    text = found(Kind.TYPE_CHANGED, "/results/*/relevance_score", operation=RERANK, value_class="string")
    server.case("rerank.a", [few, text])
    assert len(server.report().causes) == 2


def test_crashes_on_one_kind_of_input_are_one_cause_in_all_operations(server: Server) -> None:
    for operation in (CHAT, EMBED):
        for place, changed in (("request:/text", "Arabic"), ("query:a", "NUL"), ("query:b", "an escape")):
            crash = found(Kind.SERVER_ERROR, place, operation=operation, status=500, value_class=changed)
            server.generated(crash)
    causes = server.report().causes
    assert sorted(len(cause.findings) for cause in causes) == [2, 4]
    assert all(cause.operations == (CHAT, EMBED) for cause in causes)


def test_what_a_server_responds_to_requests_that_it_should_refuse_follows_from_that(server: Server) -> None:
    served = found(Kind.RULE_UNENFORCED, "request:/texts", operation=EMBED, value_class="maxItems")
    count = violated("embed.count", "/embeddings", operation=EMBED)
    for _ in range(2):
        server.generated(served, count)
    (cause,) = server.report().causes
    assert cause.rule == "input"


# -- several mistakes


def test_five_independent_faults_are_five_causes(server: Server) -> None:
    faults = [
        found(Kind.TYPE_CHANGED, "/usage/tokens", value_class="string"),
        found(Kind.ENUM_UNKNOWN, "/finish_reason", value_class="complete"),
        found(Kind.PROPERTY_MISSING, "/id"),
        found(Kind.STREAM_UNTERMINATED, value_class="no-done"),
        violated("v2.chat.something", "/message/content"),
    ]
    for name in ("chat.a", "chat.b", "chat.c"):
        server.case(name, faults)
    assert len(server.report().causes) == 5


def test_a_cause_has_the_same_id_with_other_faults_beside_it(server: Server) -> None:
    alone = Server()
    for one in (server, alone):
        one.case("chat.a", [found(Kind.TYPE_CHANGED, "/usage/tokens", value_class="string", observed="'1'")])
    server.case("embed.a", [found(Kind.TYPE_CHANGED, "/meta/tokens", operation=EMBED, value_class="string")])
    server.case("chat.b", [found(Kind.PROPERTY_MISSING, "/id")])
    (cause,) = alone.report().causes
    assert cause.id in {one.id for one in server.report().causes}


def test_causes_do_not_depend_on_the_order_of_exchanges() -> None:
    cases = [
        ("chat.a", [found(Kind.TYPE_CHANGED, "/usage/tokens"), found(Kind.EXPECTATION_FAILED, "/usage")]),
        ("chat.b", [found(Kind.PROPERTY_MISSING, "/id")]),
        ("rerank.a", [violated("rerank.sorted", "/results", operation=RERANK)]),
    ]
    reports = []
    for order in (cases, cases[::-1]):
        server = Server()
        for name, findings in order:
            server.case(name, findings)
        reports.append(server.report())
    assert reports[0].causes == reports[1].causes


# -- order and example


def test_order_is_severity_then_cases_then_how_early_a_client_meets_it(server: Server) -> None:
    late = found(Kind.PROPERTY_MISSING, "/yyy", operation=MODELS)
    early = found(Kind.PROPERTY_MISSING, "/zzz")
    often = found(Kind.ENUM_UNKNOWN, "/aaa", operation=RERANK)
    mild = msgspec.structs.replace(found(Kind.TYPE_CHANGED, "/b"), severity=Severity.NOTICE)
    for number in range(3):
        server.case(f"chat.{number}", [mild])
        server.case(f"rerank.{number}", [often])
    server.case("models.a", [late])
    server.case("chat.early", [early])
    titles = [cause.title for cause in server.report().causes]
    assert titles == ["aaa is a string", "zzz is missing", "yyy is missing", "b is a string"]
    assert [cause.operations[0] for cause in server.report().causes] == [RERANK, CHAT, MODELS, CHAT]


def test_what_is_wrong_everywhere_comes_first_even_if_no_case_passes_without_it_alone(server: Server) -> None:
    everywhere = (found(Kind.ENUM_UNKNOWN, "/finish_reason"), found(Kind.STREAM_ORDER, "<message-end>"))
    for number in range(10):
        server.case(f"chat.{number}", everywhere)
    server.case("chat.rare", [found(Kind.PROPERTY_MISSING, "/id")])
    assert [cause.cases for cause in server.report().causes] == [0, 0, 1]


def test_cases_about_a_subject_do_not_disappear_in_another_one(server: Server) -> None:
    """A key that is not checked is no consequence of values that are not validated."""
    served = violated("common.invalid-refused", observed="it was served")
    server.case("chat.text-of-wrong-type", [served], fails=True)
    for name, expected in (("no-key", "status 401"), ("unknown-model", "status 404")):
        server.case(f"chat.{name}", [found(Kind.STATUS_UNEXPECTED, expected=expected)], fails=True)
    assert sorted(cause.title for cause in server.report().causes) == [
        "Models that do not exist are served",
        "The key is not checked",
        "Values of a wrong type or out of range are accepted",
    ]


def test_event_lines_that_are_missing_everywhere_are_one_cause(server: Server) -> None:
    for tag in ("<message-start>", "<message-end>"):
        unnamed = found(Kind.STREAM_MALFORMED, tag, observed="no event line", value_class="absent")
        server.case(f"chat.{tag[9:-1]}", [unnamed])
    (cause,) = server.report().causes
    assert cause.title == "Events of streams have no event line"


def misplaced(event: str, observed: str, state: str, **further: str) -> Finding:
    """Return the finding of an event out of order, or with a wrong index."""
    return found(Kind.STREAM_ORDER, event, observed=observed, value_class=state, **further)


def test_events_without_index_are_one_cause_with_what_follows(server: Server) -> None:
    indexes = [
        misplaced("<content-start>/index", "no index", "index:content", expected="index 0"),
        misplaced("<citation-start>/index", "no index", "index:citation", expected="index 0"),
    ]
    folded = violated("v2.chat.citation-slice", "/message/citations/*/content_index")
    block = found(Kind.EXPECTATION_FAILED, "<content-start>", observed='"text" at /delta/type')
    server.case("chat.block", indexes[:1])
    server.case("chat.citations", [*indexes, folded, block], fails=True)
    (cause,) = server.report().causes
    assert cause.title == "Events of streams have no index: content-start and citation-start"
    assert cause.change.endswith("counted from 0.")


def test_what_plain_responses_show_as_well_does_not_follow_from_a_stream(server: Server) -> None:
    unnumbered = misplaced("<content-start>/index", "no index", "index:content")
    wrong = violated("v2.chat.citation-slice", "/message/citations/*/start")
    server.case("chat.stream", [unnumbered, wrong])
    server.case("chat.plain", [wrong])
    assert len(server.report().causes) == 2


@pytest.mark.parametrize("location", ["/usage/tokens", "/finish_reason", "/id"])
def test_what_the_last_event_says_does_not_follow_from_events_before_it(
    server: Server, location: str
) -> None:
    unnumbered = misplaced("<content-start>/index", "no index", "index:content")
    server.case("chat.stream", [unnumbered, violated("v2.chat.something", location)])
    assert len(server.report().causes) == 2


@pytest.mark.parametrize(
    "harmless",
    [
        found(Kind.STREAM_UNTERMINATED, expected="[DONE]", value_class="no-terminator"),
        found(Kind.STREAM_BUFFERED, observed="a stream of 5 bursts in 1"),
        misplaced("<message-start>", "no event line", "event-name"),
    ],
)
def test_nothing_follows_from_what_leaves_the_events_as_they_are(server: Server, harmless: Finding) -> None:
    wrong = violated("v2.chat.citation-slice", "/message/citations/*/start")
    expected = found(Kind.EXPECTATION_FAILED, "<content-delta>/delta/text", observed='"x"')
    server.case("chat.stream", [harmless, wrong, expected], fails=True)
    assert len(server.report().causes) == 3


@pytest.mark.parametrize("kind", [Kind.STREAM_UNTERMINATED, Kind.STREAM_BUFFERED])
def test_a_requirement_on_complete_streams_does_not_follow_either(server: Server, kind: Kind) -> None:
    whole = violated("v2.chat.other", "")
    server.case("chat.stream", [found(kind, expected="[DONE]", value_class="no-terminator"), whole])
    assert len(server.report().causes) == 2


def test_events_that_are_not_separated_are_one_cause_with_what_follows(server: Server) -> None:
    joined = found(Kind.STREAM_MALFORMED, observed="9 events without a blank line", value_class="unseparated")
    cut = found(Kind.STREAM_UNTERMINATED, expected="the final event", value_class="no-final-event")
    absent = found(Kind.EXPECTATION_FAILED, "<content-delta>/index", observed="no event content-delta")
    server.case("chat.stream", [joined, cut, absent, violated("v2.chat.x", "/usage")], fails=True)
    (cause,) = server.report().causes
    assert cause.title == "Events of streams are not separated by blank lines"


def test_streams_without_their_end_are_another_cause_than_joined_events(server: Server) -> None:
    joined = found(Kind.STREAM_MALFORMED, observed="9 events without a blank line", value_class="unseparated")
    cut = found(Kind.STREAM_UNTERMINATED, expected="the final event", value_class="no-final-event")
    server.case("chat.joined", [joined, cut])
    server.case("chat.cut", [cut])
    assert len(server.report().causes) == 2


def test_an_event_that_is_missing_is_one_cause(server: Server) -> None:
    end = misplaced("<message-end>", "message-end comes before tool-call-end", "sequence:call")
    next_one = "a second tool-call-start comes before tool-call-end"
    again = misplaced("<tool-call-start>", next_one, "sequence:call")
    planned = misplaced("<tool-plan-delta>", "tool-plan-delta comes before tool-call-end", "sequence:call")
    absent = found(Kind.EXPECTATION_FAILED, "<tool-call-end>/index", observed="no event tool-call-end")
    server.case("chat.call", [end, absent], fails=True)
    server.case("chat.calls", [end, again])
    server.case("chat.plan", [planned])
    (cause,) = server.report().causes
    assert cause.title == "Events of streams are out of order: message-end comes before tool-call-end"
    assert cause.change == "Send tool-call-end before message-end."


def test_an_event_that_is_repeated_is_one_cause(server: Server) -> None:
    twice = "a second content-start comes before content-end"
    again = misplaced("<content-start>", twice, "sequence:block", expected="one of content-delta")
    index = misplaced("<content-start>/index", "index 0", "index:content", expected="index 1")
    server.case("chat.stream", [again, index])
    (cause,) = server.report().causes
    assert cause.title == f"Events of streams are out of order: {twice}"


def test_a_wrong_flag_of_several_events_is_one_cause(server: Server) -> None:
    for tag in ("<start>", "<text>"):
        wrong = misplaced(tag, "is_finished true", "finished:is_finished", expected="is_finished false")
        server.case(f"chat.{tag[1:-1]}", [wrong])
    end = misplaced("<end>", "is_finished false", "finished:is_finished", expected="is_finished true")
    server.case("chat.end", [end])
    assert sorted((cause.title, cause.change) for cause in server.report().causes) == [
        ("is_finished is false in events of streams: end", "Send true as is_finished of these events."),
        (
            "is_finished is true in events of streams: start and text",
            "Send false as is_finished of these events.",
        ),
    ]


def test_indexes_that_start_at_another_number_are_one_cause(server: Server) -> None:
    for tag, counter in (("content-start", "content"), ("tool-call-start", "tool-call")):
        wrong = misplaced(f"<{tag}>/index", "index 1", f"index:{counter}", expected="index 0")
        server.case(f"chat.{tag}", [wrong])
    server.case("chat.a", [misplaced("<content-end>/index", "index 5", "index:content", expected="index 0")])
    assert sorted(cause.title for cause in server.report().causes) == [
        "index of content-end events is 5 instead of 0",
        "index of content-start and tool-call-start events is 1 instead of 0",
    ]


def test_a_requirement_on_the_media_type_of_a_stream_follows_from_a_wrong_one(server: Server) -> None:
    plain = found(Kind.MEDIA_TYPE_UNDECLARED, observed="text/plain", value_class="text/plain")
    for number in range(9):
        server.case(f"chat.{number}", [plain])
    server.case("chat.stream", [plain, violated("v2.chat.accepts", observed="text/plain")])
    assert len(server.report().causes) == 1


def test_malformed_events_are_one_cause_by_what_is_wrong(server: Server) -> None:
    observed = "the text ends within it"
    for tag in ("message-start", "message-end"):
        server.case(
            f"chat.{tag}",
            [
                found(Kind.STREAM_MALFORMED, f"<{tag}>", observed=observed, value_class="truncated"),
                found(Kind.STREAM_UNTERMINATED, expected="the final event", value_class="no-final-event"),
            ],
        )
    server.case("chat.byte", [found(Kind.STREAM_MALFORMED, observed="byte 0xff", value_class="utf-8")])
    assert sorted(cause.title for cause in server.report().causes) == [
        "Events of streams are malformed: byte 0xff",
        f"Events of streams are malformed: {observed}",
    ]


def test_unknown_events_are_one_cause(server: Server) -> None:
    for tag in ("ping", "pong"):
        server.case(f"chat.{tag}", [found(Kind.STREAM_EVENT_UNKNOWN, f"<{tag}>", value_class=tag)])
    (cause,) = server.report().causes
    assert cause.title == "Events of streams have unknown types: ping and pong"


@pytest.mark.parametrize(
    ("observed", "expected", "title"),
    [
        ('"x"', 'the joined events: "y"', 'text differs from the joined events: "x"'),
        ("7", "in the folded response: a string", "text of the joined events is 7"),
        (
            "an object without it (it has id)",
            "in the folded response: a required property",
            "text is missing in the joined events",
        ),
    ],
)
def test_a_folded_response_is_named_as_joined_events(
    server: Server, observed: str, expected: str, title: str
) -> None:
    wrong = found(Kind.STREAM_FOLD_MISMATCH, "/text", observed=observed, expected=expected)
    server.case("chat.stream", [wrong])
    (cause,) = server.report().causes
    assert cause.title == title


def test_the_order_of_events_is_no_consequence_of_what_else_is_wrong_with_them(server: Server) -> None:
    end = misplaced("<message-end>", "message-end comes before content-end", "sequence:block")
    index = misplaced("<message-end>/index", "index 1", "index:content", expected="index 0")
    unnamed = misplaced("<message-end>", "no event line", "event-name")
    server.case("chat.stream", [end, unnamed])
    server.case("chat.more", [end, unnamed, index])
    assert sorted(cause.title for cause in server.report().causes) == [
        "Events of streams are out of order: message-end comes before content-end",
        "Events of streams have no event line",
    ]


def test_wrong_event_lines_are_one_cause(server: Server) -> None:
    for tag in ("message-start", "message-end"):
        wrong = misplaced(f"<{tag}>", "event: chunk", "event-name", expected=f"event: {tag}")
        server.case(f"chat.{tag}", [wrong])
    (cause,) = server.report().causes
    assert cause.title == (
        "Event lines do not have the type of their event: event: chunk of message-end and message-start"
    )


def test_a_stream_that_is_sent_as_json_is_one_cause(server: Server) -> None:
    media = found(
        Kind.MEDIA_TYPE_UNDECLARED,
        observed="server-sent events as application/json",
        expected="text/event-stream for a stream",
        value_class="stream as application/json",
    )
    asked = violated("v2.chat.stream-asked", observed="no stream")
    event = violated("v2.chat.something", "/message/content")
    none = found(Kind.EXPECTATION_FAILED, expected="a stream", observed="a body that is not a stream")
    header = found(Kind.EXPECTATION_FAILED, "header:content-type", observed='"application/json"')
    server.case("chat.stream", [media, asked, event, none, header], fails=True)
    (cause,) = server.report().causes
    assert cause.title == "Streams have the media type application/json"
    assert cause.change == "Send streams with the content-type text/event-stream."


def test_an_unknown_value_is_one_cause_in_plain_responses_and_streams(server: Server) -> None:
    for place in ("/finish_reason", "<message-end>/delta/finish_reason"):
        server.case(f"chat.{place[1:3]}", [found(Kind.ENUM_UNKNOWN, place, value_class="stop")])
    assert len(server.report().causes) == 1


def test_values_that_are_spelled_in_another_way_are_one_cause(server: Server) -> None:
    for value in ("complete", "max_tokens", "tool_call"):
        odd = found(Kind.ENUM_UNKNOWN, "/finish_reason", value_class=value, observed=f'"{value}"')
        server.case(f"chat.{value}", [odd])
    server.case("embed.a", [found(Kind.ENUM_UNKNOWN, "/finish_reason", operation=EMBED, observed='"done"')])
    ours, theirs = sorted(server.report().causes, key=lambda cause: -len(cause.findings))
    assert ours.title == 'finish_reason is "complete", "max_tokens" and "tool_call"'
    assert theirs.title == 'finish_reason is "done"'


def test_values_of_one_object_that_are_wrong_in_the_same_way_are_one_cause(server: Server) -> None:
    places = ("/usage/input", "/usage/output")
    for number in range(2):
        server.case(
            f"chat.{number}", [found(Kind.TYPE_CHANGED, place, value_class="string") for place in places]
        )
    assert len(server.report().causes) == 1


def test_a_case_that_fails_for_two_causes_turns_green_for_none(server: Server) -> None:
    server.case("chat.a", [found(Kind.PROPERTY_MISSING, "/id"), found(Kind.ENUM_UNKNOWN, "/finish_reason")])
    server.case("chat.b", [found(Kind.PROPERTY_MISSING, "/id")])
    first, second = server.report().causes
    assert (first.cases, first.case_ids) == (1, ("chat.b", "chat.a"))
    assert (second.cases, second.case_ids) == (0, ("chat.a",))


def test_the_example_is_the_smallest_exchange_of_a_request_that_should_succeed(server: Server) -> None:
    wrong = found(Kind.HEADER_MISSING, "header:num_tokens")
    server.case("chat.a", [wrong], request='{"long": "request"}')
    server.case("chat.b", [wrong], request='{"s": 1}')
    server.case("chat.no-messages", [wrong], request="{}", fails=True)
    report = server.report()
    assert report.causes[0].example.position == "chat.b"
    assert report.findings[0].example.position == "chat.b"


@pytest.mark.parametrize("longest", [50, 10_000_000], ids=["longer", "too long for a command"])
def test_the_example_of_several_findings_is_the_smallest_of_all_their_requests(
    server: Server, longest: int
) -> None:
    """Of crashes at twelve places, the one that is repeated most easily is shown."""
    places = [f"/at/{number:02}" for number in range(12)]
    for number, place in enumerate(places):
        body = "x" * (5 if number == 7 else longest if number == 3 else 40)
        crash = found(Kind.SERVER_ERROR, place, status=500, expected="no crash", observed="500: oops")
        server.case(f"chat.{number}", [crash], request=f'"{body}"')
    report = server.report()
    (cause,) = report.causes
    assert len(cause.findings) == len(places)
    assert cause.example.position == "chat.7"
    assert cause.example.request_text.endswith('\n"xxxxx"')


def test_the_example_of_what_only_refused_requests_show_is_one_of_these(server: Server) -> None:
    server.case("chat.no-messages", [found(Kind.ERROR_ENVELOPE, "/message", status=400)], fails=True)
    assert server.report().causes[0].example.position == "chat.no-messages"


def test_the_example_shows_the_mistake_and_not_only_what_follows_from_it(server: Server) -> None:
    wrong = violated("rerank.count", "/results", operation=RERANK)
    follows = found(Kind.EXPECTATION_FAILED, "/results/0/index", operation=RERANK)
    server.case("rerank.a", [wrong, follows], request='{"a longer": "request"}')
    server.case("rerank.a", [follows], request="{}")
    (cause,) = server.report().causes
    assert len(cause.findings) == 2
    assert "a longer" in cause.example.request_text


# -- what follows from something else in the same responses, or in others of the same API


def test_statuses_of_all_keys_that_are_one_finding_are_about_the_key(server: Server) -> None:
    missing = found(Kind.STATUS_UNEXPECTED, operation=MODELS, status=404, expected="status 401")
    for name in ("no-key", "wrong-key"):
        server.case(f"models.get.{name}", [missing], fails=True)
    server.case("chat.no-key", [violated("common.key-missing", expected="status 401")], fails=True)
    (cause,) = server.report().causes
    assert cause.title == "The key is not checked"


def test_a_requirement_on_refusals_that_crashes_is_one_cause_with_its_cases(server: Server) -> None:
    crash = {"operation": EMBED, "status": 500, "observed": "500"}
    server.case(
        "embed.odd", [found(Kind.STATUS_UNEXPECTED, expected="status 400 or 422", **crash)], fails=True
    )
    server.case(
        "embed.relation",
        [violated("embed.foreign", expected="a status from 400 to 499", **crash)],
        fails=True,
    )
    (cause,) = server.report().causes
    assert cause.rule == "crash-on-invalid"


def test_a_subject_of_a_requirement_follows_as_the_requirement_does(server: Server) -> None:
    server.case("embed.a", [violated("embed.repeatable", "/embeddings", operation=EMBED)])
    server.case("embed.b", [violated("common.client-name", operation=EMBED)])
    (cause,) = server.report().causes
    assert cause.title.startswith("embeddings: got")


def test_a_listed_model_that_does_not_exist_is_one_cause(server: Server) -> None:
    server.case("embed.served", [found(Kind.TYPE_CHANGED, "/texts", operation=EMBED)])
    missing = {"operation": EMBED, "status": 404}
    request = '{"model": "embed-small"}'
    unexpected = found(Kind.STATUS_UNEXPECTED, expected="status 200", **missing)
    server.case("embed.plain", [unexpected], request=request)
    server.case("models.relation", [violated("models.listed-serves", **missing)], request=request)
    assert {cause.title for cause in server.report().causes} == {
        "texts is a string",
        "Models that are listed do not exist (status 404): embed-small",
    }


def test_a_certain_element_follows_from_the_order_of_its_array(server: Server) -> None:
    server.case("rerank.a", [violated("rerank.sorted", "/results/*/relevance_score", operation=RERANK)])
    first = found(Kind.EXPECTATION_FAILED, "/results/0/index", operation=RERANK)
    server.case("rerank.b", [first])
    server.case("rerank.c", [found(Kind.EXPECTATION_FAILED, "/meta/0/index", operation=RERANK)])
    ordered, other = server.report().causes
    assert (len(ordered.findings), other.title) == (2, "meta[0].index: got a string instead of type integer")


def test_a_missing_element_follows_from_what_is_wrong_in_the_elements(server: Server) -> None:
    mild = msgspec.structs.replace(
        violated("models.counts", "/models/*/endpoints", operation=MODELS), severity=Severity.NOTICE
    )
    missing = found(
        Kind.EXPECTATION_FAILED,
        "/models",
        operation=MODELS,
        expected="an array with an element whose name is a",
    )
    server.case("models.a", [mild, missing])
    (cause,) = server.report().causes
    assert (cause.severity, len(cause.findings)) == (Severity.BREAKING, 2)


@pytest.mark.parametrize(("operation", "causes"), [("GET /v1/models/{model}", 1), (MODELS, 2)])
def test_what_is_not_found_follows_from_wrong_ids(server: Server, operation: str, causes: int) -> None:
    server.case("models.a", [violated("models.same-id", "/models/*/id", operation=MODELS)])
    missing = found(Kind.STATUS_UNEXPECTED, operation=operation, status=404, expected="status 200")
    server.case("models.b", [missing])
    assert len(server.report().causes) == causes


@pytest.mark.parametrize(("name", "causes"), [("num_failed_records", 1), ("num_tokens", 2)])
def test_a_property_beside_follows_from_a_requirement_about_it(
    server: Server, name: str, causes: int
) -> None:
    total = violated("models.counts", "/batch/num_records", operation=MODELS)
    server.case("models.a", [total, found(Kind.EXPECTATION_FAILED, f"/batch/{name}", operation=MODELS)])
    assert len(server.report().causes) == causes


def test_what_is_absent_follows_from_the_wrong_type_of_its_object(server: Server) -> None:
    typed = violated("chat.format", "/pages/*/type")
    absent = found(Kind.EXPECTATION_FAILED, "/pages/0/markdown/content", observed="absent")
    wrong = found(Kind.EXPECTATION_FAILED, "/pages/0/number", observed="7")
    server.case("chat.a", [typed, absent, wrong])
    first, second = server.report().causes
    assert (len(first.findings), second.title) == (2, "pages[0].number: got 7 instead of type integer")


def test_what_a_deleted_resource_still_has_follows_from_its_requirement(server: Server) -> None:
    kept = violated("models.deleted-is-gone", "/model", operation=MODELS, expected="404, or DELETED")
    server.case("models.lifecycle", [kept], fails=True)
    read = found(
        Kind.STATUS_UNEXPECTED, operation="GET /v1/models/{model}", expected="status 404", observed="200: {}"
    )
    server.case("models.get.deleted", [read], fails=True)
    (cause,) = server.report().causes
    assert cause.title == "model: got a string instead of 404, or DELETED"


def test_an_address_that_two_operations_accept_explains_a_missing_one(server: Server) -> None:
    accepted = {"expected": "a refusal of other addresses", "observed": "200"}
    for operation in (EMBED, "POST /v1/embed"):
        server.case("embed.wrong", [violated("embed.url", operation=operation, **accepted)], fails=True)
    absent = found(Kind.STATUS_UNEXPECTED, operation=EMBED, expected="status 400 or 422", observed="200: {}")
    server.case("embed.no-address", [absent], fails=True)
    (cause,) = server.report().causes
    assert cause.title == "2 operations accept other addresses"


def test_events_that_are_joined_wrong_follow_from_their_index(server: Server) -> None:
    server.case("chat.plain", [violated("chat.index", "/texts/*/index")])
    server.case(
        "chat.stream",
        [violated("chat.index", "/texts/*/index"), found(Kind.STREAM_FOLD_MISMATCH, "/texts/*/text")],
    )
    (cause,) = server.report().causes
    assert cause.title.startswith("texts[].index: got")


def test_an_element_that_a_list_lacks_follows_from_the_value_that_it_should_have(server: Server) -> None:
    server.case("models.a", [violated("models.forward", "/status", operation="GET /v1/models/{model}")])
    expected = 'an array with an element whose id is "a", whose status is "complete"'
    missing = found(Kind.EXPECTATION_FAILED, "/models", operation=MODELS, expected=expected)
    server.case("models.b", [missing])
    (cause,) = server.report().causes
    assert len(cause.findings) == 2


@pytest.mark.parametrize(("place", "causes"), [("/status", 1), ("/name", 2)])
def test_what_a_resource_lacks_follows_from_its_state(server: Server, place: str, causes: int) -> None:
    label = "GET /v1/models/{model}"
    server.case("models.a", [violated("models.forward", place, operation=label)])
    other = found(Kind.EXPECTATION_FAILED, place, operation=label)
    absent = found(Kind.EXPECTATION_FAILED, "/output_id", operation=label, observed="absent")
    server.case("models.b", [absent, other])
    assert len(server.report().causes) == causes


@pytest.mark.parametrize(("expected", "causes"), [("status 404", 1), ("status 409", 2)])
def test_a_case_of_the_same_status_follows_the_requirement(
    server: Server, expected: str, causes: int
) -> None:
    label = "DELETE /v1/models/{model}"
    server.case("models.a", [violated("models.second-delete", operation=label, expected="404")], fails=True)
    again = found(Kind.STATUS_UNEXPECTED, operation=label, expected=expected, observed="200: {}")
    server.case("models.delete.again", [again], fails=True)
    assert len(server.report().causes) == causes


def test_what_is_in_an_undeclared_object_is_not_absent_as_well(server: Server) -> None:
    body = '{"model": {"name": "a", "endpoints": []}}'
    wrapped = found(Kind.PROPERTY_UNDOCUMENTED, "/model", observed='model: {"name": "a"}')
    named = violated("models.itself", "/name", observed="null")
    absent = [found(Kind.EXPECTATION_FAILED, place, observed="absent") for place in ("/endpoints", "/length")]
    server.case("chat.a", [wrapped, named, *absent], body=body)
    first, second = server.report().causes
    assert (len(first.findings), second.title) == (3, "length is absent")


@pytest.mark.parametrize(
    ("place", "operation", "causes"),
    [
        ("/model_id", "GET /v1/models/{model}", 1),
        ("/models/*/model_id", "GET /v1/models/{model}", 2),
        ("/model_id", MODELS, 2),
        ("/model_id", EMBED, 2),
    ],
)
def test_an_element_is_missed_by_an_id_that_another_response_has_wrong(
    server: Server, place: str, operation: str, causes: int
) -> None:
    server.case("models.a", [violated("models.same-id", place, operation=operation)])
    expected = 'an array with an element whose model_id is "ABC"'
    server.case("models.b", [found(Kind.EXPECTATION_FAILED, "/models", operation=MODELS, expected=expected)])
    assert len(server.report().causes) == causes


def test_a_certain_element_follows_from_the_pages_of_its_array(server: Server) -> None:
    server.case("models.a", [violated("models.pages", "/models", operation=MODELS)])
    server.case("models.b", [found(Kind.EXPECTATION_FAILED, "/models/0/name", operation=MODELS)])
    (cause,) = server.report().causes
    assert len(cause.findings) == 2


@pytest.mark.parametrize(
    ("method", "place", "causes"),
    [("PATCH", "/model/kind", 1), ("GET", "/model/kind", 2), ("PATCH", "/kind", 2)],
)
def test_what_a_changed_resource_lacks_follows_from_the_rule_about_changes(
    server: Server, method: str, place: str, causes: int
) -> None:
    label = f"{method} /v1/models/{{model}}"
    server.case("models.a", [violated("models.echo", "/model/name", operation="PATCH /v1/models/{model}")])
    server.case("models.b", [found(Kind.EXPECTATION_FAILED, place, operation=label)])
    assert len(server.report().causes) == causes


@pytest.mark.parametrize(("place", "causes"), [("/generations", 1), ("/meta/warnings", 2)])
def test_a_number_of_output_tokens_follows_from_the_output(server: Server, place: str, causes: int) -> None:
    billed = found(Kind.EXPECTATION_FAILED, "/meta/billed_units/output_tokens")
    server.case("chat.a", [violated("chat.one", place), billed])
    assert len(server.report().causes) == causes


@pytest.mark.parametrize(("expected", "causes"), [("an array of 1 to 10 elements", 1), ("type object", 2)])
def test_the_size_of_an_array_follows_from_the_number_of_output_tokens(
    server: Server, expected: str, causes: int
) -> None:
    size = found(Kind.EXPECTATION_FAILED, "/logprobs", expected=expected, observed="[]")
    server.case("chat.a", [violated("chat.most", "/usage/tokens/output_tokens"), size])
    assert len(server.report().causes) == causes


@pytest.mark.parametrize(("place", "causes"), [("/message/content", 1), ("/message/citations", 2)])
def test_an_event_follows_from_what_it_is_a_part_of(server: Server, place: str, causes: int) -> None:
    event = found(Kind.EXPECTATION_FAILED, "<content-start>", expected="absent", observed="{}")
    server.case("chat.a", [violated("chat.no-text", place), event])
    assert len(server.report().causes) == causes


@pytest.mark.parametrize(
    ("expected", "causes"), [("status 200 or 400", 1), ("status 200", 2), ("status 401", 2)]
)
def test_a_crash_where_a_refusal_is_allowed_follows_from_missing_validation(
    server: Server, expected: str, causes: int
) -> None:
    accepted = found(Kind.STATUS_UNEXPECTED, expected="status 400 or 422", observed="200: {}")
    server.case("chat.no-model", [accepted, violated("common.required-refused", observed="200")], fails=True)
    crash = found(Kind.STATUS_UNEXPECTED, operation=EMBED, expected=expected, status=500, observed="500")
    server.case("embed.name-only", [crash])
    assert len(server.report().causes) == causes


def test_what_an_accepted_request_gets_follows_from_its_acceptance(server: Server) -> None:
    accepted = found(Kind.STATUS_UNEXPECTED, expected="status 400 or 422", observed="200: {}")
    server.case("chat.empty", [accepted, violated("chat.count", "/texts")], fails=True)
    (cause,) = server.report().causes
    assert len(cause.findings) == 2


def test_what_the_type_of_an_object_selects_follows_from_a_wrong_type(server: Server) -> None:
    typed = violated("embed.response-type", "/response_type", operation=EMBED)
    other = found(Kind.TYPE_CHANGED, "/embeddings", operation=EMBED, observed="{}")
    server.case("embed.a", [typed, other])
    server.case("embed.b", [typed, found(Kind.TYPE_CHANGED, "/meta/tokens", operation=EMBED)])
    server.case("embed.v1", [found(Kind.TYPE_CHANGED, "/embeddings", operation="POST /v1/embed")])
    assert [len(cause.findings) for cause in server.report().causes] == [3, 1]


def test_properties_beside_an_absent_object_follow_from_its_absence(server: Server) -> None:
    absent = violated("models.wrapped", "/model", operation=MODELS, observed="none")
    loose = found(Kind.PROPERTY_UNDOCUMENTED, "/name", operation=MODELS)
    server.case("models.a", [absent, loose])
    (cause,) = server.report().causes
    assert cause.title.startswith("model: got none")


def test_what_follows_a_cause_stays_with_it_when_that_follows_another(server: Server) -> None:
    """Nothing is lost on the way."""
    refused = {"expected": "status 400 or 422", "observed": "200: {}"}
    server.case(
        "chat.a", [violated("chat.refused", expected="a refusal of that", observed="200")], fails=True
    )
    server.case(
        "chat.refused",
        [found(Kind.STATUS_UNEXPECTED, **refused), found(Kind.TYPE_CHANGED, "/texts")],
        fails=True,
    )
    report = server.report()
    assert sorted(name for cause in report.causes for name in cause.findings) == sorted(
        row.fingerprint for row in report.findings
    )


@pytest.mark.parametrize(
    ("observed", "expected", "causes"),
    [
        ('{"kind": "b"}', "whose name is a, whose kind is a", 1),
        ('{"size": "b"}', "whose name is a, whose kind is a", 2),
        ('{"size": "b"}', "whose name is a, whose ki\u2026", 1),
        ("another model", "whose name is a, whose ki\u2026", 2),
    ],
)
def test_an_element_is_missed_as_a_complete_resource_is_another_one_elsewhere(
    server: Server, observed: str, expected: str, causes: int
) -> None:
    label = "GET /v1/models/{model}"
    server.case("models.a", [violated("models.created", operation=label, observed=observed)])
    missing = {"operation": MODELS, "expected": f"an array with an element {expected}"}
    server.case("models.b", [found(Kind.EXPECTATION_FAILED, "/models", **missing)])
    assert len(server.report().causes) == causes


@pytest.mark.parametrize(("expected", "causes"), [("an empty string", 1), ("type object", 2)])
def test_a_long_text_follows_from_too_many_output_tokens(server: Server, expected: str, causes: int) -> None:
    billed = violated("chat.max", "/meta/billed_units/output_tokens", expected="at most 10", observed="46")
    server.case("chat.a", [billed])
    server.case("chat.b", [found(Kind.EXPECTATION_FAILED, "/texts/0/text", expected=expected)])
    assert len(server.report().causes) == causes


@pytest.mark.parametrize(("observed", "causes"), [("array of 376 at /0", 1), ('["a"]', 2)])
def test_an_array_of_another_size_follows_from_the_requirement_on_sizes(
    server: Server, observed: str, causes: int
) -> None:
    server.case("chat.a", [violated("chat.size", "/embeddings/float/*", observed="376", expected="384")])
    server.case("chat.b", [found(Kind.EXPECTATION_FAILED, "/embeddings", observed=observed)])
    assert len(server.report().causes) == causes


def test_the_index_of_an_event_follows_from_the_elements_that_it_is_a_part_of(server: Server) -> None:
    index = found(Kind.EXPECTATION_FAILED, "<content-end>/index", observed="2")
    server.case("chat.a", [violated("chat.empty", "/message/content/*/text"), index])
    (cause,) = server.report().causes
    assert len(cause.findings) == 2


def test_an_index_follows_from_the_number_of_elements(server: Server) -> None:
    index = found(Kind.EXPECTATION_FAILED, "<text-generation>/index", observed="2")
    inner = found(Kind.EXPECTATION_FAILED, "<stream-end>/response/generations", observed="[]")
    server.case("chat.a", [violated("chat.count", "/generations", observed="2 texts"), index, inner])
    (cause,) = server.report().causes
    assert len(cause.findings) == 3


def test_a_key_that_is_not_checked_is_not_checked_in_streams_either(server: Server) -> None:
    for name in ("no-key", "no-key-stream"):
        server.case(
            f"chat.{name}", [found(Kind.STATUS_UNEXPECTED, expected=f"status 401: {name}")], fails=True
        )
    (cause,) = server.report().causes
    assert cause.rule == "key"


def test_an_accepted_value_that_is_read_again_follows_from_its_acceptance(server: Server) -> None:
    accepted = violated("common.invalid-refused", operation="POST /v1/datasets", observed="200")
    server.case("datasets.create.kind-of-wrong-type", [accepted], fails=True)
    server.case("", [found(Kind.ENUM_UNKNOWN, "/kind", operation="GET /v1/datasets")])
    (cause,) = server.report().causes
    assert len(cause.findings) == 2


@pytest.mark.parametrize(("query", "causes"), [("?modelState=failed", 1), ("?limit=1", 2)])
def test_an_empty_list_follows_from_what_it_is_filtered_by(server: Server, query: str, causes: int) -> None:
    server.case("models.a", [violated("models.failed", "/model_state", operation="GET /v1/models/{model}")])
    empty = found(Kind.EXPECTATION_FAILED, "/models", operation=MODELS, observed="[]")
    server.case("models.b", [empty], query=query)
    assert len(server.report().causes) == causes


def test_a_rule_about_what_should_have_been_refused_follows_from_its_acceptance(server: Server) -> None:
    accepted = violated("chat.schema", expected="a refusal of a schema of no object", observed="200")
    server.case("chat.relation", [accepted, violated("chat.json", "/message/content/*/text")])
    (cause,) = server.report().causes
    assert cause.title == "POST /v2/chat accepts a schema of no object"


def test_a_request_that_is_accepted_follows_from_a_requirement_that_follows_another(server: Server) -> None:
    refused = violated("common.client-name", operation=EMBED, expected="a refusal of it", observed="200")
    server.case("embed.a", [violated("embed.repeatable", "/embeddings", operation=EMBED)])
    server.case("embed.b", [refused], fails=True)
    accepted = found(
        Kind.STATUS_UNEXPECTED, operation=EMBED, expected="status 400 or 422", observed="200: {}"
    )
    server.case("embed.negative", [accepted], fails=True)
    (cause,) = server.report().causes
    assert len(cause.findings) == 3


@pytest.mark.parametrize(("observed", "causes"), [("[]", 1), ("absent", 2)])
def test_properties_of_one_object_that_a_case_finds_equal_follow_the_same_cause(
    server: Server, observed: str, causes: int
) -> None:
    server.case("chat.a", [violated("chat.joined", "/strings")])
    strings, tokens = (
        found(Kind.EXPECTATION_FAILED, place, observed=observed) for place in ("/strings", "/tokens")
    )
    server.case("chat.b", [strings, tokens])
    server.case("chat.c", [tokens])
    assert len(server.report().causes) == causes


def test_a_model_that_does_not_exist_is_not_read_either(server: Server) -> None:
    server.case("chat.unknown-model", [found(Kind.STATUS_UNEXPECTED, expected="status 404")], fails=True)
    read = found(Kind.STATUS_UNEXPECTED, operation="GET /v1/models/{model}", expected="status 404")
    server.case("models.get.unknown", [read], fails=True)
    (cause,) = server.report().causes
    assert cause.title == "Models that do not exist are served"


@pytest.mark.parametrize(("place", "causes"), [("/models/*/kind", 1), ("/total", 2)])
def test_what_a_list_lacks_follows_from_an_incomplete_list(server: Server, place: str, causes: int) -> None:
    server.case("models.a", [violated("models.listed", "/models", operation=MODELS)])
    absent = found(Kind.EXPECTATION_FAILED, place, operation=MODELS, observed="absent")
    server.case("models.b", [absent])
    assert len(server.report().causes) == causes


@pytest.mark.parametrize(("place", "causes"), [("/documents/*/id", 1), ("/pages/*/id", 2)])
def test_an_absent_id_follows_from_ids_that_refer_to_nothing(server: Server, place: str, causes: int) -> None:
    server.case("chat.a", [violated("chat.referred", "/citations/*/document_ids")])
    server.case("chat.b", [found(Kind.EXPECTATION_FAILED, place, observed="absent")])
    assert len(server.report().causes) == causes


# -- words


@pytest.mark.parametrize(
    ("expected", "title"),
    [
        ("status 401", "POST /v2/chat responds 200 instead of 401: an odd model is refused"),
        ("status 400 for an odd model", "POST /v2/chat: got 200 instead of status 400 for an odd model"),
    ],
)
def test_a_status_alone_is_explained_by_the_requirement(server: Server, expected: str, title: str) -> None:
    server.case("chat.a", [violated("models.odd", expected=expected, observed="200")])
    (cause,) = server.report().causes
    assert cause.title == title


def test_what_a_requirement_expects_is_in_the_title_however_long_the_value_is(server: Server) -> None:
    server.case("chat.a", [violated("chat.pieces", "/texts", expected="x" * 200, observed="y" * 200)])
    (cause,) = server.report().causes
    assert cause.title == f"texts: got {'y' * 60}... instead of {'x' * 100}..."


def test_a_status_that_a_case_does_not_expect_is_explained_by_it(server: Server) -> None:
    server.case("chat.odd", [found(Kind.STATUS_UNEXPECTED, expected="status 400")], fails=True)
    (cause,) = server.report().causes
    assert cause.title == "POST /v2/chat responds 200 instead of 400: an odd request is rejected"


def test_a_value_that_should_be_another_one_is_named_so(server: Server) -> None:
    server.case(
        "chat.odd", [found(Kind.EXPECTATION_FAILED, "/id", expected='other than "a"', observed='"a"')]
    )
    (cause,) = server.report().causes
    assert (cause.title, cause.change) == (
        'id is "a", where another value is expected',
        "Send another value as id. An odd request is rejected.",
    )


def test_a_text_of_an_operation_is_not_of_version_1(server: Server) -> None:
    label = "POST /v2/audio/transcriptions"
    more = found(Kind.PROPERTY_UNDOCUMENTED, "/meta", operation=label)
    server.case("audio.a", [more], body='{"text": "a", "meta": {}}')
    (cause,) = server.report().causes
    assert cause.title == "meta is not declared"


@pytest.mark.parametrize(
    ("kind", "location", "changed", "title"),
    [
        (Kind.RULE_UNENFORCED, "request:/a", "type", "Values of a wrong type are accepted by {}: a"),
        (
            Kind.RULE_UNENFORCED,
            "request:/",
            "required",
            "Bodies without a required property are accepted by {}",
        ),
        (
            Kind.VALID_REFUSED,
            "request:/a",
            "NUL",
            "Values such as NUL are refused by {}, although they are allowed: a",
        ),
        (Kind.SERVER_ERROR, "request:method", "HEAD", "Methods that are not declared crash {} (status 500)"),
        (
            Kind.SERVER_ERROR,
            "request:/a, /b",
            "several changes",
            "Unusual values crash {} (status 500): a and b",
        ),
        (Kind.SERVER_ERROR, "", "nothing is changed", "Ordinary requests of cases crash {} (status 500)"),
        (Kind.SERVER_ERROR, "header:x-a", "NUL", "Unusual values of header x-a crash {} (status 500)"),
        (Kind.SERVER_ERROR, "query:a", "NUL", "Unusual query parameters crash {} (status 500)"),
    ],
)
def test_what_the_fuzzer_has_changed_is_said(
    server: Server, kind: Kind, location: str, changed: str, title: str
) -> None:
    status = {Kind.SERVER_ERROR: 500, Kind.VALID_REFUSED: 400}.get(kind, 200)
    server.generated(found(kind, location, status=status, value_class=changed))
    (cause,) = server.report().causes
    assert cause.title == title.format(CHAT)


def test_values_of_one_kind_are_one_cause_wherever_they_are(server: Server) -> None:
    for place in ("/a", "/b"):
        server.generated(found(Kind.RULE_UNENFORCED, f"request:{place}", value_class="type"))
    (cause,) = server.report().causes
    assert cause.title == "Values of a wrong type are accepted by POST /v2/chat: a and b"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("request:method", "HEAD"), ("request:method", "OPTIONS")),
        (("request:/a", "maxLength"), ("request:/b", "65536 characters, the most that is declared")),
        (("request:/a", "minItems"), ("request:/b", "an empty list")),
        (("request:/a", "control characters"), ("request:/b", "a drawn value")),
        (("request:/a", "several changes"), ("request:/b", "a drawn value")),
    ],
)
def test_inputs_that_crash_for_one_reason_are_one_cause(
    server: Server, one: tuple[str, str], other: tuple[str, str]
) -> None:
    for location, changed in (one, other):
        server.generated(found(Kind.SERVER_ERROR, location, status=500, value_class=changed))
    assert len(server.report().causes) == 1


def test_a_list_that_still_has_an_element_does_not_follow_from_wrong_ids(server: Server) -> None:
    label = "GET /v1/models/{model}"
    server.case("models.a", [violated("models.same-id", "/model_id", operation=label)])
    expected = 'other than an array with an element whose model_id is "ABC"'
    server.case("models.b", [found(Kind.EXPECTATION_FAILED, "/models", operation=MODELS, expected=expected)])
    assert len(server.report().causes) == 2


@pytest.mark.parametrize(("observed", "causes"), [("secret", 1), ("4", 2)])
def test_a_rule_about_a_whole_follows_from_one_about_the_part_that_it_names(
    server: Server, observed: str, causes: int
) -> None:
    part = violated("models.no-secrets", "/models/*/secret", operation=MODELS)
    server.case("models.a", [part, violated("models.limit", "/models", operation=MODELS, observed=observed)])
    assert len(server.report().causes) == causes


def test_a_value_that_a_refusal_is_the_alternative_to_is_no_accepted_request(server: Server) -> None:
    valid = violated("chat.valid", "/valid", expected="true, as a bad key is refused with 401")
    server.case("chat.a", [valid, violated("chat.owner", "/owner")])
    assert len(server.report().causes) == 2


@pytest.mark.parametrize(("observed", "causes"), [('"-9"', 1), ('"many"', 2)])
def test_a_header_that_repeats_a_wrong_value_follows_from_it(
    server: Server, observed: str, causes: int
) -> None:
    billed = violated("chat.whole", "/meta/billed_units/input_tokens", observed="-9")
    server.case("chat.a", [billed, found(Kind.HEADER_INVALID, "header:num_tokens", observed=observed)])
    assert len(server.report().causes) == causes


# -- one mistake in several responses of an API


V1_RERANK = "POST /v1/rerank"


@pytest.mark.parametrize(
    ("kind", "location", "further"),
    [
        (Kind.PROPERTY_MISSING, "/results/*/relevance_score", {"value_class": "missing"}),
        (Kind.TYPE_CHANGED, "/results/*/relevance_score", {"value_class": "string"}),
        (Kind.TYPE_CHANGED, "", {"value_class": "array", "observed": "[]"}),
        (Kind.BODY_MALFORMED, "", {"value_class": "NaN", "observed": "NaN"}),
    ],
)
def test_a_value_that_both_versions_send_is_one_cause(
    server: Server, kind: Kind, location: str, further: dict[str, str]
) -> None:
    server.case("rerank.a", [found(kind, location, operation=RERANK, **further)])
    server.case("rerank.b", [found(kind, location, operation=V1_RERANK, **further)])
    (cause,) = server.report().causes
    assert cause.operations == (RERANK, V1_RERANK)


def test_values_of_one_name_in_objects_beside_each_other_are_one_cause(server: Server) -> None:
    texts = [
        found(Kind.TYPE_CHANGED, f"/usage/{name}/input_tokens", value_class="string")
        for name in ("billed_units", "tokens")
    ]
    server.case("chat.a", texts)
    (cause,) = server.report().causes
    assert cause.title.endswith("input_tokens is a string")


def test_values_of_one_name_in_unlike_objects_or_other_apis_are_two_causes(server: Server) -> None:
    missing = {"kind": Kind.PROPERTY_MISSING, "value_class": "missing"}
    server.case("chat.a", [found(location="/message/tool_calls/*/id", **missing)])  # type: ignore[arg-type]
    server.case("chat.b", [found(location="/documents/*/id", **missing)])  # type: ignore[arg-type]
    server.case("rerank.a", [found(location="/documents/*/id", operation=RERANK, **missing)])  # type: ignore[arg-type]
    assert len(server.report().causes) == 3


def test_a_byte_order_mark_in_all_bodies_is_one_cause(server: Server) -> None:
    mark = {"observed": "U+FEFF at its start", "value_class": "bom"}
    server.case("rerank.a", [found(Kind.BODY_MALFORMED, operation=RERANK, **mark)], body="x")
    server.case("rerank.b", [found(Kind.BODY_MALFORMED, operation=RERANK, status=400, **mark)], body="x")
    (cause,) = server.report().causes
    assert cause.title.startswith("Bodies of ")


def test_a_media_type_of_successes_and_errors_is_one_cause(server: Server) -> None:
    media = {"observed": "text/json", "expected": "one of application/json", "value_class": "text/json"}
    server.case("rerank.a", [found(Kind.MEDIA_TYPE_UNDECLARED, operation=RERANK, **media)])
    error = found(Kind.MEDIA_TYPE_UNDECLARED, operation=RERANK, status=400, **media)
    server.case("rerank.b", [error], body='{"message": "no"}')
    (cause,) = server.report().causes
    assert cause.title == f"{RERANK} responds with text/json instead of application/json"


def test_undeclared_properties_of_errors_are_one_cause(server: Server) -> None:
    findings = [
        found(
            Kind.PROPERTY_UNDOCUMENTED,
            f"/{name}",
            status=400,
            observed=f"{name}: 1",
            value_class=f"{name}:number",
        )
        for name in ("code", "status")
    ]
    server.case("chat.a", findings, body='{"message": "no", "code": 1, "status": 1}')
    (cause,) = server.report().causes
    assert cause.title == "Errors: code and status are not declared"


# -- names


def test_names_in_camel_case_are_one_cause(server: Server) -> None:
    """Undeclared, missing by the contract, by a requirement or by a case: the author mends one serializer."""
    server.case(
        "rerank.a",
        [
            found(
                Kind.PROPERTY_MISSING,
                "/results/*/relevance_score",
                operation=RERANK,
                observed="an object without it (it has index, relevanceScore)",
            ),
            found(
                Kind.PROPERTY_UNDOCUMENTED,
                "/meta/apiVersion",
                operation=RERANK,
                expected="one of api_version, billed_units",
                observed='apiVersion: {"version": "2"}',
            ),
            found(
                Kind.EXPECTATION_FAILED,
                "/meta/api_version/version",
                operation=RERANK,
                observed="absent, as is /meta/api_version",
                value_class="absent",
            ),
        ],
        body='{"results": [{"index": 0, "relevanceScore": 1}], "meta": {"apiVersion": {"version": "2"}}}',
    )
    server.case(
        "chat.a",
        [violated("chat.usage", "/usage/tokens", observed="no input_tokens and no output_tokens")],
        body='{"usage": {"tokens": {"inputTokens": 1, "outputTokens": 2}}}',
    )
    (cause,) = server.report().causes
    assert (
        cause.title
        == "Properties are spelled in camelCase: apiVersion, inputTokens, outputTokens and relevanceScore"
    )
    assert cause.change.endswith("api_version, input_tokens, output_tokens and relevance_score.")


def test_an_undeclared_property_in_camel_case_is_no_spelling_of_another_one(server: Server) -> None:
    finding = found(
        Kind.PROPERTY_UNDOCUMENTED,
        "/requestId",
        expected="one of finish_reason, id",
        observed='requestId: "a"',
    )
    server.case("chat.a", [finding], body='{"id": "a", "requestId": "a"}')
    (cause,) = server.report().causes
    assert cause.title == "requestId is not declared"


def test_a_property_that_an_undeclared_one_replaces_is_said_to_be_renamed(server: Server) -> None:
    server.case(
        "rerank.a",
        [
            found(Kind.PROPERTY_MISSING, "/results/*/relevance_score", operation=RERANK),
            found(Kind.PROPERTY_UNDOCUMENTED, "/results/*/score", operation=RERANK, observed="score: 0.5"),
        ],
        body='{"results": [{"index": 0, "score": 0.5}]}',
    )
    (cause,) = server.report().causes
    assert cause.title == "results[].relevance_score is missing"
    assert cause.change == "Send results[].relevance_score instead of results[].score, which is not declared."


def test_an_envelope_is_to_be_left_out(server: Server) -> None:
    body = '{"data": {"results": [], "meta": {"billed_units": {"search_units": 1}}}}'
    undeclared = found(
        Kind.PROPERTY_UNDOCUMENTED, "/data", operation=RERANK, observed='data: {"results": [], "meta": {}}'
    )
    units = found(
        Kind.EXPECTATION_FAILED,
        "/meta/billed_units/search_units",
        operation=RERANK,
        observed="absent, as is /meta",
        value_class="absent",
    )
    missing = found(Kind.PROPERTY_MISSING, "/results", operation=RERANK)
    server.case("rerank.a", [missing, undeclared, units], body=body)
    server.case("rerank.b", [missing, undeclared], body=body)
    (cause,) = server.report().causes
    assert cause.change == "Send what is in data without data around it."


def test_a_value_that_a_requirement_misses_and_another_property_has_is_one_cause(server: Server) -> None:
    one = "GET /v1/models/{model}"
    named = violated("models.itself", "/name", operation=one, expected="command", observed="null")
    other = found(Kind.PROPERTY_UNDOCUMENTED, "/id", operation=one, observed='id: "command"')
    listed = found(Kind.PROPERTY_UNDOCUMENTED, "/models/*/id", operation=MODELS, observed='id: "command"')
    server.case("models.a", [named, other], body='{"id": "command"}')
    server.case("models.b", [listed], body='{"models": [{"id": "command"}]}')
    (cause,) = server.report().causes
    assert cause.title == "models[].id is not declared"


def test_a_property_that_is_renamed_in_an_event_is_one_cause(server: Server) -> None:
    undeclared = found(
        Kind.PROPERTY_UNDOCUMENTED, "<message-start>/delta/message/author", observed='author: "assistant"'
    )
    folded = found(
        Kind.STREAM_FOLD_MISMATCH, "/message/role", observed="an object without it (it has content)"
    )
    case = found(
        Kind.EXPECTATION_FAILED, "<message-start>/delta/message/role", observed="absent from its 1 events"
    )
    server.case("chat.a", [undeclared, folded, case])
    server.case("chat.b", [undeclared, folded])
    (cause,) = server.report().causes
    assert "and send delta.message.role of message-start events" in cause.change


# -- what is absent as a whole


def test_what_is_absent_with_the_object_around_it_is_one_cause(server: Server) -> None:
    for number, (label, name) in enumerate(
        ((EMBED, "input_tokens"), (EMBED, "images"), (RERANK, "search_units"))
    ):
        finding = found(
            Kind.EXPECTATION_FAILED,
            f"/meta/billed_units/{name}",
            operation=label,
            expected="1",
            observed="absent, as is /meta",
            value_class="absent",
        )
        server.case(f"group.case{number}", [finding])
    (cause,) = server.report().causes
    assert cause.title == "meta is absent"


def test_arrays_of_another_size_follow_those_beside_them_with_a_part_of_their_name(server: Server) -> None:
    strings = violated("tokenize.strings", "/token_strings", expected="0 strings, one a token", observed="1")
    size = found(
        Kind.EXPECTATION_FAILED,
        "/tokens",
        expected="an array of exactly 1 element",
        observed="[]",
        value_class="minItems",
    )
    server.case("chat.a", [strings, size])
    server.case("chat.b", [strings])
    (cause,) = server.report().causes
    assert cause.title.startswith("token_strings: got")


def test_a_request_that_may_be_refused_crashes_where_those_that_must_be_do(server: Server) -> None:
    crash = violated("common.no-crash", status=500, expected="a refusal, as it is invalid", observed="500")
    server.case("chat.a", [crash], fails=True)
    allowed = found(
        Kind.STATUS_UNEXPECTED, operation=RERANK, status=500, expected="status 200 or 400", observed="500: a"
    )
    server.case("rerank.limits", [allowed])
    (cause,) = server.report().causes
    assert cause.title.startswith("Invalid requests crash")


# -- generated requests that crash a server


def crashed(place: str, value_class: str, operation: str = RERANK) -> Finding:
    return found(Kind.SERVER_ERROR, place, operation=operation, status=500, value_class=value_class)


def test_crashes_on_one_value_are_one_cause_whatever_rule_it_breaks(server: Server) -> None:
    """An empty text is too short, no listed value, and a query parameter without value."""
    server.generated(crashed("request:/query", "pattern"), request='{"query": "", "documents": ["a"]}')
    server.generated(crashed("request:/mode", "enum"), request='{"query": "a", "mode": ""}')
    server.generated(crashed("query:", "a name"), request='{"query": "a"}', query="?a")
    (cause,) = server.report().causes
    assert cause.title == f"Empty texts crash {RERANK} (status 500): mode and query"


def test_control_characters_in_bodies_and_queries_are_one_cause(server: Server) -> None:
    server.generated(crashed("request:/texts/*", "a drawn value", EMBED), request='{"texts": ["\\u001f"]}')
    server.generated(crashed("query:page_token", "control characters", MODELS), query="?page_token=a%01b")
    (cause,) = server.report().causes
    assert cause.title.startswith("Control characters crash 2 operations (status 500)")


@pytest.mark.parametrize(
    ("first", "second", "number"),
    [
        ('{"a": []}', '{"b": [[]]}', 1),
        ('{"a": 0}', '{"b": {"c": 0.0}}', 1),
        ('{"a": null}', '{"b": null}', 1),
        ('{"a": "\\ud800"}', '{"b": ["x\\udfff"]}', 1),
        ('{"a": "\U0001f600"}', '{"b": "\\ud83d\\ude00"}', 1),
        ('{"a": []}', '{"b": ""}', 2),
        ('{"a": false}', '{"b": 0}', 2),
        ('{"a": 1}', '{"b": 1}', 2),
        ("{}", "{}", 2),
    ],
)
def test_crashes_on_unlike_values_are_two_causes(
    first: str, second: str, number: int, server: Server
) -> None:
    server.generated(crashed("request:/a", "minItems"), request=first)
    server.generated(crashed("request:/b", "type"), request=second)
    assert len(server.report().causes) == number


# -- refusals


def test_a_model_of_another_kind_follows_models_that_do_not_exist(server: Server) -> None:
    accepted = {"operation": RERANK, "observed": "200: {}"}
    server.case("rerank.unknown-model", [found(Kind.STATUS_UNEXPECTED, expected="status 404", **accepted)])
    other = found(Kind.STATUS_UNEXPECTED, expected="status 400 or 404 or 422", **accepted)
    server.case("rerank.model-of-other-kind", [other])
    (cause,) = server.report().causes
    assert cause.title == "Models that do not exist are served"


def test_the_message_of_a_refusal_follows_valid_requests_that_get_it(server: Server) -> None:
    body = '{"message": "at most 95"}'
    refused = found(Kind.STATUS_UNEXPECTED, status=400, expected="status 200", observed="400: at most 95")
    message = found(
        Kind.EXPECTATION_FAILED,
        "/message",
        status=400,
        expected="a string that matches 96",
        observed='"at most 95"',
    )
    server.case("chat.most", [refused], body=body)
    server.case("chat.more", [message], body=body)
    (cause,) = server.report().causes
    assert cause.title == f"{CHAT} responds 400 instead of 200: at most 95"


def test_a_refused_value_of_the_server_follows_from_its_format(server: Server) -> None:
    operation = "GET /v1/datasets"
    dated = found(
        Kind.FORMAT_INVALID,
        "/datasets/*/created_at",
        operation=operation,
        expected="a date and time (RFC 3339)",
        observed='"2026-11-30T15:24:41"',
        value_class="date-time",
    )
    refused = found(
        Kind.STATUS_UNEXPECTED, operation=operation, status=400, expected="status 200", observed="400"
    )
    server.case("datasets.list", [dated])
    server.case("datasets.before", [refused], query="?before=2026-11-30T15%3A24%3A59")
    (cause,) = server.report().causes
    assert cause.title.startswith("datasets[].created_at is")


# -- values of several places


def test_times_of_one_wrong_format_are_one_cause_in_all_apis(server: Server) -> None:
    for label, location in ((MODELS, "/models/*/created_at"), ("GET /v1/datasets", "/datasets/*/updated_at")):
        dated = found(Kind.FORMAT_INVALID, location, operation=label, value_class="date-time")
        server.case(f"{label.rpartition('/')[2]}.a", [dated])
    assert len(server.report().causes) == 1


def test_formats_of_other_values_are_causes_of_their_own(server: Server) -> None:
    server.case("models.a", [found(Kind.FORMAT_INVALID, "/id", operation=MODELS, value_class="uuid")])
    server.case("chat.a", [found(Kind.FORMAT_INVALID, "/created_at", value_class="date-time")])
    assert len(server.report().causes) == 2


def test_wrong_values_that_select_a_schema_are_one_cause(server: Server) -> None:
    for value in ("chatbot", "system"):
        role = found(
            Kind.UNION_UNMATCHED,
            "/chat_history/*/role",
            expected="one of CHATBOT, SYSTEM",
            observed=f'"{value}"',
            value_class=value,
        )
        server.case(f"chat.{value}", [role])
    (cause,) = server.report().causes
    assert cause.title == 'chat_history[].role is "chatbot" and "system"'


def test_a_requirement_on_a_property_that_is_not_sent_follows_an_undeclared_one(server: Server) -> None:
    empty = violated("chat.not-empty", "/summary", observed="nothing", expected="a summary")
    abstract = found(Kind.PROPERTY_UNDOCUMENTED, "/abstract", observed='abstract: "a"')
    for name in ("a", "b"):
        server.case(f"chat.{name}", [empty, abstract], body='{"abstract": "a"}')
    (cause,) = server.report().causes
    assert cause.title == "abstract is not declared"


def test_what_should_be_in_a_missing_object_is_to_be_put_there(server: Server) -> None:
    undeclared = [
        found(Kind.PROPERTY_UNDOCUMENTED, f"/{name}", observed=f"{name}: 1", value_class=name)
        for name in ("id", "name", "parts", "schema")
    ]
    missing = found(Kind.PROPERTY_MISSING, "/dataset")
    for number in range(9):
        server.case(f"chat.{number}", [missing, *undeclared[:3]])
    server.case("chat.parts", [missing, *undeclared])
    (cause,) = server.report().causes
    assert cause.change == "Send dataset around what is not declared beside it: id, name, parts and schema."


def test_a_vector_of_wrong_numbers_is_no_second_cause(server: Server) -> None:
    numbers = violated("embed.range", "/embeddings/ubinary/*/*", expected="0 to 255", observed="-118")
    signs = violated("embed.signs", "/embeddings/ubinary/*", expected="a 1 bit", observed="other bits")
    server.case("chat.a", [numbers, signs])
    server.case("chat.b", [numbers])
    (cause,) = server.report().causes
    assert "got -118" in cause.title


def test_a_property_that_no_object_has_is_one_cause_in_an_api(server: Server) -> None:
    required = violated("models.filtered", "/models/*/endpoints", operation=MODELS, observed="absent")
    itself = found(
        Kind.EXPECTATION_FAILED,
        "/endpoints",
        operation="GET /v1/models/{model}",
        observed="absent",
        value_class="absent",
    )
    server.case("models.a", [required])
    server.case("models.b", [itself])
    (cause,) = server.report().causes
    assert cause.title == "models[].endpoints is absent"


# -- streams of another form


def test_deltas_with_their_text_elsewhere_are_one_cause(server: Server) -> None:
    undeclared = found(Kind.PROPERTY_UNDOCUMENTED, "<content-delta>/delta/text", observed='text: "a"')
    for name in ("text", "thinking"):
        joined = found(
            Kind.STREAM_FOLD_MISMATCH, f"/message/content/*/{name}", observed="[]", value_class=name
        )
        server.case(f"chat.{name}", [undeclared, joined])
    (cause,) = server.report().causes
    assert cause.title == "delta.text of content-delta events is not declared"


def test_a_part_of_an_event_beside_the_object_that_it_belongs_in_is_one_cause(server: Server) -> None:
    undeclared = found(Kind.PROPERTY_UNDOCUMENTED, "<message-end>/usage", observed='usage: {"tokens": {}}')
    tokens = found(
        Kind.EXPECTATION_FAILED,
        "<message-end>/delta/usage/tokens",
        observed="absent from its 1 events",
        value_class="absent",
    )
    server.case("chat.a", [undeclared, tokens])
    (cause,) = server.report().causes
    assert cause.title == "usage of message-end events is not declared"
    assert "send delta.usage.tokens of message-end events" in cause.change


def test_events_of_one_part_that_are_missing_are_one_cause(server: Server) -> None:
    for name in ("citation-start", "citation-end"):
        missing = found(
            Kind.EXPECTATION_FAILED, f"<{name}>/index", observed=f"no event {name}", value_class="absent"
        )
        server.case(f"chat.{name}", [missing])
    (cause,) = server.report().causes
    assert cause.title == f"Streams of {CHAT} have no citation-end events"


def test_lines_of_json_are_named(server: Server) -> None:
    lines = found(
        Kind.STREAM_MALFORMED,
        observed='no event in "{\\"type\\"',
        expected="server-sent events",
        value_class="a",
    )
    server.case("chat.a", [lines])
    (cause,) = server.report().causes
    assert cause.title == "Streams are lines of JSON instead of server-sent events"


def test_properties_of_another_api_beside_everything_declared_are_no_other_form(server: Server) -> None:
    body = '{"object": "chat.completion", "created": 1, "id": "a", "message": {}}'
    undeclared = [
        found(Kind.PROPERTY_UNDOCUMENTED, f"/{name}", observed=f"{name}: 1", value_class=name)
        for name in ("created", "object")
    ]
    server.case("chat.a", undeclared, body=body)
    (cause,) = server.report().causes
    assert cause.title == "created and object are not declared; they are of OpenAI"


def test_pages_of_no_size_and_of_too_large_a_size_are_values_out_of_range(server: Server) -> None:
    for name in ("empty-page", "page-too-large"):
        accepted = found(
            Kind.STATUS_UNEXPECTED, operation=MODELS, expected="status 400 or 422", observed="200: {}"
        )
        server.case(f"models.list.{name}", [accepted])
    (cause,) = server.report().causes
    assert cause.title == "Values of a wrong type or out of range are accepted"


def test_an_undeclared_object_is_sent_instead_of_no_array(server: Server) -> None:
    """A document that is returned has nothing to do with spans that are not."""
    document = found(
        Kind.PROPERTY_UNDOCUMENTED,
        "/results/*/document",
        operation=RERANK,
        observed='document: {"text": "a"}',
    )
    spans = found(
        Kind.EXPECTATION_FAILED,
        "/results/*/relevant_spans",
        operation=RERANK,
        expected="a non-empty array",
        observed="absent",
        value_class="absent",
    )
    server.case("rerank.spans", [document, spans])
    changes = sorted(cause.change for cause in server.report().causes)
    assert changes == [
        "Remove results[].document, which typed clients do not know.",
        "Send a non-empty array as results[].relevant_spans.",
    ]


def test_an_object_that_a_case_expects_with_a_missing_property_follows(server: Server) -> None:
    missing = found(Kind.PROPERTY_MISSING, "/text")
    expected = found(
        Kind.EXPECTATION_FAILED,
        expected="an object with text or an object with message",
        observed='{"id": 1}',
    )
    server.case("chat.a", [missing])
    server.case("chat.b", [expected])
    (cause,) = server.report().causes
    assert cause.title == "text is missing"


def test_bodies_that_are_null_are_one_cause_in_all_operations(server: Server) -> None:
    for operation in (CHAT, EMBED, MODELS):
        null = found(Kind.NULL_UNEXPECTED, operation=operation, observed="null", expected="an object")
        server.case(f"a.{operation}", [null], body="null")
    (cause,) = server.report().causes
    assert cause.title == "The body is null"


# -- nothing is served


def refused(status: int, operation: str, expected: str = "status 200") -> Finding:
    return found(
        Kind.STATUS_UNEXPECTED,
        operation=operation,
        status=status,
        expected=expected,
        observed=f"{status}: no",
        value_class=expected,
    )


@pytest.mark.parametrize(
    ("status", "change"),
    [
        (401, "Accept the key of the run"),
        (402, "a key that may be charged"),
        (403, "Accept the key of the run"),
        (429, "Raise the limits"),
        (500, "log of the server"),
        (503, "log of the server"),
    ],
)
def test_a_server_that_serves_nothing_has_one_cause(server: Server, status: int, change: str) -> None:
    """A wrong key, a spent limit, a backend that is down: each case fails for it, and says nothing else."""
    for number, operation in enumerate((CHAT, EMBED, MODELS)):
        server.case(f"a.{number}", [refused(status, operation)], body='{"message": "no"}')
        must = refused(status, operation, "status 400 or 422")
        server.case(f"b.{number}", [must], body='{"message": "no"}')
    none = violated("models.odd", operation=EMBED, status=status, expected="a refusal with 404")
    server.case("c", [none], body='{"message": "no"}')
    (cause,) = server.report().causes
    assert cause.title == f"Every valid request is answered with {status}: no"
    assert change in cause.change


def test_requests_that_have_to_be_refused_in_another_way_show_it_too(server: Server) -> None:
    """Nothing could be made that they could ask for, so no other request was sent to their operations."""
    for name in ("a", "b", "c"):
        server.case(f"chat.{name}", [refused(401, CHAT)], body='{"message": "no"}')
    for operation, expected in ((MODELS, "status 404"), (RERANK, "status 400 or 422")):
        server.case(f"b.{operation}", [refused(401, operation, expected)], body='{"message": "no"}')
    (cause,) = server.report().causes
    assert cause.title == "Every valid request is answered with 401: no"


def test_operations_that_serve_nothing_are_one_cause_beside_the_others(server: Server) -> None:
    for name, operation in (("chat.a", CHAT), ("chat.b", CHAT), ("rerank.a", RERANK)):
        server.case(name, [refused(503, operation)])
    server.case("embed.a", [found(Kind.PROPERTY_MISSING, "/id", operation=EMBED)])
    titles = {cause.title for cause in server.report().causes}
    assert titles == {"Every valid request to 2 operations is answered with 503", "id is missing"}


def test_the_form_of_the_errors_is_another_mistake(server: Server) -> None:
    form = found(Kind.ERROR_ENVELOPE, "/message", status=500, expected="a message", observed="absent")
    for name in ("a", "b", "c"):
        server.case(f"chat.{name}", [refused(500, CHAT), form], body='{"detail": "x"}')
    titles = [cause.title for cause in server.report().causes]
    assert len(titles) == 2
    assert any(title.startswith("Every valid request is answered with 500") for title in titles)


@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_for_what_is_in_the_request_is_none_of_everything(server: Server, status: int) -> None:
    for operation in (CHAT, EMBED, RERANK):
        server.case(f"a.{operation}", [refused(status, operation)])
    assert not any("Every valid request" in cause.title for cause in server.report().causes)


@pytest.mark.parametrize(
    ("status", "change"), [(429, "Raise the limits"), (502, "at times"), (503, "at times")]
)
def test_a_server_that_fails_at_times_has_one_cause(server: Server, status: int, change: str) -> None:
    """Which requests it fails for says nothing: valid ones, invalid ones, and those without a key."""
    for name, operation in (("chat", CHAT), ("embed", EMBED), ("models", MODELS)):
        server.case(f"{name}.served", [], operation=operation)
        server.case(f"{name}.valid", [refused(status, operation)], body='{"message": "no"}')
        must = refused(status, operation, "status 400 or 422")
        server.case(f"{name}.invalid", [must], body='{"message": "no"}')
    none = violated("models.odd", operation=MODELS, status=status, expected="a refusal with 404")
    server.case("models.odd", [none], body='{"message": "no"}')
    (cause,) = server.report().causes
    assert cause.title == f"Some requests to 3 operations are answered with {status}: no"
    assert change in cause.change


def test_a_crash_where_a_refusal_is_allowed_is_one_on_invalid_requests(server: Server) -> None:
    server.case("chat.served", [])
    for name, expected in (("a", "status 400"), ("b", "status 400 or 200"), ("c", "status 422 or 404")):
        server.case(f"chat.{name}", [refused(500, CHAT, expected)])
    (cause,) = server.report().causes
    assert cause.title == "Invalid requests crash POST /v2/chat (status 500)"


def test_one_operation_that_refuses_something_valid_does_not_fail_at_times(server: Server) -> None:
    for operation in (CHAT, EMBED):
        server.case(f"served.{operation}", [], operation=operation)
    server.case("chat.valid", [refused(503, CHAT)])
    server.case("embed.crash", [refused(500, EMBED)])
    assert not any("Some requests" in cause.title for cause in server.report().causes)


def test_an_operation_that_serves_something_does_not_refuse_everything(server: Server) -> None:
    server.case("chat.a", [found(Kind.PROPERTY_MISSING, "/id")])
    server.case("chat.b", [refused(500, CHAT)])
    assert f"{CHAT} fails with 500" in {cause.title for cause in server.report().causes}


@pytest.mark.parametrize(
    ("kind", "status", "title"),
    [
        (Kind.SERVER_ERROR, 500, f"Bodies of another media type crash {CHAT} (status 500)"),
        (Kind.RULE_UNENFORCED, 200, f"Bodies of another media type are accepted by {CHAT}"),
    ],
)
def test_every_other_media_type_of_a_body_is_one_cause(
    server: Server, kind: Kind, status: int, title: str
) -> None:
    said = ("said to be text/plain", "said to be json", "not said to be anything")
    findings = [found(kind, "request:/", status=status, value_class=says) for says in said]
    findings.append(found(kind, "header:content-type", status=status, value_class="two content types"))
    for finding in findings:
        server.generated(finding)
    (cause,) = server.report().causes
    assert cause.title == title


def test_a_media_type_that_has_to_be_served_is_named(server: Server) -> None:
    charset = "said to be application/json; charset=utf-8"
    server.generated(found(Kind.VALID_REFUSED, "request:/", status=415, value_class=charset))
    (cause,) = server.report().causes
    assert cause.title == f"Bodies {charset} are refused by {CHAT}, although they are allowed"


@pytest.mark.parametrize(
    ("observed", "missing", "says"),
    [
        ("0", ("/results/*/index",), True),
        ("0 of 2 results", ("/results/*/index",), True),
        ("[]", ("/results/*/index",), True),
        ("3", ("/results/*/index",), False),
        ("0", ("/results/*/document/text",), False),
        ("0", ("/meta/warnings",), False),
        ("0", (), False),
    ],
)
def test_a_cause_says_which_array_has_no_element_that_could_be_checked(
    server: Server, observed: str, missing: tuple[str, ...], says: bool
) -> None:
    server.case("rerank.a", [violated("rerank.count", "/results", operation=RERANK, observed=observed)])
    report = server.report()
    (row,) = report.findings
    exercise = Exercise(operation=RERANK, aspect=Aspect.PROPERTY, declared=9, seen=3, missing=missing)
    one = SeenFinding(row, "", RANKED, frozenset(), frozenset())
    hidden = hidden_by([one], msgspec.structs.replace(report.coverage, exercise=(exercise,)))
    assert hidden == (
        " No response has an element of results that could be checked: more may be wrong with them."
        if says
        else ""
    )


def test_a_property_that_one_case_expects_of_any_element_and_another_of_the_first_is_one_cause(
    server: Server,
) -> None:
    element = 'an array with an element whose status is "READY"'
    missed = found(
        Kind.EXPECTATION_FAILED, "/events", expected=element, observed="[]", value_class="contains"
    )
    wrong = found(Kind.EXPECTATION_FAILED, "/events/0/status", expected='"READY"', observed='"LATE"')
    server.case("models.oldest", [missed])
    server.case("models.newest", [wrong])
    assert len(server.report().causes) == 1


def test_one_requirement_on_both_versions_is_one_cause(server: Server) -> None:
    server.case("chat.v2.a", [violated("v2.chat.max-tokens", "/usage/tokens/output_tokens")])
    server.case("chat.v1.a", [violated("v1.chat.max-tokens", "/meta/tokens/output_tokens", operation=OLD)])
    server.case("chat.v1.b", [violated("v1.chat.other", "/text", operation=OLD)])
    causes = server.report().causes
    assert [cause.operations for cause in causes] == [(CHAT, OLD), (OLD,)]


def test_operations_that_send_the_request_back_are_one_cause(server: Server) -> None:
    for number, operation in enumerate([RERANK, RERANK, RERANK, EMBED, EMBED, EMBED]):
        text = f'{{"model": "m{number}"}}'
        names = ("/id", "/meta", "/text")
        missing = [found(Kind.PROPERTY_MISSING, name, operation=operation) for name in names]
        server.case(f"a.case-{number}", missing, body=text, request=text)
    (cause,) = server.report().causes
    assert cause.title == "2 operations respond with the body of the request"


def test_a_response_with_something_else_than_the_request_is_no_echo(server: Server) -> None:
    for number in range(4):
        text = f'{{"model": "m{number}"}}'
        missing = [found(Kind.PROPERTY_MISSING, "/id", operation=RERANK)]
        server.case(f"a.case-{number}", missing, body=text if number else "{}", request=text)
        server.case(f"b.case-{number}", [found(Kind.TYPE_CHANGED, "/id", operation=RERANK)], body='{"id": 1}')
    assert not any("body of the request" in cause.title for cause in server.report().causes)


def test_an_echo_of_nothing_is_none(server: Server) -> None:
    for number, name in enumerate(("id", "meta", "results")):
        missing = [found(Kind.PROPERTY_MISSING, f"/{name}", operation=RERANK)]
        server.case(f"a.case-{number}", missing, body="{}", request="{}")
    assert not any("body of the request" in cause.title for cause in server.report().causes)
