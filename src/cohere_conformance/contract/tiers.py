"""The live policy of operations: may they run unattended, what do they cost, what do they leave behind."""

from __future__ import annotations

import enum
import re
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import msgspec

from cohere_conformance.contract.documents import load_typed
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LABEL = re.compile(r"[A-Z]+ /\S+")


class Tier(enum.StrEnum):
    """How freely an operation may be called on the live API.

    The names that the tiers had before (`TIER_ALIASES`) are read as well: `Tier("N2")` is `Tier.CREATES`.
    """

    FREE_READ = "free-read"
    """Reads, or computes for free: safe every night."""
    CHEAP_COMPUTE = "cheap-compute"
    """Stores nothing and costs a few units: safe every night with tiny inputs."""
    CREATES = "creates"
    """Creates something that the same run can delete: every night, with clean-up."""
    BILLED = "billed"
    """Slow, costly, not deletable, or with production keys only: weekly or manually."""
    DESTROYS = "destroys"
    """Deletes: only what the same run created."""
    RETIRED = "retired"
    """Retired: only to check that it still fails as expected."""

    @classmethod
    def _missing_(cls, value: object) -> Tier | None:
        return TIER_ALIASES.get(value) if isinstance(value, str) else None


TIER_ALIASES: Mapping[str, Tier] = MappingProxyType(
    {
        "N0": Tier.FREE_READ,
        "N1": Tier.CHEAP_COMPUTE,
        "N2": Tier.CREATES,
        "N3": Tier.BILLED,
        "D": Tier.DESTROYS,
        "X": Tier.RETIRED,
    }
)
"""The tiers by the names that they had before."""


class Effect(enum.StrEnum):
    """The effect of a successful call on the server."""

    READS = "reads"
    """Reads."""
    COMPUTES = "computes"
    """Computes a response and stores nothing."""
    CREATES = "creates"
    """Creates a resource."""
    CHANGES = "changes"
    """Changes a resource."""
    DESTROYS = "destroys"
    """Deletes a resource."""


class Billing(enum.StrEnum):
    """The unit that a successful call is charged in."""

    NONE = "none"
    """Nothing."""
    TOKENS = "tokens"
    """Input and output tokens."""
    IMAGES_OR_TOKENS = "images_or_tokens"
    """Tokens of text, images, or tokens of images, by model."""
    SEARCH_UNITS = "search_units"
    """Searches: one query with up to 100 documents each."""
    CLASSIFICATIONS = "classifications"
    """Classified inputs."""
    AUDIO_TIME = "audio_time"
    """Hours of audio, with production keys only."""
    PAGES = "pages"
    """Pages of parsed documents."""
    TRAINING = "training"
    """Training of a model."""


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The documented rate limit.

    Attributes:
        trial: with a trial key; `None` if subject to a contract with the vendor.
        production: with a production key, likewise.
        unit: that is counted.
        per: the period of the limit.
    """

    trial: int | None
    production: int | None
    unit: Literal["calls", "inputs"] = "calls"
    per: Literal["minute", "day"] = "minute"


class LivePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The live policy of one operation.

    Attributes:
        tier: how freely it may be called.
        effect: on the server.
        billing: the unit that it is charged in.
        cleanup: label of the operation that removes what this one created.
        cleanup_reason: why a creating operation has no such operation.
        limit: the documented rate limit, if there is one.
        live: what else to know before calling it on the live API.
    """

    tier: Tier
    effect: Effect
    billing: Billing
    cleanup: str | None = None
    cleanup_reason: str = ""
    limit: Limit | None = None
    live: str = ""


class _Policies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file `contracts/operations.yaml`."""

    operations: dict[str, LivePolicy]


@cache
def shipped_policies() -> Mapping[str, LivePolicy]:
    """Return the shipped live policy of each operation, by label."""
    return MappingProxyType(load_policies(folder("contracts") / "operations.yaml"))


def load_policies(path: Path) -> dict[str, LivePolicy]:
    """Return the live policy of each operation, by the operation's label.

    Raises:
        ContractError: the file is malformed, or a policy is inconsistent.
    """
    policies = load_typed(path, _Policies).operations
    for label, policy in policies.items():
        fault = _cleanup_fault(policy, policies) or _tier_fault(policy)
        if not _LABEL.fullmatch(label):
            fault = "expected a label such as `POST /v2/chat`"
        if fault:
            raise ContractError(f"{path}: operation {label}: {fault}")
    return policies


def _cleanup_fault(policy: LivePolicy, policies: dict[str, LivePolicy]) -> str:
    """Return the problem of the clean-up of an operation, if any."""
    if policy.effect is not Effect.CREATES:
        stray = policy.cleanup is not None or policy.cleanup_reason
        return f"it {policy.effect} and creates nothing, so it needs no clean-up" if stray else ""
    if policy.cleanup is None:
        return "" if policy.cleanup_reason else "it creates something: name a cleanup or a cleanup_reason"
    if policy.cleanup_reason:
        return "a cleanup_reason says why there is no cleanup, but there is one"
    if policy.cleanup not in policies:
        return f"its cleanup names an unknown operation: {policy.cleanup}"
    effect = policies[policy.cleanup].effect
    return "" if effect is Effect.DESTROYS else f"its cleanup {policy.cleanup} {effect} and destroys nothing"


def _tier_fault(policy: LivePolicy) -> str:
    """Return the contradiction between an operation's effect and its tier, if any."""
    harmless = policy.effect in {Effect.READS, Effect.COMPUTES}
    match policy.tier:
        case Tier.FREE_READ if not harmless or policy.billing is not Billing.NONE:
            return "tier free-read is for what reads or computes for free"
        case Tier.CHEAP_COMPUTE if not harmless:
            return "tier cheap-compute is for what keeps nothing"
        case Tier.CREATES if policy.effect is not Effect.CREATES or policy.cleanup is None:
            return "tier creates is for what creates something that its cleanup can remove"
        case Tier.DESTROYS if policy.effect is not Effect.DESTROYS:
            return "tier destroys is for what destroys"
        case tier if policy.effect is Effect.DESTROYS and tier not in {Tier.DESTROYS, Tier.RETIRED}:
            return f"what destroys belongs to tier destroys, not {tier}"
    return ""
