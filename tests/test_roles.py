"""Cases name roles instead of models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import pytest

from cohere_conformance.cases import Suite, load_suite, shipped_suite
from cohere_conformance.cases.roles import case_with_models, default_models, used_roles, with_models
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.models import shipped_models
from cohere_conformance.contract.tiers import shipped_policies
from cohere_conformance.data import folder
from cohere_conformance.golden.digest import CaseDigests

if TYPE_CHECKING:
    from pathlib import Path

CASES = """
group: datasets
resources:
  plums:
    about: A dataset.
    create: {operation: POST /v1/datasets, query: {name: 'plums-${embed}', type: embed-input}}
    capture: {id: /id}
cases:
  - id: datasets.one
    about: One.
    operation: GET /v1/datasets/{id}
    path: {id: '${plums.id}'}
    headers: {x-model: '${chat}'}
    query: {order: '$${chat} ${rerank}'}
    needs: [plums]
    expect: {status: 200, body: {/name: {const: '${vision} ${unique}'}}}
  - id: datasets.two
    about: Two.
    operation: GET /v1/datasets
    expect: {status: 200}
"""
ABOUT_A_MODEL = {
    "audio.arabic-model",
    "audio.unknown-language",
    "chat.v1.safety-none",
    "chat.v2.retired-model",
    "chat.v2.safety-of-version-1",
    "chat.v2.safety-off",
    "chat.v2.safety-off-refused",
    "detokenize.retired-model",
    "embed-jobs.create.retired-model",
    "embed.v1.plain-v4",
    "embed.v1.retired-model",
    "embed.v1.two-images",
    "embed.v2.dimension-of-third-generation",
    "embed.v2.image-of-older-model",
    "embed.v2.inputs-of-older-model",
    "embed.v2.model-of-1024",
    "embed.v2.model-of-384",
    "embed.v2.retired-model",
    "embed.v2.text-tokens",
    "models.get.embed-v3",
    "models.get.retired",
    "rerank.v1.retired-model",
    "rerank.v2.other-model",
    "rerank.v2.spans-older-model",
    "tokenize.retired-model",
}


@pytest.fixture
def written(tmp_path: Path) -> Suite:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "cases.yaml").write_text(CASES, encoding="utf-8")
    return load_suite(tmp_path, load_contract(), shipped_policies())


def test_a_case_has_the_models_of_its_roles(written: Suite) -> None:
    suite = with_models(written, default_models("contract") | {"chat": "a ${unique}", "vision": "v"})
    one, two = suite.cases
    sent = one.outgoing({"unique": "u", "datasets.plums.id": "p"})
    assert sent.path == "/v1/datasets/p?order=%24%7Bchat%7D%20rerank-v3.5"
    assert ("x-model", "a ${unique}") in sent.headers, "placeholders in a name are not filled in"
    assert one.expectation("contract", {"unique": "u"}).body == {"/name": {"const": "v u"}}
    assert one.models == {
        "chat": "a ${unique}",
        "embed": "embed-v4.0",
        "rerank": "rerank-v3.5",
        "vision": "v",
    }
    assert (two.models, used_roles([one, two])) == ({}, ["chat", "vision", "embed", "rerank"])
    made = suite.resources["datasets.plums"].create.outgoing({}, name="x")
    assert made.path.startswith("/v1/datasets?name=plums-embed-v4.0")


@pytest.mark.parametrize("role", shipped_models().roles)
def test_another_model_of_a_role_is_in_all_that_use_it_and_nothing_else_is_made_anew(role: str) -> None:
    suite = shipped_suite()
    assert suite.written is not None
    other = with_models(suite, {role: "other"})
    whole = with_models(suite.written, suite.models | {role: "other"})
    assert (other.cases, other.resources) == (whole.cases, whole.resources)
    again = [case for case, before in zip(other.cases, suite.cases, strict=True) if case is not before]
    assert again == [case for case in other.cases if role in case.models]


def test_a_role_that_had_no_model_so_far_gets_one(written: Suite) -> None:
    usual = default_models("contract")
    part = {role: usual[role] for role in ("chat", "embed")}
    assert with_models(with_models(written, part), usual) == with_models(written, usual)


def test_the_digest_of_a_case_depends_on_its_models(written: Suite) -> None:
    usual = with_models(written, default_models("contract"))
    other = with_models(usual, {"embed": "embed-v5.0-pro"})
    digests = [CaseDigests(suite).of(suite.cases[0]) for suite in (usual, other)]
    assert digests[0] != digests[1], "the resource has another name"
    for role in ("embed", "reasoning"):
        again = case_with_models(other.cases[0], other, {role: default_models("contract")[role]})
        assert CaseDigests(other).of(again) == digests[role == "reasoning"]


def test_each_role_is_used_and_each_model_of_a_role_is_one_we_know() -> None:
    suite = shipped_suite()
    assert used_roles(suite.cases) == list(shipped_models().roles)
    assert {name for case in suite.cases for name in case.models.values()} <= shipped_models().models.keys()


def test_only_cases_about_a_model_name_one() -> None:
    suite = shipped_suite().written
    assert suite is not None
    names = "|".join(re.escape(name) for name in sorted(shipped_models().models, key=len, reverse=True))
    model = re.compile(rf"(?<![\w./-])(?:{names})(?![\w.-])(?!\s+[a-z])")

    def named(value: object) -> bool:
        return bool(model.search(msgspec.json.encode(value).decode()))

    assert {case.id for case in suite.cases if named(case.template)} == ABOUT_A_MODEL
    assert not [one.name for one in suite.resources.values() if named(one.create)]


def test_the_tests_of_the_suites_name_no_model() -> None:
    names = "|".join(re.escape(name) for name in shipped_models().models if name != "command")
    for path in folder("suites").glob("*/test_*.py"):
        assert not re.search(rf'"(?:{names})"', path.read_text(encoding="utf-8")), path
