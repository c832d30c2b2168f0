"""The shipped amendments and tolerances: each changes something, has a reason, and permits no more."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cohere_conformance.contract import load_declarations
from cohere_conformance.contract.documents import load_yaml
from cohere_conformance.contract.overlay import Amendment, apply, load_amendments
from cohere_conformance.contract.validity import document_errors
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cohere_conformance.contract import Contract, Declarations

FILES = ("amendments.yaml", "additions.yaml", "tolerances.yaml")
DEFECTS = range(1, 21)
DECLARATIONS = load_declarations()
EVERY = list(DECLARATIONS.changes)


@pytest.fixture(scope="module")
def declarations() -> Declarations:
    return DECLARATIONS


@pytest.fixture(scope="module")
def published() -> Contract:
    return DECLARATIONS.contract(as_published=True)


@pytest.fixture(scope="module")
def amended() -> Contract:
    return DECLARATIONS.contract()


@pytest.fixture(scope="module")
def without_tolerances() -> Contract:
    return DECLARATIONS.contract_with((*DECLARATIONS.amendments, *DECLARATIONS.additions))


each = pytest.mark.parametrize("amendment", EVERY, ids=lambda amendment: amendment.id)


# --- the files


@each
def test_every_action_changes_something(declarations: Declarations, amendment: Amendment) -> None:
    document = declarations.published
    for action in amendment.actions:
        changed = apply(document, [msgspec.structs.replace(amendment, actions=(action,))])
        assert changed != document, f"{action.target}: changes nothing"
        document = changed


@each
def test_an_amendment_works_without_the_others_and_they_without_it(
    declarations: Declarations, amendment: Amendment
) -> None:
    others = [other for other in EVERY if other.id != amendment.id]
    alone = apply(declarations.published, [amendment])
    rest = apply(declarations.published, others)
    assert alone != declarations.published
    assert rest != apply(declarations.published, EVERY)


@each
def test_an_amendment_says_why(amendment: Amendment) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*", amendment.id)
    assert re.fullmatch(r"[A-Z].{30,}[a-z0-9]\.", amendment.reason), "one sentence"
    assert not re.search(r"[.?!] [A-Z]", amendment.reason), "one sentence"
    assert re.search(r"\d", amendment.evidence), "evidence counts something or names a fact"


def test_ids_are_unique_over_all_files() -> None:
    ids = [amendment.id for amendment in EVERY]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", FILES)
def test_actions_of_one_amendment_are_adjacent_and_only_the_first_has_a_reason(name: str) -> None:
    actions = load_yaml(folder("contracts") / name)["actions"]
    groups = [(key, list(group)) for key, group in groupby(actions, key=lambda action: action["x-id"])]
    assert len(groups) == len({key for key, _ in groups})
    for key, (first, *more) in groups:
        assert {"x-class", "x-reason", "x-evidence"} <= first.keys(), key
        assert not any({"x-class", "x-reason", "x-evidence"} & action.keys() for action in more), key


def test_each_file_keeps_to_its_classes(declarations: Declarations) -> None:
    classes = {amendment.klass for amendment in declarations.amendments}
    assert classes == {"document-defect", "observed-addition"}
    assert {amendment.klass for amendment in declarations.tolerances} == {"request-tolerance"}
    assert {amendment.klass for amendment in declarations.additions} <= {"sdk-addition"}


@pytest.mark.parametrize("number", DEFECTS)
def test_each_known_defect_is_amended_or_listed_as_needing_nothing(
    declarations: Declarations, number: int
) -> None:
    text = (folder("contracts") / "amendments.yaml").read_text(encoding="utf-8")
    comments = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    evidence = "\n".join(amendment.evidence for amendment in declarations.amendments)
    assert re.search(rf"S2\.10-{number}\b", f"{comments}\n{evidence}")


def test_the_outcome_is_a_valid_openapi_document(declarations: Declarations) -> None:
    assert not list(document_errors(declarations.amended))
    assert not list(document_errors(apply(declarations.amended, declarations.tolerances)))


def test_nothing_opens_an_object_that_names_its_properties(declarations: Declarations) -> None:
    document = apply(declarations.published, EVERY)
    assert [
        location for location, node in _objects(document) if node.get("additionalProperties") is True
    ] == []


def _objects(node: Any, location: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield location, node
        for key, value in node.items():
            yield from _objects(value, f"{location}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _objects(value, f"{location}[{index}]")


# --- what they do to answers

EMBED = {"id": "i", "response_type": "embeddings_floats", "embeddings": [[0.5]], "texts": ["a"]}
CALLS = [{"name": "f", "parameters": None}]
PAST = {"text": "t", "chat_history": [{"role": "CHATBOT", "message": "m", "tool_calls": CALLS}]}
TEXT = {"id": "i", "text": "t"}
ENDED = TEXT | {"finish_reason": "COMPLETE"}
AT = "2024-01-01T00:00:00Z"
CONNECTOR = {"id": "c", "name": "n", "created_at": AT, "updated_at": AT}
REPLY = {"id": "i", "finish_reason": "COMPLETE", "message": {"role": "assistant"}}
LOGPROB = {"text": "a", "token_ids": [1], "logprobs": [-0.5]}

# operation, payload, valid as published, valid when amended
ANSWERS: list[tuple[str, dict[str, Any], bool, bool]] = [
    ("POST /v1/embed", EMBED, False, True),
    ("POST /v1/embed", EMBED | {"embeddings": None}, False, False),
    ("POST /v2/embed", {"id": "i", "embeddings": {"float": [[0.5]]}}, False, True),
    ("POST /v2/embed", {"embeddings": {"float": [[0.5]]}}, False, False),
    ("POST /v1/chat", {"text": ""}, False, True),
    ("POST /v1/chat", {}, False, False),
    ("POST /v1/chat", PAST, False, True),
    ("POST /v1/chat", {"text": "t", "tool_calls": CALLS}, False, False),
    ("POST /v1/chat", {"text": "t", "token_count": {}}, False, False),
    ("POST /v1/chat", {"text": "t", "tool_inputs": None}, False, False),
    ("POST /v1/generate", {"id": "i", "generations": [TEXT]}, True, True),
    ("POST /v1/generate", {"id": "i", "generations": [ENDED]}, False, True),
    ("POST /v1/generate", {"id": "i", "generations": [ENDED | {"finish_reason": "done"}]}, False, False),
    ("GET /v1/models", {"models": [{"features": None, "tokenizer_url": None}]}, False, True),
    ("GET /v1/models", {"models": [{"endpoints": ["embed_image"]}]}, False, True),
    ("GET /v1/models", {"models": [{"endpoints": ["transcriptions"]}]}, False, True),
    ("GET /v1/models", {"models": [{"endpoints": ["draw"]}]}, False, False),
    ("GET /v1/models", {"models": [{"context_length": None}]}, False, True),
    ("GET /v1/models/{model}", {"config": {}}, False, False),
    ("GET /v1/models/{model}", {"supports_vision": True}, False, True),
    ("GET /v1/datasets/usage", {"organization_usage": 12}, True, True),
    ("GET /v1/datasets/usage", {"organization_usage": "12"}, False, True),
    ("GET /v1/datasets/usage", {"organization_usage": "12 MB"}, False, False),
    ("GET /v1/datasets/usage", {"organization_usage": None}, False, False),
    ("GET /v1/connectors/{id}", {"connector": CONNECTOR | {"auth_status": ""}}, False, True),
    ("GET /v1/connectors/{id}", {"connector": CONNECTOR | {"auth_status": "lost"}}, False, False),
    ("POST /v2/chat", REPLY, True, True),
    ("POST /v2/chat", REPLY | {"logprobs": [LOGPROB]}, False, True),
    ("POST /v2/chat", REPLY | {"usage": {"tokens": {"reasoning_tokens": 1}}}, False, True),
    ("POST /v2/chat", REPLY | {"usage": {"tokens": {"image_tokens": 1}}}, False, True),
]


@pytest.mark.parametrize(("label", "payload", "before", "after"), ANSWERS)
def test_answers_as_published_and_amended(
    published: Contract, amended: Contract, label: str, payload: dict[str, Any], before: bool, after: bool
) -> None:
    assert _answers(published, label, payload) is before
    assert _answers(amended, label, payload) is after


def _answers(contract: Contract, label: str, payload: dict[str, Any]) -> bool:
    body = contract.operations[label].responses["200"].media["application/json"].body
    assert body is not None
    return body.compiled.is_valid(payload)


START = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
CITATION = {"start": 0, "end": 1, "text": "a", "sources": [{"type": "tool", "id": "f:0", "tool_output": {}}]}
V1 = ("POST /v1/chat", "application/stream+json")
V2 = ("POST /v2/chat", "text/event-stream")
V2_LINES = ("POST /v2/chat", "application/stream+json")
GENERATE = ("POST /v1/generate", "application/stream+json")
GENERATE_END = {"event_type": "stream-end", "is_finished": True, "response": {"id": "i"}}

# stream, payload, valid as published, valid when amended
EVENTS: list[tuple[tuple[str, str], dict[str, Any], bool, bool]] = [
    (V1, {"event_type": "text-generation", "text": "t"}, True, True),
    (V1, {"event_type": "text-generation", "text": "t", "is_finished": False}, False, True),
    (V1, {"event_type": "text-generation", "text": "t", "is_finished": "no"}, False, False),
    (V1, {"event_type": "tool-calls-generation", "tool_calls": []}, False, True),
    (V1, {"event_type": "tool-calls-generation"}, False, False),
    (V1, {"event_type": "tool-calls-chunk", "text": "t"}, False, True),
    (V1, {"event_type": "tool-calls-chunk", "tool_call_delta": "t"}, False, False),
    (V2, {"type": "message-start", "delta": {"message": START}}, False, True),
    (V2, {"type": "message-start", "delta": {"message": START | {"content": ["t"]}}}, False, False),
    (V2, {"type": "message-start", "delta": {"message": START | {"tool_plan": "t"}}}, False, False),
    (V2, {"type": "citation-start", "index": 0, "delta": {"message": {"citations": CITATION}}}, False, True),
    (V2, {"type": "citation-start", "index": "0"}, False, False),
    (V2, {"type": "citation-end", "index": 0}, False, True),
    (V2, {"type": "debug", "prompt": "p"}, False, True),
    (V2, {"type": "debug", "prompt": 1}, False, False),
    (V2, {"type": "message-end", "delta": {"error": "e", "error_type": "E"}}, False, True),
    (V2_LINES, {"type": "content-end", "index": 0}, False, True),
    (V2_LINES, {"type": "content-end", "index": "0"}, False, False),
    (GENERATE, GENERATE_END | {"finish_reason": "COMPLETE"}, False, True),
    (GENERATE, GENERATE_END, False, False),
]


@pytest.mark.parametrize(("stream", "payload", "before", "after"), EVENTS)
def test_events_as_published_and_amended(
    published: Contract,
    amended: Contract,
    stream: tuple[str, str],
    payload: dict[str, Any],
    before: bool,
    after: bool,
) -> None:
    assert _streams(published, *stream, payload) is before
    assert _streams(amended, *stream, payload) is after


def _streams(contract: Contract, label: str, media: str, payload: dict[str, Any]) -> bool:
    declared = contract.operations[label].responses["200"].media.get(media)
    if declared is None or declared.events is None:
        return False
    branch = declared.events.branches.get(payload[declared.events.tag])
    return branch is not None and branch.compiled.is_valid(payload)


@pytest.mark.parametrize(
    ("name", "value", "valid"),
    [
        ("num_tokens", 12, True),
        ("num_tokens", -1, False),
        ("num_tokens", "many", False),
        ("num_chars", 0, True),
        ("num_chars", 1.5, False),
    ],
)
def test_headers_are_checked_but_not_demanded(amended: Contract, name: str, value: Any, valid: bool) -> None:
    for label in ("POST /v1/chat", "POST /v2/chat", "POST /v1/embed", "POST /v2/embed", "POST /v1/generate"):
        declared = amended.operations[label].responses["200"].headers
        assert not declared[name].required
        assert declared[name].value.compiled.is_valid(value) is valid
        assert "x-api-warning" in declared


# --- what they do to requests

V2_CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
JSON = {"type": "json_object"}
TOOL_TEXT = {"type": "document", "document": {"data": "[]"}}
TOOL_TURN = {"role": "tool", "tool_call_id": "t", "content": [TOOL_TEXT]}
TRAINING = {"base_model": {"base_type": "BASE_TYPE_CHAT"}, "dataset_id": "d"}
OAUTH = dict.fromkeys(("client_id", "client_secret", "authorize_url", "token_url"), "o")


def _after(role: str) -> dict[str, Any]:
    return {"message": "m", "chat_history": [{"role": role, "message": "m"}]}


# operation, body, valid when amended, valid when tolerant too
REQUESTS: list[tuple[str, dict[str, Any], bool, bool]] = [
    ("POST /v1/embed", {"texts": ["a"], "truncate": None}, False, True),
    ("POST /v2/embed", {"model": None, "input_type": "image"}, False, False),
    *(("POST /v1/chat", _after(role), False, True) for role in ("User", "Chatbot", "System")),
    ("POST /v1/chat", {"message": "m", "chat_history": [{"role": "Tool", "tool_results": []}]}, False, True),
    ("POST /v1/chat", _after("human"), False, False),
    ("POST /v1/chat", {"message": "m", "citation_quality": "fast"}, False, True),
    ("POST /v1/chat", {"message": "m", "citation_quality": "slow"}, False, False),
    ("POST /v1/chat", {"message": "m", "return_prompt": True}, False, False),
    ("POST /v1/chat", {"message": "m", "seed": 2**64 - 1}, True, True),
    ("POST /v1/chat", {"message": "m", "seed": 2**64}, False, False),
    ("POST /v2/chat", V2_CHAT | {"citation_options": {"mode": "off"}}, False, True),
    ("POST /v2/chat", V2_CHAT | {"citation_options": {"mode": "no"}}, False, False),
    ("POST /v2/chat", V2_CHAT | {"documents": [{"data": "d"}]}, False, True),
    ("POST /v2/chat", V2_CHAT | {"documents": [{"data": 1}]}, False, False),
    ("POST /v2/chat", V2_CHAT | {"messages": [TOOL_TURN]}, False, True),
    ("POST /v2/chat", V2_CHAT | {"response_format": JSON | {"schema": {"type": "object"}}}, False, True),
    ("POST /v2/chat", V2_CHAT | {"response_format": JSON | {"schema": "object"}}, False, False),
    ("POST /v2/chat", V2_CHAT | {"response_format": {"type": "text", "schema": {}}}, False, False),
    ("POST /v1/rerank", {"query": "q", "documents": [{"body": "b"}], "rank_fields": ["body"]}, False, True),
    ("POST /v1/rerank", {"query": "q", "documents": [{"body": 1}]}, False, False),
    ("POST /v2/rerank", {"model": "m", "query": "q", "documents": [{"text": "t"}]}, False, False),
    ("PATCH /v1/finetuning/finetuned-models/{id}", {"name": "n", "settings": TRAINING}, True, True),
    ("POST /v1/connectors", {"name": "n", "url": "u", "oauth": OAUTH}, True, True),
    ("POST /v1/connectors", {"name": "n", "url": "u", "oauth": {"client_id": "o"}}, False, False),
]


@pytest.mark.parametrize(("label", "body", "strict", "tolerant"), REQUESTS)
def test_requests_amended_and_tolerated(
    without_tolerances: Contract,
    amended: Contract,
    label: str,
    body: dict[str, Any],
    strict: bool,
    tolerant: bool,
) -> None:
    assert _accepts(without_tolerances, label, body) is strict
    assert _accepts(amended, label, body) is tolerant


def _accepts(contract: Contract, label: str, body: dict[str, Any]) -> bool:
    request = contract.operations[label].request
    assert request is not None
    return request.media["application/json"].compiled.is_valid(body)


def test_tolerances_leave_answers_alone(published: Contract, declarations: Declarations) -> None:
    tolerant = declarations.contract_with(declarations.tolerances)
    for label, operation in tolerant.operations.items():
        assert operation.responses == published.operations[label].responses, label


def test_integer_paging(declarations: Declarations) -> None:
    kinds = {
        (path, parameter["name"]): parameter["schema"].get("type")
        for path, item in declarations.amended["paths"].items()
        for parameter in item.get("get", {}).get("parameters", ())
        if parameter.get("name") in {"limit", "offset", "page_size"}
    }
    assert set(kinds.values()) == {"integer"}
    assert ("/v1/models", "page_size") in kinds


# --- broken files

HEAD = "overlay: 1.0.0\ninfo: {title: t, version: '1'}\nactions:\n"
WHY = "  x-id: a.b\n  x-class: document-defect\n  x-reason: r\n  x-evidence: e\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("overlay: [", "line 2, column 1"),
        ("- 1\n", "expected a mapping"),
        (HEAD + "- target: $.a\n", "x-id"),
        (HEAD + "- target: $.a\n  x-id: a.b\n  x-class: document-defect\n  remove: true\n", "x-reason"),
        (HEAD + "- target: $.a\n" + WHY.replace("document-defect", "whim"), "whim"),
        (HEAD + "- target: $.a\n" + WHY + "  x-why: me\n", "x-why"),
        (HEAD + "- target: $.a\n" + WHY + "  remove: perhaps\n", "remove"),
        (HEAD + "- target: $.a\n  target: $.b\n" + WHY, "twice"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "overlay.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=complaint):
        load_amendments(path)


@pytest.mark.parametrize(
    ("action", "complaint"),
    [
        ("- target: $.nowhere\n" + WHY + "  remove: true\n", "selects nothing"),
        ("- target: $.list[?@=='c']\n" + WHY + "  remove: true\n", "selects nothing"),
        ("- target: '$.list['\n" + WHY + "  remove: true\n", "a.b"),
        ("- target: $.word\n" + WHY + "  update: other\n", "found str"),
    ],
)
def test_an_action_that_cannot_be_carried_out_is_refused(tmp_path: Path, action: str, complaint: str) -> None:
    path = tmp_path / "overlay.yaml"
    path.write_text(HEAD + action, encoding="utf-8")
    amendments = load_amendments(path)
    with pytest.raises(ContractError, match=complaint):
        apply({"list": ["a", "b"], "word": "w"}, amendments)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="cannot be read"):
        load_amendments(tmp_path / "overlay.yaml")
