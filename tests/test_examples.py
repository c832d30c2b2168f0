"""The exchanges that ship with the package are judged as they say they are."""

import json
import re
from typing import Any

import pytest

from cohere_conformance.checks import Explainer, judge
from cohere_conformance.contract import load_contract, load_declarations
from cohere_conformance.data import folder
from cohere_conformance.model import Exchange, Kind
from cohere_conformance.recordings import parse_recording

EXAMPLES = folder("cassettes") / "examples"
NAMES = ("conforming", "deviating")
UNREQUIRED = {Kind.HEADER_MISSING}
"""What no exchange can show while the contract requires no response header."""
UNRECORDED = {Kind.ANSWER_BROKEN, Kind.STATUS_UNEXPECTED, Kind.EXPECTATION_FAILED, Kind.STREAM_BUFFERED}
"""What recorded traffic cannot show: its answers are whole, nobody wrote down what to expect of them, and one
stream alone does not tell who held it back."""
DERIVED = {Kind.SERVER_ERROR, Kind.VALID_REFUSED, Kind.RULE_UNENFORCED, Kind.GOLDEN_CHANGED}
"""Kinds that only the fuzzer reports, because it knows why it has sent a request."""
OBSERVED = {Kind.SHAPE_VANISHED, Kind.SHAPE_NEW}
"""What is compared with earlier responses: of the example, there are none."""
BY_SDK = {Kind.SDK_INCOMPATIBLE}
"""What an official SDK does with a response that conforms."""
UNSHOWN = UNREQUIRED | UNRECORDED | DERIVED | OBSERVED | BY_SDK
SECRETS = re.compile(
    r'bearer |basic |authorization"|"(?:x-)?api[-_]?key"|cookie|x-goog-signature', re.IGNORECASE
)

Line = dict[str, Any]


def lines(name: str) -> list[Line]:
    text = (EXAMPLES / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def exchanges(name: str) -> list[Exchange]:
    found = list(parse_recording(str(EXAMPLES / f"{name}.jsonl")))
    assert all(isinstance(one, Exchange) for one in found), found
    return [one for one in found if isinstance(one, Exchange)]


def cases(name: str) -> list[Any]:
    return [
        pytest.param(line, exchange, id=line["id"])
        for line, exchange in zip(lines(name), exchanges(name), strict=True)
    ]


@pytest.mark.parametrize(("line", "exchange"), cases("conforming"))
def test_a_conforming_exchange_has_no_findings(line: Line, exchange: Exchange) -> None:
    assert judge(load_contract(), exchange) == []


def test_what_the_published_document_would_find_is_explained_by_amendments() -> None:
    declarations = load_declarations()
    explainer = Explainer(declarations)
    known = {each.id for each in declarations.changes}
    explained = {
        finding.amendment for exchange in exchanges("conforming") for finding in explainer.judge(exchange)
    }
    assert explained
    assert explained <= known


def test_every_operation_succeeds_once() -> None:
    contract = load_contract()
    succeeded = {
        contract.route(each.request.method, each.request.url).operation
        for each in exchanges("conforming")
        if each.response.status == 200
    }
    assert succeeded == set(contract.operations)


@pytest.mark.parametrize(("line", "exchange"), cases("deviating"))
def test_a_deviating_exchange_has_the_findings_it_names(line: Line, exchange: Exchange) -> None:
    named = [line, *line.get("also", [])]
    found = [(finding.kind.value, finding.location) for finding in judge(load_contract(), exchange)]
    assert sorted(found) == sorted((each["kind"], each["location"]) for each in named)


def test_every_kind_has_an_example() -> None:
    assert {line["kind"] for line in lines("deviating")} == set(Kind) - UNSHOWN
    headers = [
        header
        for operation in load_contract().operations.values()
        for response in operation.responses.values()
        for header in response.headers.values()
    ]
    assert headers
    assert not any(header.required for header in headers), "header-missing can be shown now"


def test_a_deviating_exchange_is_a_changed_conforming_one() -> None:
    originals = {line["id"]: line for line in lines("conforming")}
    for line in lines("deviating"):
        original = originals[line["of"]]
        changed = {key for key in original.keys() - {"id"} if line.get(key) != original[key]}
        assert changed, line["id"]
        assert changed <= {"url", "request_body", "status", "response_headers", "response_body"}, line["id"]


@pytest.mark.parametrize("name", NAMES)
def test_lines_are_named_and_marked_as_written_by_hand(name: str) -> None:
    rows = lines(name)
    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["written"] for row in rows} == {"by hand, not recorded"}
    assert {row["recorded_at"] for row in rows} == {None}
    assert {exchange.source.recorded_at for exchange in exchanges(name)} == {None}


@pytest.mark.parametrize("name", NAMES)
def test_examples_contain_no_key(name: str) -> None:
    text = (EXAMPLES / f"{name}.jsonl").read_text(encoding="utf-8")
    assert not SECRETS.search(text)
    # The live API's keys are 40 letters and digits; vectors in base64 and trace ids are of other lengths.
    assert not re.search(r"(?<![\w+/=-])[A-Za-z0-9]{40}(?![\w+/=-])", text)
