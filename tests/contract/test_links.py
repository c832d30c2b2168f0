"""The shipped links, the values of expressions, and the errors of a malformed file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from cohere_conformance.contract import load_contract
from cohere_conformance.contract.compile import digest
from cohere_conformance.contract.documents import load_yaml
from cohere_conformance.contract.expression import NOTHING, CompletedCall, parse_expression
from cohere_conformance.contract.facts import FACT
from cohere_conformance.contract.links import Link, linked, load_links, shipped_links
from cohere_conformance.contract.validity import document_errors
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path

FILE = folder("contracts") / "links.yaml"
MODELS = "/v1/finetuning/finetuned-models"
OF_ONE = f"{MODELS}/{{finetuned_model_id}}"
FOLLOW_UPS = {
    "POST /v1/datasets": {
        "GET /v1/datasets/{id}",
        "DELETE /v1/datasets/{id}",
        "GET /v1/datasets",
        "POST /v1/embed-jobs",
        "POST /v2/batches",
        f"POST {MODELS}",
    },
    "GET /v1/datasets": {"GET /v1/datasets/{id}"},
    "GET /v1/datasets/{id}": {
        "DELETE /v1/datasets/{id}",
        "GET /v1/datasets",
        "POST /v1/embed-jobs",
        "POST /v2/batches",
        f"POST {MODELS}",
    },
    "POST /v1/embed-jobs": {
        "GET /v1/embed-jobs/{id}",
        "POST /v1/embed-jobs/{id}/cancel",
        "GET /v1/datasets/{id}",
    },
    "GET /v1/embed-jobs": {"GET /v1/embed-jobs/{id}"},
    "GET /v1/embed-jobs/{id}": {"POST /v1/embed-jobs/{id}/cancel", "GET /v1/datasets/{id}"},
    "POST /v1/embed-jobs/{id}/cancel": {"GET /v1/embed-jobs/{id}"},
    "POST /v2/batches": {"GET /v2/batches/{id}", "POST /v2/batches/{id}:cancel", "GET /v1/datasets/{id}"},
    "GET /v2/batches": {"GET /v2/batches/{id}", "GET /v2/batches"},
    "GET /v2/batches/{id}": {"POST /v2/batches/{id}:cancel", "GET /v1/datasets/{id}"},
    "POST /v2/batches/{id}:cancel": {"GET /v2/batches/{id}"},
    "POST /v1/connectors": {
        "GET /v1/connectors/{id}",
        "PATCH /v1/connectors/{id}",
        "DELETE /v1/connectors/{id}",
        "POST /v1/connectors/{id}/oauth/authorize",
    },
    "GET /v1/connectors": {"GET /v1/connectors/{id}"},
    "GET /v1/connectors/{id}": {
        "PATCH /v1/connectors/{id}",
        "DELETE /v1/connectors/{id}",
        "POST /v1/connectors/{id}/oauth/authorize",
    },
    "PATCH /v1/connectors/{id}": {"GET /v1/connectors/{id}"},
    "POST /v1/connectors/{id}/oauth/authorize": {"GET /v1/connectors/{id}"},
    f"POST {MODELS}": {
        f"GET {MODELS}/{{id}}",
        f"PATCH {MODELS}/{{id}}",
        f"DELETE {MODELS}/{{id}}",
        f"GET {OF_ONE}/events",
        f"GET {OF_ONE}/training-step-metrics",
        "GET /v1/datasets/{id}",
    },
    f"GET {MODELS}": {f"GET {MODELS}/{{id}}", f"GET {MODELS}"},
    f"GET {MODELS}/{{id}}": {
        f"PATCH {MODELS}/{{id}}",
        f"DELETE {MODELS}/{{id}}",
        f"GET {OF_ONE}/events",
        f"GET {OF_ONE}/training-step-metrics",
    },
    f"PATCH {MODELS}/{{id}}": {f"GET {MODELS}/{{id}}"},
    f"GET {OF_ONE}/events": {f"GET {OF_ONE}/events", f"GET {MODELS}/{{id}}"},
    f"GET {OF_ONE}/training-step-metrics": {f"GET {OF_ONE}/training-step-metrics", f"GET {MODELS}/{{id}}"},
    "GET /v1/models": {"GET /v1/models/{model}", "GET /v1/models"},
    "POST /v1/tokenize": {"POST /v1/detokenize"},
    "POST /v1/detokenize": {"POST /v1/tokenize"},
}


# -- the shipped ones


def test_every_follow_up_is_linked_and_no_other() -> None:
    found: dict[str, set[str]] = {}
    for link in shipped_links():
        found.setdefault(link.source, set()).add(link.target)
    assert found == FOLLOW_UPS
    assert {link.status for link in shipped_links()} == {"200"}
    keys = [(link.source, link.name) for link in shipped_links()]
    assert len(keys) == len(set(keys)) == 61


def test_what_was_made_by_something_else_is_said_to_be() -> None:
    made = {(link.source, link.name) for link in shipped_links() if link.made}
    assert made == {("GET /v1/embed-jobs/{id}", "output"), ("GET /v2/batches/{id}", "output")}


def test_datasets_are_used_by_their_type_only() -> None:
    types = load_contract().document["components"]["schemas"]["DatasetType"]["enum"]
    for link in shipped_links():
        if link.target.startswith("POST ") and link.source.endswith(("/datasets", "/datasets/{id}")):
            words = [word for words in link.when.values() for word in words if word != "validated"]
            assert words, link.name
            assert set(words) <= set(types), link.name


def test_the_document_with_links_is_valid_and_the_judged_one_has_none() -> None:
    judged = load_contract()
    before = digest(judged.document)
    with_links = linked(FILE, judged.document)
    assert list(document_errors(with_links)) == []
    assert digest(judged.document) == before == judged.digest
    assert digest(with_links) != before
    assert not any(
        "links" in response
        for item in judged.document["paths"].values()
        for operation in item.values()
        for response in operation["responses"].values()
    )


def test_each_group_of_links_says_why_and_from_where() -> None:
    actions = load_yaml(FILE)["actions"]
    for action in actions:
        assert re.fullmatch(r"[a-z-]+\.[a-z]+", action["x-id"])
        assert re.fullmatch(r"[A-Z][^.?!]{30,}\.", action["x-reason"]), action["x-id"]
        assert FACT.findall(action["x-evidence"]), action["x-id"]
    assert len({action["x-id"] for action in actions}) == len(actions) == len(FOLLOW_UPS)


# -- expressions


CALL = CompletedCall(
    operation="PUT /v1/things/{id}",
    status=200,
    path={"id": "a/b"},
    query=(("tag", "x"), ("tag", "y"), ("none", "")),
    sent={"name": "n", "deep": {"list": [1, {"x": True}]}, "null": None},
    answer={"items": [{"id": "first"}, {"id": "second"}], "a/b": {"~": 7}, "": "", "null": None},
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$request.path.id", "a/b"),
        ("$request.path.other", NOTHING),
        ("$request.query.tag", "x"),
        ("$request.query.none", ""),
        ("$request.query.other", NOTHING),
        ("$request.body#/name", "n"),
        ("$request.body#/deep/list/1/x", True),
        ("$request.body#/deep/list/2", NOTHING),
        ("$request.body#/deep/list/01", NOTHING),
        ("$request.body#/deep/list/-1", NOTHING),
        ("$request.body#/null", None),
        ("$request.body#/null/below", NOTHING),
        ("$request.body#/name/0", NOTHING),
        ("$response.body#/items/0/id", "first"),
        ("$response.body#/items/1/id", "second"),
        ("$response.body#/items", [{"id": "first"}, {"id": "second"}]),
        ("$response.body#/a~1b/~0", 7),
        ("$response.body#/missing", NOTHING),
    ],
)
def test_an_expression_is_read_out_of_a_call(text: str, value: object) -> None:
    assert parse_expression(text).value(CALL) == value


def test_a_call_without_bodies_has_nothing() -> None:
    bare = CompletedCall("GET /v1/things", 200, {}, (), NOTHING, None)
    for text in ("$request.body#/x", "$response.body#/x"):
        assert parse_expression(text).value(bare) is NOTHING


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id",
        "$url",
        "$method",
        "$statusCode",
        "$request.header.accept",
        "$response.header.location",
        "$response.body",
        "$response.body#",
        "$response.body#/",
        "$response.body#items",
        "$response.path.id",
        "$request.path.",
        "$request.query.a b",
        "prefix-{$response.body#/id}",
        "$response.body#/a~2b",
        " $response.body#/id",
    ],
)
def test_other_expressions_are_refused_by_name(text: str) -> None:
    with pytest.raises(ContractError) as error:
        parse_expression(text)
    assert str(error.value).startswith(f"{text}: ")


# -- what a link puts into a call


def made_up(**further: Any) -> Link:
    parts: dict[str, Any] = {"path": {}, "query": {}, "body": {}, "when": {}}
    for part, reported in further.items():
        parts[part] = {
            (parse_expression(name) if part == "when" else name): (
                reported[name] if part == "when" else parse_expression(reported[name])
            )
            for name in reported
        }
    return Link("PUT /v1/things/{id}", "200", "next", "GET /v1/others/{id}", **parts)


def test_values_go_where_they_belong() -> None:
    filled = made_up(
        path={"id": "$response.body#/items/0/id"},
        query={"tag": "$request.query.tag", "flag": "$request.body#/deep/list/1/x"},
        body={"/a/b": "$request.body#/deep"},
        when={"$request.body#/name": ("m", "n")},
    ).filled(CALL)
    assert filled is not None
    assert filled.path == {"id": "first"}
    assert dict(filled.query) == {"tag": "x", "flag": "true"}
    assert filled.body == {("a", "b"): {"list": [1, {"x": True}]}}
    assert filled.matched == {"n"}


def test_what_the_request_did_not_have_is_left_out() -> None:
    filled = made_up(
        query={"tag": "$request.query.other", "page": "$request.query.tag"},
        body={"/x": "$request.body#/missing"},
    ).filled(CALL)
    assert filled is not None
    assert (filled.query, filled.body) == ((("page", "x"),), {})


@pytest.mark.parametrize(
    "parts",
    [
        {"path": {"id": "$response.body#/missing"}},
        {"path": {"id": "$response.body#/null"}},
        {"path": {"id": "$response.body#/items"}},
        {"query": {"page": "$response.body#/missing"}},
        {"query": {"page": "$request.query.none"}},
        {"body": {"/x": "$response.body#/missing"}},
        {"when": {"$request.body#/name": ("other",)}},
        {"when": {"$request.body#/missing": ("n",)}},
        {"when": {"$request.body#/name": ("n",), "$request.query.tag": ("y",)}},
    ],
)
def test_a_link_may_lead_nowhere(parts: dict[str, Any]) -> None:
    assert made_up(**parts).filled(CALL) is None


@pytest.mark.parametrize(("operation", "status"), [("GET /v1/things", 200), ("PUT /v1/things/{id}", 404)])
def test_a_link_of_another_answer_is_a_mistake(operation: str, status: int) -> None:
    other = CompletedCall(operation, status, CALL.path, CALL.query, CALL.sent, CALL.answer)
    with pytest.raises(ContractError, match=rf"link next: .*got {re.escape(operation)} {status}"):
        made_up(path={"id": "$request.path.id"}).filled(other)


# -- files


def document() -> dict[str, Any]:
    def parameter(name: str, where: str) -> dict[str, Any]:
        return {"name": name, "in": where, "required": where == "path", "schema": {"type": "string"}}

    def content(schema: dict[str, Any]) -> dict[str, Any]:
        return {"content": {"application/json": {"schema": schema}}}

    text = {"type": "string"}
    thing = {
        "type": "object",
        "properties": {
            "id": text,
            "tags": {"type": "array", "items": {"$ref": "#/components/schemas/Tag"}},
            "map": {"type": "object", "additionalProperties": {"properties": {"deep": text}}},
        },
    }
    tag = {"oneOf": [{"properties": {"name": text}}, {"allOf": [{"properties": {"label": text}}]}]}
    return {
        "openapi": "3.2.0",
        "info": {"title": "Made up", "version": "1"},
        "paths": {
            "/v1/things": {
                "post": {
                    "operationId": "make",
                    "parameters": [parameter("kind", "query"), parameter("x-name", "header")],
                    "requestBody": content({"properties": {"name": text}}),
                    "responses": {"200": {"description": "It.", **content(thing)}},
                }
            },
            "/v1/things/{id}": {
                "get": {
                    "operationId": "show",
                    "parameters": [{"$ref": "#/components/parameters/Id"}],
                    "responses": {"200": {"description": "It.", **content(thing)}},
                }
            },
        },
        "components": {"schemas": {"Tag": tag}, "parameters": {"Id": parameter("id", "path")}},
    }


def written(tmp_path: Path, links: str, **further: str) -> Path:
    reported = {
        "target": "$.paths['/v1/things'].post.responses['200']",
        "x-id": "things.make",
        "x-reason": "Because.",
        "x-evidence": "DS-S01",
    } | {key.replace("x_", "x-"): value for key, value in further.items()}
    path = tmp_path / "links.yaml"
    lines = "".join(f'    {key}: "{value}"\n' for key, value in reported.items())
    path.write_text(
        f"overlay: 1.0.0\ninfo: {{title: t}}\nactions:\n  -\n{lines}    update: {{links: {links}}}\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize(
    ("links", "parts"),
    [
        ("{a: {operationId: show, parameters: {id: $response.body#/id}}}", ("$response.body#/id", {})),
        ("{a: {operationId: show, parameters: {id: $request.query.kind}}}", ("$request.query.kind", {})),
        (
            "{a: {operationId: show, parameters: {id: $response.body#/tags/0/name}}}",
            ("$response.body#/tags/0/name", {}),
        ),
        (
            "{a: {operationId: show, parameters: {id: $response.body#/tags/3/label}}}",
            ("$response.body#/tags/3/label", {}),
        ),
        (
            "{a: {operationId: show, parameters: {id: $response.body#/map/any/deep}}}",
            ("$response.body#/map/any/deep", {}),
        ),
        (
            "{a: {operationId: make, x-request-body: {/name: $response.body#/id}}}",
            ("", {"/name": "$response.body#/id"}),
        ),
    ],
)
def test_a_valid_link_is_loaded(tmp_path: Path, links: str, parts: tuple[str, dict[str, str]]) -> None:
    [link] = load_links(written(tmp_path, links), document())
    assert (link.source, link.status, link.name) == ("POST /v1/things", "200", "a")
    assert [one.text for one in link.path.values()] == ([parts[0]] if parts[0] else [])
    assert {location: one.text for location, one in link.body.items()} == parts[1]


GOOD = "parameters: {id: $response.body#/id}"


@pytest.mark.parametrize(
    ("link", "complaint"),
    [
        (f"operationId: gone, {GOOD}", "operationId: expected a declared one, got gone"),
        ("operationId: show", "cannot be called without id"),
        ("operationId: show, parameters: {key: $response.body#/id}", "parameters/key: .* only id"),
        ("operationId: make, parameters: {x-name: $response.body#/id}", "parameters/x-name: .* only kind"),
        (
            "operationId: show, parameters: {id: $response.body#/name}",
            r"\$response.body#/name: expected a value that POST /v1/thi",
        ),
        ("operationId: show, parameters: {id: $response.body#/id/x}", r"\$response.body#/id/x: "),
        ("operationId: show, parameters: {id: $response.body#/tags/name}", r"\$response.body#/tags/name: "),
        ("operationId: show, parameters: {id: $response.body#/tags/0/id}", r"\$response.body#/tags/0/id: "),
        ("operationId: show, parameters: {id: $request.body#/id}", r"\$request.body#/id: "),
        ("operationId: show, parameters: {id: $request.path.id}", r"\$request.path.id: "),
        ("operationId: show, parameters: {id: $request.query.id}", r"\$request.query.id: "),
        ("operationId: show, parameters: {id: $request.query.x-name}", r"\$request.query.x-name: "),
        ("operationId: show, parameters: {id: $statusCode}", r"\$statusCode: expected"),
        ("operationId: make, x-request-body: {/id: $response.body#/id}", "x-request-body: .* no /id"),
        ("operationId: make, x-request-body: {name: $response.body#/id}", "x-request-body: expected a place"),
        ("operationId: make, x-request-body: {'': $response.body#/id}", "x-request-body"),
        ("operationId: make, x-when: {$response.body#/name: [x]}", r"\$response.body#/name: "),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path: Path, link: str, complaint: str) -> None:
    path = written(tmp_path, f"{{a: {{{link}}}}}")
    with pytest.raises(ContractError, match=complaint) as error:
        load_links(path, document())
    assert str(error.value).startswith(f"{path}: POST /v1/things 200: link a: ")


@pytest.mark.parametrize(
    ("links", "further", "complaint"),
    [
        ("{a: {parameters: {}}}", {}, "operationId"),
        (f"{{a: {{operationId: show, {GOOD}, requestBody: 1}}}}", {}, "requestBody"),
        (f"{{a: {{operationRef: '#/x', {GOOD}}}}}", {}, "operationRef|operationId"),
        (f"{{a: {{operationId: show, {GOOD}}}}}", {"x_reason": " "}, "things.make: expected"),
        (f"{{a: {{operationId: show, {GOOD}}}}}", {"x_evidence": ""}, "things.make: expected"),
        (f"{{a: {{operationId: show, {GOOD}}}}}", {"target": "$.paths['/v2']"}, "selects nothing"),
        (f"{{a: {{operationId: show, {GOOD}}}}}", {"remove": "true"}, "remove"),
    ],
)
def test_a_broken_file_is_refused(
    tmp_path: Path, links: str, further: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ContractError, match=complaint):
        load_links(written(tmp_path, links, **further), document())


def test_two_groups_cannot_share_an_id(tmp_path: Path) -> None:
    path = written(tmp_path, f"{{a: {{operationId: show, {GOOD}}}}}")
    text = path.read_text(encoding="utf-8")
    path.write_text(text + text.partition("actions:\n")[2], encoding="utf-8")
    with pytest.raises(ContractError, match=r"things\.make: expected an x-id of its own"):
        load_links(path, document())


def test_an_overlay_of_links_adds_nothing_else(tmp_path: Path) -> None:
    path = written(tmp_path, f"{{a: {{operationId: show, {GOOD}}}}}")
    text = path.read_text(encoding="utf-8").replace("update: {", "update: {description: Other., ")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match="description"):
        load_links(path, document())
