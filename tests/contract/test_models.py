"""What is known about models, and the roles of cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance.contract.facts import shipped_facts
from cohere_conformance.contract.models import KnownModel, Role, known, load_models, shipped_models
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path

MODELS = shipped_models().models


@pytest.mark.parametrize(
    ("name", "lengths", "default"),
    [
        ("embed-v5.0-pro", (256, 512, 768, 1024, 1536, 2048), 2048),
        ("embed-v5.0-fast", (256, 512, 768, 1024, 1536, 2048), 2048),
        ("embed-v4.0", (256, 512, 1024, 1536), 1536),
        ("embed-english-v3.0", (), 1024),
        ("embed-english-v2.0", None, 4096),
    ],
)
def test_the_vector_lengths_of_each_generation(
    name: str, lengths: tuple[int, ...] | None, default: int
) -> None:
    assert (MODELS[name].output_dimension, MODELS[name].dimension) == (lengths, default)


def test_every_model_serves_something_and_has_plausible_dates() -> None:
    for name, model in MODELS.items():
        assert model.endpoints or model.unlisted, name
        assert model.dimension in (model.output_dimension or (model.dimension,)), name
        if model.retired is not None and model.deprecated is not None:
            assert model.deprecated <= model.retired.date, name
        if model.retired is not None and model.since is not None:
            assert model.since < str(model.retired.date), name


def test_each_endpoint_has_one_default_model() -> None:
    defaults = [endpoint for model in MODELS.values() for endpoint in model.default]
    assert sorted(defaults) == sorted(set(defaults))
    assert {"chat", "embed", "rerank"} <= set(defaults)


def test_the_evidence_names_facts() -> None:
    facts = shipped_facts()
    cited = [fact.id for one in MODELS.values() for fact in facts.cited(one.evidence)]
    assert {"MOD-L01", "MOD-L02", "MOD-L03", "EMB-R12"} <= set(cited)


def test_the_day_of_removal_is_that_which_the_service_names() -> None:
    """A nightly job elsewhere dates it to the day of another retirement (MOD-L01)."""
    for name in ("command", "command-r", "command-r-plus"):
        assert str(shipped_models().retired[name].date) == "2025-09-15"
    assert shipped_models().retired["command-r-03-2024"].source == ("inferred",)


def test_what_is_no_name_is_not_known() -> None:
    assert known("command-a-03-2025") is MODELS["command-a-03-2025"]
    assert known("a-model-of-mine") is known(None) is known(["command-r"]) is None


def test_a_role_needs_an_endpoint_and_features() -> None:
    role = Role(about="", endpoint="chat", default={"any": "x"}, features=("vision",), without=("tools",))
    assert role.fits(KnownModel(source=("docs",), endpoints=("chat",), features=("vision",)))
    for model in (
        KnownModel(source=("docs",), endpoints=("embed",), features=("vision",)),
        KnownModel(source=("docs",), endpoints=("chat",), features=("vision", "tools")),
        KnownModel(source=("docs",), endpoints=("chat",)),
    ):
        assert not role.fits(model)


@pytest.mark.parametrize(
    ("default", "message"),
    [
        ("{contract: a}", "expected a default for any"),
        ("{any: b}", "got b"),
        ("{any: a, contract: c}", "got c"),
    ],
)
def test_the_default_of_a_role_has_the_role(tmp_path: Path, default: str, message: str) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(
        "models:\n  a: {endpoints: [chat], source: [docs]}\n  c: {endpoints: [embed], source: [docs]}\n"
        f"roles:\n  chat: {{about: x, endpoint: chat, default: {default}}}\n",
        encoding="utf-8",
    )
    with pytest.raises(ContractError, match=message):
        load_models(path)


def test_a_role_can_stand_for_another_model_under_another_profile() -> None:
    role = Role(about="", endpoint="chat", default={"any": "a", "live-2026": "b"})
    assert [role.model(profile) for profile in ("contract", "live-2026")] == ["a", "b"]
