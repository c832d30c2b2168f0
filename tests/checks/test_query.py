"""The query of a request: names, values, what is required and what is repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import exchange, reported

from cohere_conformance.checks import judge
from cohere_conformance.contract import load_contract

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract

MODELS = {"models": []}


@pytest.fixture(scope="module")
def amended() -> Contract:
    return load_contract()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", []),
        ("?page_size=3&endpoint=chat&default_only=true", []),
        ("?page_token=a%20b%3D", []),
        ("?colour=red", [("request-invalid", "query:colour", "property-undocumented:")]),
        ("?page_size=many", [("request-invalid", "query:page_size", "type-changed:string")]),
        ("?default_only=yes", [("request-invalid", "query:default_only", "type-changed:string")]),
        ("?endpoint=paint", [("request-invalid", "query:endpoint", 'enum-unknown:"paint"')]),
    ],
    ids=["none", "declared", "encoded", "undeclared", "no-number", "no-boolean", "enum"],
)
def test_a_query_is_judged_apart_from_the_answer(
    amended: Contract, query: str, expected: list[tuple[str, str, str]]
) -> None:
    made = exchange(f"GET /v1/models{query}", MODELS)
    assert reported(judge(amended, made)) == expected


@pytest.mark.parametrize(
    ("query", "missing"),
    [("?name=a&type=embed-input", []), ("?name=a", ["query:type"]), ("", ["query:name", "query:type"])],
    ids=["both", "one", "none"],
)
def test_a_required_parameter_is_missed(amended: Contract, query: str, missing: list[str]) -> None:
    made = exchange(f"POST /v1/datasets{query}", {"id": "a"})
    assert [location for _, location, _ in reported(judge(amended, made))] == missing


def test_a_list_is_sent_by_repeating_the_name(amended: Contract) -> None:
    query = "?name=a&type=embed-input&keep_fields=x&keep_fields=y"
    assert judge(amended, exchange(f"POST /v1/datasets{query}", {"id": "a"})) == []
