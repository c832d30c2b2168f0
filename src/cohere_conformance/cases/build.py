"""Builds cases and resources from the entries of a file, and checks what they mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.cases.expectations import capture, conditions, expectation
from cohere_conformance.cases.grammar import ExpectEntry
from cohere_conformance.cases.model import PROFILES, Case, Removal, Resource, Skip, Wait
from cohere_conformance.cases.request_template import Credential
from cohere_conformance.cases.requests import parse_request
from cohere_conformance.contract.tiers import TIER_ALIASES, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.cases.case_file import Steps
    from cohere_conformance.cases.grammar import (
        CaseEntry,
        ProfileEntry,
        RemovalEntry,
        ResourceEntry,
        WaitEntry,
    )
    from cohere_conformance.cases.scope import Scope
    from cohere_conformance.model import Expectation

_ID = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_NAME = re.compile(r"[a-z0-9-]+")


def case_at(scope: Scope, number: int, entry: CaseEntry) -> Case:
    """Return a case of the file.

    Raises:
        CaseError: it is invalid.
    """
    steps: Steps = ("cases", number)
    if not _ID.fullmatch(entry.id) or not entry.id.startswith(f"{scope.group}."):
        raise scope.error(
            (*steps, "id"),
            f"expected an id such as {scope.group}.v2.plain, got {entry.id!r}; begin with the group, and use "
            "lower-case letters, digits and hyphens between dots",
        )
    needs = scope.needs((*steps, "needs"), entry.needs)
    scope = scope.needing(needs)
    return Case(
        id=entry.id,
        group=scope.group,
        about=entry.about,
        tier=_tier(scope, steps, entry),
        key=Credential(scope.one_of((*steps, "key"), entry.key, tuple(Credential), "a key")),
        needs=needs,
        template=parse_request(scope, steps, entry),
        expect=expectation(scope, (*steps, "expect"), entry.expect, entry.operation),
        profiles={
            name: _profile(scope, (*steps, "profiles", name), name, profile, entry.operation)
            for name, profile in entry.profiles.items()
        },
        file=scope.source.file,
        line=scope.source.line((*steps, "id")),
    )


def _tier(scope: Scope, steps: Steps, entry: CaseEntry) -> Tier:
    usual = scope.policies[scope.operation(steps, entry.operation)].tier
    if entry.tier is None:
        if entry.tier_reason is None:
            return usual
        raise scope.error((*steps, "tier-reason"), "expected a tier with its reason, got none; add tier")
    named = TIER_ALIASES.get(entry.tier, entry.tier)  # by its old name as well
    tier = Tier(scope.one_of((*steps, "tier"), named, tuple(Tier), "a tier"))
    if tier is usual:
        said = f"expected a tier other than that of the operation, got {tier}; leave it out"
        raise scope.error((*steps, "tier"), said)
    if not entry.tier_reason:
        said = f"expected a reason why it is {tier} and not {usual}, got none; add tier-reason"
        raise scope.error((*steps, "tier"), said)
    return tier


def _profile(scope: Scope, steps: Steps, name: str, entry: ProfileEntry, label: str) -> Expectation | Skip:
    scope.one_of(steps, name, PROFILES, "a profile")
    if entry.expect is not None and entry.skip is None:
        return expectation(scope, (*steps, "expect"), entry.expect, label)
    if entry.skip and entry.expect is None:
        return Skip(entry.skip)
    got = "both" if entry.expect is not None else "neither"
    raise scope.error(steps, f"expected either expect or skip, got {got}; keep one of them")


def resource_at(scope: Scope, name: str, entry: ResourceEntry) -> Resource:
    """Return a resource of the file.

    Raises:
        CaseError: it is invalid.
    """
    steps: Steps = ("resources", name)
    if not _NAME.fullmatch(name):
        raise scope.error(steps, f"expected lower-case letters, digits and hyphens, got {name!r}; rename it")
    full = f"{scope.group}.{name}"
    needs = scope.needs((*steps, "needs"), entry.needs)
    scope = scope.needing(needs)
    create = parse_request(scope, (*steps, "create"), entry.create)
    captured = capture(scope, (*steps, "capture"), entry.capture)
    scope = scope.having(full, captured)
    # It is deleted even if waiting for it has failed.
    remove = tuple(_removals(scope, steps, full, entry))
    wait = None if entry.wait is None else _wait(scope, (*steps, "wait"), entry.wait)
    if wait is not None:
        _check_own(scope, (*steps, "wait", "capture"), wait.capture, captured)
    return Resource(
        name=full,
        about=entry.about,
        tier=scope.policies[create.operation].tier,
        needs=needs,
        create=create,
        capture=captured,
        wait=wait,
        remove=remove,
        file=scope.source.file,
        line=scope.source.line(steps),
    )


def _removals(scope: Scope, steps: Steps, name: str, entry: ResourceEntry) -> Iterator[Removal]:
    """Yield the requests that delete a resource; each may use values that earlier ones have captured."""
    known = {*entry.capture, *(entry.wait.capture if entry.wait else ())}
    if not isinstance(entry.remove, list):
        yield _removal(scope, (*steps, "remove"), entry.remove, known)
        return
    for number, one in enumerate(entry.remove):
        removal = _removal(scope, (*steps, "remove", number), one, known)
        yield removal
        scope = scope.having(name, removal.capture)
        known |= removal.capture.keys()


def _removal(scope: Scope, steps: Steps, entry: RemovalEntry, known: Iterable[str]) -> Removal:
    send = parse_request(scope, steps, entry)
    captured = capture(scope, (*steps, "capture"), entry.capture)
    _check_own(scope, (*steps, "capture"), captured, known)
    since = capture(scope, (*steps, "since"), entry.since)
    for name in sorted(since.keys() - {*known}):
        said = f"expected the name of a captured time, got {name}; capture it"
        raise scope.error((*steps, "since", name), said)
    return Removal(
        send=send,
        status=expectation(scope, steps, ExpectEntry(status=entry.status), send.operation).status,
        until=conditions(scope, (*steps, "until"), entry.until, send.operation),
        seconds=_seconds(scope, steps, entry.seconds),
        capture=captured,
        since=since,
    )


def _check_own(scope: Scope, steps: Steps, names: Iterable[str], known: Iterable[str]) -> None:
    for twice in sorted({*names} & {*known}):
        raise scope.error(
            (*steps, twice),
            f"expected a unique name, got {twice}, which is captured already; rename one of them",
        )


def _seconds(scope: Scope, steps: Steps, seconds: float) -> float:
    if not 0 < seconds < float("inf"):
        said = f"expected a number of seconds above 0, got {seconds}; change it"
        raise scope.error((*steps, "seconds"), said)
    return seconds


def _wait(scope: Scope, steps: Steps, entry: WaitEntry) -> Wait:
    send = parse_request(scope, (*steps, "send"), entry.send)
    if not entry.until:
        raise scope.error((*steps, "until"), "expected at least one location, got none; add one")
    return Wait(
        send=send,
        until=conditions(scope, (*steps, "until"), entry.until, send.operation),
        fail=conditions(scope, (*steps, "fail"), entry.fail, send.operation),
        seconds=_seconds(scope, steps, entry.seconds),
        capture=capture(scope, (*steps, "capture"), entry.capture),
    )
