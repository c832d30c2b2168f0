"""The plan of a run: its target, its key, and what may be sent.

The rules protect the owner of the key: no host but this one is contacted without `--live`, and then only
operations that read or cost little are called (`contracts/operations.yaml` lists their tiers).
"""

from __future__ import annotations

import enum
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from cohere_conformance.cases import PROFILES
from cohere_conformance.client.address import base_url, is_loopback
from cohere_conformance.contract.named import implemented
from cohere_conformance.contract.tiers import Tier
from cohere_conformance.curl import KEY_VARIABLE
from cohere_conformance.errors import UsageError
from cohere_conformance.names import unknown
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.reference.faults import chosen
from cohere_conformance.reference.keys import EXPIRED, PRODUCTION, TRIAL

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = KEY_VARIABLE
"""The environment variable of the key, the same as in the vendor's SDKs."""
LIVE_TIERS = frozenset({Tier.N0, Tier.N1})
"""Tiers that are sent to a live host unless `--allow` names more."""
LIVE_REQUESTS = 500
"""Maximum number of requests to a live host unless `--max-requests` is given."""


class TargetKind(enum.StrEnum):
    """Where the target is."""

    EMBEDDED = "embedded"
    """The reference server, in this process."""
    LOOPBACK = "loopback"
    """Another server on this machine."""
    LIVE = "live"
    """A server on another host: somebody pays for it, or depends on it."""
    RECORDED = "recorded"
    """No server: the responses are recorded ones."""


class RunOptions(msgspec.Struct, frozen=True):
    """The options of a run.

    Attributes:
        url: base URL of the target; `None` for the embedded reference server.
        live: the target may be on another host.
        profile: of the target; by default the one that fits its kind.
        declares: what the target implements: groups (`chat`), groups of one version (`v2.chat`), operations
            (`POST /v2/chat`); all operations if empty.
        only: the groups to run; all if empty.
        cases: ids of the cases to run; all if empty.
        allow: further tiers that may be sent to a live host.
        max_requests: maximum number of requests.
        faults: names of faults of the embedded reference server.
        seed: of the order of calls in lifecycle tests, and of the fuzzer; fixed if not given.
        seconds: after which the run ends; `None` without a limit.
        patience: seconds to wait for a job on the target; as each case says if not given.
    """

    url: str | None = None
    live: bool = False
    profile: str | None = None
    declares: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    max_requests: int | None = None
    faults: tuple[str, ...] = ()
    seed: int | None = None
    seconds: float | None = None
    patience: float | None = None


class Plan(msgspec.Struct, frozen=True):
    """What a run may do.

    Attributes:
        target_kind: where the target is.
        url: its base URL; `None` while the embedded server has none.
        profile: what it is expected to be.
        declares: labels of the operations that it implements.
        declared: the same as named in the options; empty for all.
        selected: the groups that are run.
        cases: ids of the cases that are run; all of the groups if empty.
        tiers: what may be sent.
        max_requests: maximum number of requests, if there is a limit.
        key: that requests are sent with; `None` for none.
        faults: names of faults of the embedded reference server.
        seed: of the order of calls in lifecycle tests, and of the fuzzer.
        seconds: after which the run ends; `None` without a limit.
        patience: seconds to wait for a job on the target, if given.
    """

    target_kind: TargetKind
    url: str | None
    profile: str
    declares: frozenset[str]
    declared: tuple[str, ...]
    selected: frozenset[str]
    cases: frozenset[str]
    tiers: frozenset[Tier]
    max_requests: int | None
    key: Secret | None
    faults: tuple[str, ...]
    seed: int | None = None
    seconds: float | None = None
    patience: float | None = None


