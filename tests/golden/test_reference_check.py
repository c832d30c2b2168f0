"""Cassettes of the reference server are stale when its response changes, and for no other reason."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cohere_conformance.cases import shipped_suite
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.models import shipped_retired
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.data import folder
from cohere_conformance.golden import find, load
from cohere_conformance.golden.compare import shipped_rules
from cohere_conformance.golden.fresh_server import FreshServer
from cohere_conformance.golden.policy import POLICY, load_policy
from cohere_conformance.golden.reference_check import ReferenceCheck
from cohere_conformance.golden.status import Criteria, status
from cohere_conformance.model import Level, Requirement
from cohere_conformance.reference.groups import chat_v2

if TYPE_CHECKING:
    from cohere_conformance.golden.states import Status

CONTRACT, SUITE = load_contract(), shipped_suite()
CASES = {case.id: case for case in SUITE.cases}
SHIPPED = find(folder("cassettes"))


def checked(prefix: str, **changed: Any) -> Status:
    """Return the status of some shipped cassettes, by what the reference server responds now."""
    requirements = tuple(shipped_requirements().requirements.values())
    with ReferenceCheck(SUITE, CONTRACT, shipped_rules()) as reference:
        given: dict[str, Any] = {
            "suite": SUITE,
            "contract": CONTRACT,
            "requirements": requirements,
            "policy": load_policy(folder("cassettes") / POLICY).of_a_part(),
            "today": datetime.date(2030, 1, 1),
            "retired": shipped_retired(),
            "replayed": dict.fromkeys(SHIPPED, "passed"),
            "reference_change": reference.changed,
        }
        chosen = {name: path for name, path in SHIPPED.items() if name.startswith(prefix)}
        return status(chosen, Criteria(**(given | changed)))


def stale(found: Status) -> dict[str, list[str]]:
    """Return the kinds of problems that fail, by cassette."""
    return {
        state.id: kinds
        for state in found.cassettes
        if (kinds := [one.stale for one in state.reasons if one.verdict == "fail"])
    }


def test_an_added_requirement_makes_no_cassette_stale() -> None:
    added = Requirement(
        id="common.added",
        level=Level.SHOULD,
        says="A response is short.",
        source="inferred",
        reason="For this test.",
        operations=tuple(CONTRACT.operations),
        faults=(),
        group="common",
    )
    requirements = (*shipped_requirements().requirements.values(), added)
    found = checked("rerank.", requirements=requirements)
    assert len(found.cassettes) > 40
    assert stale(found) == {}


def test_an_added_property_makes_those_stale_whose_response_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = chat_v2._usage

    def with_reasoning(*given: Any) -> dict[str, Any]:
        said: dict[str, Any] = usage(*given)
        return msgspec.json.decode(msgspec.json.encode(said)) | {"reasoning_units": 0}

    monkeypatch.setattr(chat_v2, "_usage", with_reasoning)
    found = checked("chat.v2.")
    bodies = {state.id: load(SHIPPED[state.id]).exchange.response.body or b"" for state in found.cassettes}
    affected = {name for name, body in bodies.items() if b'"billed_units"' in body}
    assert 30 < len(affected) < len(bodies)
    assert stale(found) == {name: ["answer-changed"] for name in affected}
    [first] = [state for state in found.cassettes if state.id == "chat.v2.plain"]
    assert first.reasons[0].detail == "/usage/reasoning_units: recorded no such property, today 0"


@pytest.mark.parametrize("name", ["chat.v2.stream", "datasets.get.products", "connectors.create.oauth"])
def test_a_case_has_the_same_response_whatever_was_sent_before(name: str) -> None:
    with FreshServer(SUITE, CONTRACT) as server:
        first = server.send(CASES[name], "contract")
        server.send(CASES["rerank.v2.plain"], "contract")
        again = server.send(CASES[name], "contract")
    with FreshServer(SUITE, CONTRACT) as server:
        alone = server.send(CASES[name], "contract")
    assert first.exchange.response == again.exchange.response == alone.exchange.response
    assert first.values == again.values == alone.values
