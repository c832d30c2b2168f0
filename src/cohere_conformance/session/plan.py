"""The plan of a run: its target, its key, and what may be sent.

The rules protect the owner of the key: no server but the user's own is contacted without `--live`, and then
only operations that read or cost little are called (`contracts/operations.yaml` lists their tiers).
"""

from __future__ import annotations

import enum
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from cohere_conformance.access import DIRECT, Access
from cohere_conformance.cases import PROFILES
from cohere_conformance.client.added import NO_FIELDS, AddedFields, secrets_of
from cohere_conformance.client.address import Address, address
from cohere_conformance.contract.features import shipped_features
from cohere_conformance.contract.named import implemented
from cohere_conformance.contract.tiers import TIER_ALIASES, Tier
from cohere_conformance.curl import KEY_VARIABLE
from cohere_conformance.errors import UsageError
from cohere_conformance.names import unknown
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.reference.faults import chosen
from cohere_conformance.reference.keys import EXPIRED, PRODUCTION, TRIAL
from cohere_conformance.report.shard import Shard, parse_shard
from cohere_conformance.sdk.parsers import NO_SDKS, SdkParsers
from cohere_conformance.session.role_models import check_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEY = KEY_VARIABLE
"""The environment variable of the key, the same as in the vendor's SDKs."""
LIVE_TIERS = frozenset({Tier.FREE_READ, Tier.CHEAP_COMPUTE})
"""Tiers that are sent to a live host unless `--allow` names more."""
LIVE_REQUESTS = 500
"""Maximum number of requests to a live host unless `--max-requests` is given."""
NIGHT_REQUESTS = 300
"""The same for a run whose cases are planned."""


class TargetKind(enum.StrEnum):
    """Whose server the target is, which decides what may be sent to it."""

    EMBEDDED = "embedded"
    """The reference server, in this process."""
    OWN = "own"
    """A server of the user: on this machine, or on a host that `--own-server` says is the user's."""
    LIVE = "live"
    """A server of somebody else: somebody pays for it, or depends on it."""
    RECORDED = "recorded"
    """No server: the responses are recorded ones."""


class RunOptions(msgspec.Struct, frozen=True):
    """The options of a run.

    Attributes:
        url: base URL of the target, or path of its Unix socket; `None` for the embedded reference server.
        live: the target may be the server of somebody else.
        own: the host of the target is the user's, wherever it is.
        key_variable: environment variable with the key; empty to send none.
        access: how the target is reached besides its URL.
        profile: of the target; by default the one that fits its kind.
        declares: what the target implements: groups (`chat`), groups of one version (`v2.chat`), operations
            (`POST /v2/chat`); all operations if empty.
        without: ids of the features that it does without.
        protocol_only: only the protocol is judged: the target has canned answers.
        sdks: the official SDKs that parse what deviates.
        only: the groups to run; all if empty.
        cases: ids of the cases to run; all if empty.
        allow: further tiers that may be sent to a live host.
        max_requests: maximum number of requests.
        max_billed: the most that may be billed, by unit.
        no_plan: run all cases against a live host, not only those that are planned for the night.
        dry: nothing is sent, so that no key is needed.
        faults: names of faults of the embedded reference server.
        seed: of the order of calls in lifecycle tests, and of the fuzzer; fixed if not given.
        seconds: after which the run ends; `None` without a limit.
        patience: seconds to wait for a job on the target; as each case says if not given.
        request_timeout: seconds that one response may take; by the kind of the target if not given.
        models: names of models by the role that they have in cases; see `contracts/models.yaml`.
        shard: the share of the cases to run, such as `2/4`; all of them if not given.
    """

    url: str | None = None
    live: bool = False
    own: bool = False
    key_variable: str = KEY
    access: Access = DIRECT
    profile: str | None = None
    declares: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    protocol_only: bool = False
    sdks: SdkParsers = NO_SDKS
    only: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    max_requests: int | None = None
    max_billed: dict[str, float] = {}
    no_plan: bool = False
    dry: bool = False
    faults: tuple[str, ...] = ()
    seed: int | None = None
    seconds: float | None = None
    patience: float | None = None
    request_timeout: float | None = None
    models: dict[str, str] = {}
    shard: str | None = None


