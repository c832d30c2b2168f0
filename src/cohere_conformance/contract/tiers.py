"""What it means to call an operation live: may it run unattended, what it costs, what it leaves behind."""

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
    """How freely an operation may be called live."""

    N0 = "N0"
    """Reads, or computes for free: safe every night."""
    N1 = "N1"
    """Keeps nothing and costs a few units: safe every night with tiny inputs."""
    N2 = "N2"
    """Creates what the same run can delete: every night, with clean-up."""
    N3 = "N3"
    """Takes its time, costs, cannot be deleted, or needs a production key: weekly or by hand."""
    D = "D"
    """Destroys: only what the same run created."""
    X = "X"
    """Retired: only to see that it still fails as expected."""


class Effect(enum.StrEnum):
    """What a successful call does on the server."""

    READS = "reads"
    """Shows what is there."""
    COMPUTES = "computes"
    """Answers from its input and keeps nothing."""
    CREATES = "creates"
    """Leaves something behind that was not there."""
    CHANGES = "changes"
    """Alters something that was there."""
    DESTROYS = "destroys"
    """Takes away something that was there."""


class Billing(enum.StrEnum):
    """What a successful call is charged in."""

    NONE = "none"
    """Nothing."""
    TOKENS = "tokens"
    """Tokens, read and written."""
    IMAGES_OR_TOKENS = "images_or_tokens"
    """Tokens of text, images, or tokens of images, by model."""
    SEARCH_UNITS = "search_units"
    """Searches: one query with up to 100 documents each."""
    CLASSIFICATIONS = "classifications"
    """Classified inputs."""
    AUDIO_TIME = "audio_time"
    """Hours of audio, with production keys only."""
    TRAINING = "training"
    """Training of a model."""


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The documented rate limit.

    Attributes:
        trial: with a trial key; `None` where it is a matter of contract.
        production: with a production key, likewise.
        unit: what is counted.
        per: the span in which it is counted.
    """

    trial: int | None
    production: int | None
    unit: Literal["calls", "inputs"] = "calls"
    per: Literal["minute", "day"] = "minute"


class LivePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it means to call one operation live.

    Attributes:
        tier: how freely it may be called.
        effect: what it does on the server.
        billing: what it is charged in.
        cleanup: label of the operation that removes what this one created.
        cleanup_reason: why a creating operation has no such operation.
        limit: the documented rate limit, if there is one.
        live: what else to know before calling it live.
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
    """Return the live policy of each operation as it ships with the package, by the operation's label."""
    return MappingProxyType(load_policies(folder("contracts") / "operations.yaml"))


def load_policies(path: Path) -> dict[str, LivePolicy]:
    """Return the live policy of each operation, by the operation's label.

    Raises:
        ContractError: the file is broken, or a policy contradicts itself or another one.
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
    """Return what is wrong with how an operation's creations are removed, if anything is."""
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
    """Return what an operation does that its tier excludes, if anything."""
    harmless = policy.effect in {Effect.READS, Effect.COMPUTES}
    match policy.tier:
        case Tier.N0 if not harmless or policy.billing is not Billing.NONE:
            return "tier N0 is for what reads or computes for free"
        case Tier.N1 if not harmless:
            return "tier N1 is for what keeps nothing"
        case Tier.N2 if policy.effect is not Effect.CREATES or policy.cleanup is None:
            return "tier N2 is for what creates something that its cleanup can remove"
        case Tier.D if policy.effect is not Effect.DESTROYS:
            return "tier D is for what destroys"
        case tier if policy.effect is Effect.DESTROYS and tier not in {Tier.D, Tier.X}:
            return f"what destroys belongs to tier D, not {tier}"
    return ""
