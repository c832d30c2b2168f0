"""What ships are figures about names that the contract declares: no text, no id, no secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.contract.elements import outline
from cohere_conformance.contract.models import shipped_models
from cohere_conformance.contract.requested import request_outline
from cohere_conformance.data import folder
from cohere_conformance.model import Aspect
from cohere_conformance.observed.evidence import exchanges
from cohere_conformance.observed.file import load_observed, shipped_observed
from cohere_conformance.observed.scenario import OTHER, family
from cohere_conformance.privacy.leaks import leaks

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.elements import Element

FILES = sorted((folder("contracts") / "observed").glob("*.yaml"))
HEADERS = {"header:", "header:num_chars", "header:num_tokens", "header:x-debug-trace-id"}


def names(elements: frozenset[Element], *aspects: Aspect) -> set[str]:
    return {one.name for one in elements if one.aspect in aspects}


def test_locations_and_values_are_those_of_the_contract(amended: Contract) -> None:
    for scenario, evidence in shipped_observed().items():
        declared = outline(amended.operations[scenario.operation]).elements
        places = names(declared, Aspect.PROPERTY) | HEADERS | {""}
        places |= {f"<{one}>" for one in names(declared, Aspect.EVENT)}
        values = names(declared, Aspect.ENUM_VALUE)
        for location, seen in evidence.locations.items():
            assert location in places or location.removesuffix("/*") in places, location
            for value in seen.values:
                tag = location.startswith(f"<{value}>/")  # the type of an event, which is in its name already
                assert tag or f"{location} = {value}" in values, (location, value)
        for chosen in scenario.response:
            location, _, several = chosen.partition("=")
            assert {f"{location} = {one}" for one in several.split("+")} <= values, chosen


def test_parts_of_requests_are_those_of_the_contract(amended: Contract) -> None:
    families = {family(name) for name in shipped_models().models} | {OTHER}
    for scenario in shipped_observed():
        elements = request_outline(amended.operations[scenario.operation]).elements
        declared = {one.lstrip("/").replace("/", ".") for one in names(elements, Aspect.PROPERTY)}
        declared |= names(elements, Aspect.PARAMETER)
        words = {one.rpartition(" = ")[2] for one in names(elements, Aspect.ENUM_VALUE)}
        for part in scenario.request:
            name, _, value = part.partition("=")
            assert name in declared, part
            if name == "model":
                assert value in families
            elif value:
                assert set(value.split("+")) <= words | {"true", "false"}, part


def test_nothing_else_is_in_the_files() -> None:
    assert [path.stem for path in FILES] == ["chat", "embed", "generate", "models", "rerank", "tokenize"]
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert not [*leaks(text.encode())]
        assert not re.search(r"https?:|[0-9a-f]{8}-[0-9a-f]{4}-|@", text)
    assert sum(exchanges(load_observed(path)) for path in FILES) == exchanges(shipped_observed()) > 500