class Plan(msgspec.Struct, frozen=True):
    """What a run may do.

    Attributes:
        target_kind: whose server the target is.
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
        request_timeout: seconds that one response may take, if given.
        key_variable: environment variable with the key.
        access: how the target is reached besides its URL.
        added: the header fields of `access` with their values.
        models: names of models by role, as the caller decides.
        without: ids of the features that the target does without.
        protocol_only: only the protocol is judged.
        shard: the share of the cases that is run; `None` for all of them.
        sdks: the official SDKs that parse what deviates.
        max_billed: the most that may be billed, by unit.
        planned: whether only the cases are run that are planned for the night.
        canaries: ids of cases that may be sent although they call retired operations.
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
    request_timeout: float | None = None
    key_variable: str = KEY
    access: Access = DIRECT
    added: AddedFields = NO_FIELDS
    models: dict[str, str] = {}
    without: tuple[str, ...] = ()
    protocol_only: bool = False
    shard: Shard | None = None
    sdks: SdkParsers = NO_SDKS
    max_billed: dict[str, float] = {}
    planned: bool = False
    canaries: frozenset[str] = frozenset()

    @property
    def shown_url(self) -> str | None:
        """The address of the target for a reader."""
        return None if self.url is None else Address(self.url, self.access.socket).shown


def plan(
    options: RunOptions,
    operations: Mapping[str, str],
    environment: Mapping[str, str],
    *,
    live_tiers: frozenset[Tier] = LIVE_TIERS,
    recorded_url: str | None = None,
    nightly: bool = False,
) -> Plan:
    """Return the plan of a run.

    Args:
        options: of the run.
        operations: the group of every operation of the contract, by its label.
        environment: where the key is read from.
        live_tiers: what may be sent to a live host unless the caller allows more.
        recorded_url: base URL of recorded requests, where the responses are recorded ones as well.
        nightly: the cases that a live host is sent are planned, unless the options name some.

    Raises:
        UsageError: an option has an invalid value, or one that is not allowed here; or the official SDK is to
            be used and not installed.
    """
    known = frozenset(operations.values())
    where = address("--url", options.url) if options.url is not None and recorded_url is None else None
    target_kind = _target_kind(where, options) if recorded_url is None else TargetKind.RECORDED
    if options.faults and target_kind is not TargetKind.EMBEDDED:
        raise UsageError("--fault is for the embedded reference server: expected no --url, got one")
    if options.live and target_kind is not TargetKind.LIVE:
        raise UsageError(
            "--live is for the server of somebody else: expected its address in --url, got a target that is "
            f"{target_kind}"
        )
    key = environment.get(options.key_variable, "").strip() if options.key_variable else ""
    if target_kind is TargetKind.LIVE:
        _guard(options, key)
    access = msgspec.structs.replace(options.access, socket=where.socket) if where else DIRECT
    # One that was asked for and is not installed is an error of the call.
    options.sdks.require()
    if options.faults:
        chosen(options.faults)  # an unknown name is a usage error
    profile = options.profile or ("live-2026" if target_kind is TargetKind.LIVE else "contract")
    if profile not in PROFILES:
        raise UsageError(unknown("--profile", profile, PROFILES))
    allowed = live_tiers | _tiers(options.allow)
    live = target_kind is TargetKind.LIVE
    planned = live and nightly and not (options.no_plan or options.cases)
    return Plan(
        target_kind=target_kind,
        url=recorded_url or (where.url if where else None),
        profile=profile,
        declares=implemented(options.declares, operations),
        declared=tuple(sorted(options.declares)),
        selected=_groups("--only", options.only, known),
        cases=frozenset(options.cases),
        tiers=allowed if target_kind is TargetKind.LIVE else frozenset(Tier),
        max_requests=options.max_requests or _most_requests(live=live, planned=planned),
        key=_key(key, options, target_kind),
        faults=options.faults,
        seed=options.seed,
        seconds=options.seconds,
        patience=options.patience,
        models=check_models(options.models),
        request_timeout=options.request_timeout,
        key_variable=options.key_variable if where else KEY,
        access=access,
        added=AddedFields(access, environment),
        without=shipped_features().chosen(options.without),
        protocol_only=options.protocol_only,
        shard=None if options.shard is None else parse_shard(options.shard),
        sdks=options.sdks,
        max_billed=options.max_billed,
        planned=planned,
    )


def _most_requests(*, live: bool, planned: bool) -> int | None:
    if not live:
        return None
    return NIGHT_REQUESTS if planned else LIVE_REQUESTS


def _target_kind(where: Address | None, options: RunOptions) -> TargetKind:
    """Return whose server the target is: the one decision on which everything else depends."""
    if where is None:
        if options.own:
            raise UsageError("--own-server is for a server of yours: expected its address in --url, got none")
        return TargetKind.EMBEDDED
    if options.own and where.is_vendors:
        raise UsageError(
            f"--own-server: expected a host of yours in --url, got {where.host}, which is the vendor's; "
            "use --live instead"
        )
    return TargetKind.OWN if options.own or where.is_local else TargetKind.LIVE


def _key(key: str, options: RunOptions, target_kind: TargetKind) -> Secret | None:
    if target_kind is TargetKind.EMBEDDED:
        return Secret(PRODUCTION)
    if not options.key_variable:
        return None
    # A server that checks no key accepts any, and a reference server on a port has this one.
    return Secret(key or PRODUCTION)


def _guard(options: RunOptions, key: str) -> None:
    if not options.live:
        raise UsageError(
            f"--url {options.url} is not on this machine: expected --own-server if the host is yours, or "
            "--live, which allows requests to the server of somebody else, limited to "
            f"{' and '.join(sorted(LIVE_TIERS))} operations"
        )
    if not key and not options.dry:
        raise UsageError(
            f"--live: expected a key in the environment variable {options.key_variable or KEY}, got none"
        )
    if not options.access.tls_verify:
        raise UsageError("--no-tls-verify is for servers of yours: expected another target, got --live")
    if urlsplit(options.url or "").scheme != "https":
        raise UsageError(f"--url {options.url}: expected https, because the key would be sent in clear text")


def _groups(option: str, names: tuple[str, ...], known: frozenset[str]) -> frozenset[str]:
    for name in names:
        if name not in known:
            raise UsageError(unknown(option, name, known))
    return frozenset(names) or known


def _tiers(names: tuple[str, ...]) -> frozenset[Tier]:
    for name in names:
        if name not in {*Tier, *TIER_ALIASES}:
            raise UsageError(unknown("--allow", name, tuple(Tier)))
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


def secrets(
    environment: Mapping[str, str], key_variable: str = KEY, variables: Iterable[str] = ()
) -> list[Secret]:
    """Return every key in the environment, none of which must be shown.

    Args:
        environment: may also have invalid keys, which are rejected where they would be used.
        key_variable: the variable with the key of the run.
        variables: those with values of header fields.
    """
    found = []
    for name in {KEY, key_variable, "CONFORMANCE_TRIAL_KEY", "CONFORMANCE_EXPIRED_KEY"}:
        with suppress(UsageError):
            found.append(Secret(environment.get(name, "")))
    with suppress(UsageError):
        found += secrets_of(environment.get(name, "") for name in variables)
    return found
