"""A deviation that an amendment explains has its id, and any other remains a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import (
    JSON,
    NDJSON,
    SSE,
    UUID,
    block,
    chat_v1,
    chat_v2,
    citation,
    exchange,
    lines,
    sse,
    tool_call,
)

from cohere_conformance.checks import Corrector, Explainer, explain, judge
from cohere_conformance.checks.judge import Judgement, judge_parsed, judgement_of

if TYPE_CHECKING:
    from cohere_conformance.checks.parsed import ParsedExchange
    from cohere_conformance.contract import Contract, Declarations
    from cohere_conformance.model import Exchange, Finding

FLOATS = {"response_type": "embeddings_floats", "id": UUID, "embeddings": [[0.1]], "texts": ["a"]}
BY_TYPE = {
    "response_type": "embeddings_by_type",
    "id": UUID,
    "embeddings": {"float": [[0.1]]},
    "texts": ["a"],
}
CALL = {"name": "search", "parameters": None}
HISTORY = [{"role": "CHATBOT", "message": "m", "tool_calls": [CALL]}]
REPLY = {"role": "CHATBOT", "message": "x"}
MODEL = {"name": "command-r-08-2024", "features": None, "tokenizer_url": None}
CITED = chat_v2(*block("Hi", inside=citation()))


def reported(findings: list[Finding]) -> list[tuple[str, str, str | None]]:
    return sorted((one.kind.value, one.location, one.amendment) for one in findings)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (exchange("POST /v1/embed", FLOATS), [("property-missing", "/api_version", "embed.api-version")]),
        (exchange("POST /v2/embed", BY_TYPE), [("property-missing", "/api_version", "embed.api-version")]),
        (
            exchange("POST /v1/chat", {"text": ""}),
            [("bound-exceeded", "/text", "chat-v1.empty-text")],
        ),
        (
            exchange("POST /v1/chat", {"text": "x", "chat_history": [*HISTORY, REPLY]}),
            [
                (
                    "null-unexpected",
                    "/chat_history/*/tool_calls/*/parameters",
                    "chat-v1.history-null-parameters",
                )
            ],
        ),
        (
            exchange("GET /v1/models", {"models": [MODEL, MODEL]}),
            [
                ("null-unexpected", "/models/*/features", "models.null-features"),
                ("null-unexpected", "/models/*/tokenizer_url", "models.null-tokenizer-url"),
            ],
        ),
        (
            exchange("GET /v1/datasets/usage", {"organization_usage": "12"}),
            [("type-changed", "/organization_usage", "datasets.usage-string")],
        ),
        (
            exchange("POST /v1/chat", lines(chat_v1("Hi")), headers=NDJSON),
            [
                ("property-undocumented", f"<{event}>/is_finished", "chat-v1.is-finished")
                for event in ("stream-end", "stream-start", "text-generation")
            ],
        ),
        (
            exchange("POST /v2/chat", sse(CITED), headers=SSE),
            [
                *(
                    (
                        "property-undocumented",
                        f"<message-start>/delta/message/{name}",
                        "chat-v2.message-start",
                    )
                    for name in ("citations", "content", "tool_calls", "tool_plan")
                ),
                ("stream-event-unknown", "<citation-end>", "chat-v2.citation-events"),
                ("stream-event-unknown", "<citation-start>", "chat-v2.citation-events"),
            ],
        ),
        (
            exchange("POST /v2/chat", lines(chat_v2(*tool_call("{}"), finish="TOOL_CALL")), headers=NDJSON),
            [
                ("media-type-undeclared", "", "chat-v2.ndjson-stream"),
                ("stream-unterminated", "", "chat-v2.ndjson-stream"),
                *(
                    (
                        "property-undocumented",
                        f"<message-start>/delta/message/{name}",
                        "chat-v2.message-start",
                    )
                    for name in ("citations", "content", "tool_calls", "tool_plan")
                ),
            ],
        ),
        (
            exchange("POST /v1/embed", FLOATS, request={"texts": ["a"], "truncate": None}),
            [
                ("property-missing", "/api_version", "embed.api-version"),
                ("request-invalid", "/truncate", "requests.null-for-optional"),
            ],
        ),
        (
            exchange(
                "POST /v1/chat",
                {"text": "x"},
                request={"message": "m", "chat_history": [{"role": "User", "message": "m"}]},
            ),
            [("request-invalid", "/chat_history/*/role", "chat-v1.role-case")],
        ),
        (
            exchange(
                "POST /v1/rerank",
                {"results": [{"index": 0, "relevance_score": 0.5}]},
                request={"query": "q", "documents": [{"body": "b"}], "rank_fields": ["body"]},
            ),
            [
                ("request-invalid", "/documents/*/body", "rerank-v1.document-fields"),
                ("request-invalid", "/documents/*/text", "rerank-v1.document-fields"),
            ],
        ),
    ],
    ids=[
        "embed-v1",
        "embed-v2",
        "empty-text",
        "history",
        "models",
        "usage",
        "is-finished",
        "citations",
        "lines",
        "null",
        "role-case",
        "document-fields",
    ],
)
def test_what_an_amendment_explains_names_it(
    explainer: Explainer, made: Exchange, expected: list[tuple[str, str, str | None]]
) -> None:
    assert reported(explainer.judge(made)) == sorted(expected)


def test_explained_and_unexplained_findings_occur_together(explainer: Explainer) -> None:
    findings = explainer.judge(exchange("POST /v2/embed", BY_TYPE | {"x": 1, "texts": None}))
    assert reported(findings) == [
        ("null-unexpected", "/texts", None),
        ("property-missing", "/api_version", "embed.api-version"),
        ("property-undocumented", "/x", None),
    ]


@pytest.mark.parametrize(
    "made",
    [
        exchange("POST /v2/embed", BY_TYPE | {"x": 1}),
        exchange("POST /v2/chat", sse(CITED[:-1]), headers=SSE),
        exchange("POST /v1/chat", lines(chat_v1("Hi", text="Ho")), headers=NDJSON),
        exchange("POST /v1/models", status=404),
        exchange("GET /v1/models/m", MODEL | {"config": {}}),
        exchange("GET /v1/datasets/usage", {"organization_usage": "many"}),
        exchange("POST /v2/chat", {"id": 1}, headers=(*JSON, ("num_tokens", "x"))),
    ],
    ids=["embed", "stream", "fold", "route", "model", "usage", "header"],
)
def test_a_finding_is_either_open_or_explained(
    explainer: Explainer, amended: Contract, published: Contract, made: Exchange
) -> None:
    findings = explainer.judge(made)
    unexplained = [one for one in findings if one.amendment is None]
    explained = {one.fingerprint for one in findings if one.amendment is not None}
    assert unexplained == judge(amended, made)
    assert not explained & {one.fingerprint for one in unexplained}
    theirs = {one.fingerprint for one in judge(published, made, requirements=False)}
    assert explained == theirs - {one.fingerprint for one in unexplained}


def test_an_explained_finding_keeps_its_identity(explainer: Explainer, published: Contract) -> None:
    made = exchange("POST /v2/embed", BY_TYPE)
    (open_,) = judge(published, made)
    (explained,) = explainer.judge(made)
    assert (explained.fingerprint, explained.severity) == (open_.fingerprint, open_.severity)
    assert open_.amendment is None


@pytest.mark.parametrize(
    "amendment", ["embed.api-version", "chat-v2.citation-events", "models.null-features"]
)
def test_an_id_that_explains_is_one_of_the_shipped(declarations: Declarations, amendment: str) -> None:
    assert amendment in {one.id for one in declarations.amendments}


def test_a_deviation_that_several_amendments_explain_names_several(explainer: Explainer) -> None:
    made = exchange("POST /v2/chat", lines(CITED), headers=NDJSON)
    known = {one.id for one in explainer._declarations.amendments}
    assert {one.amendment for one in explainer.judge(made)} <= {*known, "several"}


# -- what no amendment touches


class Counting:
    """Counts the judgements of one explainer."""

    def __init__(self) -> None:
        self.number = 0

    def judge(
        self, contract: Contract, parsed: ParsedExchange, *, requirements: bool = True
    ) -> list[Finding]:
        self.number += 1
        return judge_parsed(contract, parsed, requirements=requirements)

    def judgement(self, contract: Contract, parsed: ParsedExchange) -> Judgement:
        self.number += 1
        return judgement_of(contract, parsed)

    def installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(explain, "judge_parsed", self.judge)
        monkeypatch.setattr(explain, "judgement_of", self.judgement)


def judgements(declarations: Declarations, monkeypatch: pytest.MonkeyPatch, made: Exchange) -> int:
    ours, counting = Explainer(declarations), Counting()
    counting.installed(monkeypatch)
    ours.judge(made)
    return counting.number


@pytest.mark.parametrize(
    ("made", "number"),
    [
        (exchange("POST /v1/check-api-key", {"valid": True}), 1),
        (exchange("POST /v1/check-api-key", {"x": 1}), 1),
        (exchange("GET /v2/batches", {"batches": [{}]}), 1),
        (exchange("POST /v2/nowhere", {}), 1),
        (exchange("POST https://example.com/v2/chat", {}), 1),
        (exchange("POST /v2/embed", BY_TYPE | {"api_version": {"version": "2"}}), 2),
    ],
    ids=["conforms", "deviates", "other", "no-route", "foreign", "touched"],
)
def test_what_no_amendment_touches_is_judged_once(
    declarations: Declarations, monkeypatch: pytest.MonkeyPatch, made: Exchange, number: int
) -> None:
    assert judgements(declarations, monkeypatch, made) == number


def test_the_same_deviation_is_searched_for_once(
    declarations: Declarations, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, counting = Explainer(declarations), Counting()
    counting.installed(monkeypatch)
    first = ours.judge(exchange("POST /v2/embed", BY_TYPE))
    searched = counting.number
    second = ours.judge(exchange("POST /v2/embed", BY_TYPE | {"id": "other"}))
    assert (first[0].amendment, second[0].amendment) == ("embed.api-version", "embed.api-version")
    assert searched > counting.number - searched == 1, "as published, only what differs is judged"


def test_no_amendment_touches_rerank(declarations: Declarations, explainer: Explainer) -> None:
    answer: dict[str, Any] = {"results": [{"index": "0", "new": 1}]}
    asked = {"model": "m", "query": "q", "documents": ["a"]}
    findings = explainer.judge(exchange("POST /v2/rerank", answer, request=asked))
    assert {one.amendment for one in findings} == {None}
    touching = {
        one.id
        for one in declarations.amendments
        if declarations.contract_with((one,)).operations["POST /v2/rerank"].digest
        != declarations.contract(as_published=True).operations["POST /v2/rerank"].digest
    }
    assert touching == set()


def test_findings_as_published_name_the_correction_and_are_no_known_defects(
    declarations: Declarations,
) -> None:
    found = Corrector(declarations).judgement(exchange("POST /v1/embed", FLOATS | {"texts": 1})).findings
    assert [(one.location, one.correction, one.amendment) for one in found] == [
        ("/api_version", "embed.api-version", None),
        ("/texts", None, None),
    ]