def plan(
    options: RunOptions,
    operations: Mapping[str, str],
    environment: Mapping[str, str],
    *,
    live_tiers: frozenset[Tier] = LIVE_TIERS,
    recorded_url: str | None = None,
) -> Plan:
    """Return the plan of a run.

    Args:
        options: of the run.
        operations: the group of every operation of the contract, by its label.
        environment: where the key is read from.
        live_tiers: what may be sent to a live host unless the caller allows more.
        recorded_url: base URL of recorded requests, where the responses are recorded ones as well.

    Raises:
        UsageError: an option has an invalid value, or one that is not allowed here.
    """
    known = frozenset(operations.values())
    target_kind = _target_kind(options.url) if recorded_url is None else TargetKind.RECORDED
    if options.faults and target_kind is not TargetKind.EMBEDDED:
        raise UsageError("--fault is for the embedded reference server: expected no --url, got one")
    if options.live and target_kind is not TargetKind.LIVE:
        raise UsageError(
            f"--live is for another host: expected its address in --url, got a target that is {target_kind}"
        )
    key = environment.get(KEY, "").strip()
    if target_kind is TargetKind.LIVE:
        _guard(options, key)
    if options.faults:
        chosen(options.faults)  # an unknown name is a usage error
    profile = options.profile or ("live-2026" if target_kind is TargetKind.LIVE else "contract")
    if profile not in PROFILES:
        raise UsageError(unknown("--profile", profile, PROFILES))
    allowed = live_tiers | _tiers(options.allow)
    return Plan(
        target_kind=target_kind,
        url=recorded_url or (options.url.rstrip("/") if options.url else None),
        profile=profile,
        declares=implemented(options.declares, operations),
        declared=tuple(sorted(options.declares)),
        selected=_groups("--only", options.only, known),
        cases=frozenset(options.cases),
        tiers=allowed if target_kind is TargetKind.LIVE else frozenset(Tier),
        max_requests=options.max_requests or (LIVE_REQUESTS if target_kind is TargetKind.LIVE else None),
        key=Secret(key) if key and target_kind is not TargetKind.EMBEDDED else Secret(PRODUCTION),
        faults=options.faults,
        seed=options.seed,
        seconds=options.seconds,
        patience=options.patience,
    )


def _target_kind(url: str | None) -> TargetKind:
    if url is None:
        return TargetKind.EMBEDDED
    host = base_url("--url", url).hostname or ""
    return TargetKind.LOOPBACK if is_loopback(host) else TargetKind.LIVE


def _guard(options: RunOptions, key: str) -> None:
    if not options.live:
        raise UsageError(
            f"--url {options.url} is not on this machine: expected --live, which allows requests to another "
            f"host, limited to {' and '.join(sorted(LIVE_TIERS))} operations"
        )
    if not key:
        raise UsageError(f"--live: expected a key in the environment variable {KEY}, got none")
    if urlsplit(options.url or "").scheme != "https":
        raise UsageError(f"--url {options.url}: expected https, because the key would be sent in clear text")


def _groups(option: str, names: tuple[str, ...], known: frozenset[str]) -> frozenset[str]:
    for name in names:
        if name not in known:
            raise UsageError(unknown(option, name, known))
    return frozenset(names) or known


def _tiers(names: tuple[str, ...]) -> frozenset[Tier]:
    for name in names:
        if name not in Tier.__members__:
            raise UsageError(unknown("--allow", name, Tier.__members__))
    return frozenset(Tier(name) for name in names)


def credentials(plan: Plan, *, reference: bool, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the `Authorization` fields of the further keys that cases use, by the name of the key.

    Args:
        plan: of the run.
        reference: the target is a reference server, whose keys are known.
        environment: `CONFORMANCE_TRIAL_KEY` and `CONFORMANCE_EXPIRED_KEY` name those of other targets.
    """
    keys = (
        {"trial": TRIAL, "expired": EXPIRED} if reference or plan.target_kind is TargetKind.EMBEDDED else {}
    )
    keys |= {
        name: key
        for name in ("trial", "expired")
        if plan.target_kind is not TargetKind.EMBEDDED
        and (key := environment.get(f"CONFORMANCE_{name.upper()}_KEY"))
    }
    return {name: f"Bearer {key}" for name, key in keys.items()}


def secrets(environment: Mapping[str, str]) -> list[Secret]:
    """Return every key in the environment, none of which must be shown.

    Args:
        environment: may also have invalid keys, which are rejected where they would be used.
    """
    found = []
    for name in (KEY, "CONFORMANCE_TRIAL_KEY", "CONFORMANCE_EXPIRED_KEY"):
        with suppress(UsageError):
            found.append(Secret(environment.get(name, "")))
    return found
