"""The shipped live policies, and the errors of a malformed file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance.contract import load_contract
from cohere_conformance.contract.tiers import Billing, Effect, Tier, load_policies, shipped_policies
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cohere_conformance.contract.tiers import LivePolicy


@pytest.fixture(scope="module")
def policies() -> Mapping[str, LivePolicy]:
    return shipped_policies()


def test_every_operation_has_a_policy_and_the_other_way_round(policies: Mapping[str, LivePolicy]) -> None:
    assert policies.keys() == load_contract().operations.keys()


def test_what_creates_is_cleaned_up_or_says_why_not(policies: Mapping[str, LivePolicy]) -> None:
    creating = {label: policy for label, policy in policies.items() if policy.effect is Effect.CREATES}
    assert creating.keys() == {
        "POST /v2/batches",
        "POST /v1/embed-jobs",
        "POST /v1/datasets",
        "POST /v1/connectors",
        "POST /v1/finetuning/finetuned-models",
    }
    for label, policy in creating.items():
        assert (policy.cleanup is None) is bool(policy.cleanup_reason), label
        if policy.cleanup is not None:
            assert policies[policy.cleanup].effect is Effect.DESTROYS, label
            assert policy.cleanup.split("{", maxsplit=1)[0].split()[1].rstrip("/") == label.split()[1]


def test_a_nightly_run_costs_little_and_leaves_nothing_behind(policies: Mapping[str, LivePolicy]) -> None:
    for label, policy in policies.items():
        if policy.tier in {Tier.FREE_READ, Tier.CHEAP_COMPUTE}:
            assert policy.effect in {Effect.READS, Effect.COMPUTES}, label
        if policy.tier is Tier.FREE_READ:
            assert policy.billing is Billing.NONE, label
        if policy.tier is Tier.CREATES:
            assert policy.cleanup, label


def test_effects_agree_with_methods(policies: Mapping[str, LivePolicy]) -> None:
    for label, policy in policies.items():
        method = label.split()[0]
        expected = {"GET": Effect.READS, "PATCH": Effect.CHANGES, "DELETE": Effect.DESTROYS}.get(method)
        assert policy.effect is expected or (method == "POST" and policy.effect is not Effect.DESTROYS), label


def test_what_is_deprecated_is_retired(policies: Mapping[str, LivePolicy]) -> None:
    deprecated = {label for label, operation in load_contract().operations.items() if operation.deprecated}
    assert {label for label, policy in policies.items() if policy.tier is Tier.RETIRED} == deprecated


def test_every_word_of_the_vocabularies_is_used(policies: Mapping[str, LivePolicy]) -> None:
    assert {policy.tier for policy in policies.values()} == set(Tier)
    assert {policy.effect for policy in policies.values()} == set(Effect)
    assert {policy.billing for policy in policies.values()} == set(Billing)


def test_notes_are_sentences_and_limits_positive(policies: Mapping[str, LivePolicy]) -> None:
    for label, policy in policies.items():
        for text in (policy.live, policy.cleanup_reason):
            assert not text or (text[0].isupper() and text.endswith(".")), label
        if policy.limit is not None:
            reported = [count for count in (policy.limit.trial, policy.limit.production) if count is not None]
            assert reported, label
            assert min(reported) > 0, label
        assert policy.live or policy.tier not in {Tier.BILLED, Tier.RETIRED}, label


FREE = "{tier: N0, effect: reads, billing: none}"
DELETE = "{tier: D, effect: destroys, billing: none}"


def _pair(tier: str, effect: str, cleanup: str, other_effect: str) -> str:
    """Return a file of two operations, of which the first names the second as its cleanup."""
    other = f"{{tier: {'D' if other_effect == 'destroys' else 'N0'}, effect: {other_effect}, billing: none}}"
    label = cleanup.split(",", maxsplit=1)[0]
    first = f"{{tier: {tier}, effect: {effect}, billing: none, cleanup: {cleanup}}}"
    return f"operations: {{POST /a: {first}, {label}: {other}}}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("operations: [", "line 2, column 1"),
        ("{}", "operations"),
        (f"operations: {{GET /a: {FREE}}}\nnights: 7", "nights"),
        ("operations: {GET /a: {tier: N0, effect: reads}}", "billing"),
        ("operations: {GET /a: {tier: N9, effect: reads, billing: none}}", "N9"),
        ("operations: {GET /a: {tier: N0, effect: thinks, billing: none}}", "thinks"),
        ("operations: {GET /a: {tier: N0, effect: reads, billing: gold}}", "gold"),
        ("operations: {GET /a: {tier: N0, effect: reads, billing: none, price: 1}}", "price"),
        ("operations: {GET /a: {tier: N0, effect: reads, billing: none, limit: {trial: 1}}}", "production"),
        (f"operations: {{GET /a: {FREE}, GET /a: {FREE}}}", "twice"),
        (f"operations: {{list-a: {FREE}}}", "list-a: expected a label"),
        ("operations: {POST /a: {tier: N3, effect: creates, billing: none}}", "name a cleanup"),
        (
            "operations: {POST /a: {tier: N3, effect: creates, billing: none, cleanup: DELETE /b}}",
            "unknown operation: DELETE /b",
        ),
        (_pair("N3", "creates", "GET /a", "reads"), "GET /a reads and destroys nothing"),
        (_pair("N2", "creates", "DELETE /a, cleanup_reason: why", "destroys"), "but there is one"),
        (_pair("N0", "reads", "DELETE /a", "destroys"), "reads and creates nothing"),
        ("operations: {POST /a: {tier: N0, effect: computes, billing: tokens}}", "tier free-read"),
        ("operations: {POST /a: {tier: N0, effect: changes, billing: none}}", "tier free-read"),
        ("operations: {POST /a: {tier: N1, effect: changes, billing: tokens}}", "tier cheap-compute"),
        (
            "operations: {POST /a: {tier: N2, effect: creates, billing: none, cleanup_reason: why}}",
            "tier creates",
        ),
        ("operations: {POST /a: {tier: D, effect: changes, billing: none}}", "tier destroys"),
        ("operations: {DELETE /a: {tier: N3, effect: destroys, billing: none}}", "not billed"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "operations.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=complaint):
        load_policies(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="cannot be read"):
        load_policies(tmp_path / "operations.yaml")


def test_a_small_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "operations.yaml"
    path.write_text(
        "operations:\n"
        "  POST /a: {tier: N2, effect: creates, billing: none, cleanup: 'DELETE /a/{id}', live: Slow.}\n"
        f"  DELETE /a/{{id}}: {DELETE}\n"
        "  POST /b: {tier: N1, effect: computes, billing: tokens, limit: {trial: 5, production: null}}\n",
        encoding="utf-8",
    )
    policies = load_policies(path)
    assert list(policies) == ["POST /a", "DELETE /a/{id}", "POST /b"]
    assert policies["POST /a"].cleanup == "DELETE /a/{id}"
    limit = policies["POST /b"].limit
    assert limit is not None
    assert (limit.trial, limit.production, limit.unit, limit.per) == (5, None, "calls", "minute")
