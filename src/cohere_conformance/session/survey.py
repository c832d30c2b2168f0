"""Asks a server which operations it has, whether it wants a key, and below which path its API begins.

Only what reads, or computes and stores nothing, is sent: one request for each such operation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cohere_conformance.cases import Credential, Skip, shipped_suite
from cohere_conformance.cases.roles import with_models
from cohere_conformance.client.address import Address
from cohere_conformance.client.deadline import Deadline
from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.client.sender import Sender
from cohere_conformance.contract.collections import collection_of
from cohere_conformance.contract.models import shipped_models
from cohere_conformance.contract.tiers import Effect, Tier, shipped_policies
from cohere_conformance.errors import RefusedError, TargetError
from cohere_conformance.session import permission
from cohere_conformance.session.plan import TargetKind
from cohere_conformance.session.probe import probe
from cohere_conformance.session.role_models import LIST_PATH, LISTED, resolved
from cohere_conformance.session.worker import limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cohere_conformance.cases import Suite
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Response
    from cohere_conformance.report import RoleModel
    from cohere_conformance.session.plan import Plan

_HARMLESS = frozenset({Effect.READS, Effect.COMPUTES})
_REFUSES_KEY = frozenset({401, 403})
_MISSING = frozenset({405, 501})
"""Statuses of an operation that a server does not have; 404 is one if it is the response to any path."""
_LIST = Outgoing("GET", LIST_PATH)
_UNKNOWN = Outgoing("GET", "/v1/no-such-operation")
_PATHS = ("", "/cohere", "/api", "/api/cohere", "/compatibility")
"""Where an API may begin, if it does not where the user says."""
_VERSION = re.compile(r"/v[12]\Z")
_VARYING = re.compile(r"[0-9a-f-]{12,}|[0-9]+")


class Survey(NamedTuple):
    """What a server was found to have.

    Attributes:
        where: its address, with the path at which the API begins.
        statuses: the status of the response of each operation that was asked; 0 for none.
        missing: labels of the operations that it does not have.
        keyless: whether it answers requests without a key; `None` if that is not known.
        refused: whether it refuses the key.
        anything: whether it answers even requests for an unknown path.
        models: the model of each role, if the server lists models.
    """

    where: Address
    statuses: Mapping[str, int]
    missing: frozenset[str]
    keyless: bool | None
    refused: bool
    anything: bool
    models: tuple[RoleModel, ...]

    @property
    def present(self) -> frozenset[str]:
        """Labels of the operations that it has, as far as they were asked."""
        return frozenset(label for label, status in self.statuses.items() if status) - self.missing


def survey(plan: Plan, contract: Contract) -> Survey:
    """Ask the target of a plan.

    Args:
        plan: what may be sent; of it only what is harmless is.
        contract: the operations.

    Raises:
        TargetError: there is no server, or none that has any operation.
    """
    probe(plan, permission.guard(plan, contract), Deadline())
    for base in _bases(plan):
        found = _ask(msgspec.structs.replace(plan, url=base), contract)
        if found.present:
            return found
    tried = ", ".join(Address(base, plan.access.socket).shown for base in _bases(plan))
    raise TargetError(
        f"{plan.shown_url}: expected a server with operations of the API, got none of "
        f"them (tried {tried}); correct the URL, such as http://localhost:4000/PATH"
    )


def _bases(plan: Plan) -> list[str]:
    """Return the base URLs to try: as given, without a version at the end, then with other paths."""
    given = (plan.url or "").rstrip("/")
    shorter = _VERSION.sub("", given)
    if plan.target_kind is TargetKind.LIVE:
        return list(dict.fromkeys((given, shorter)))
    return list(dict.fromkeys((given, *(f"{shorter}{path}" for path in _PATHS))))


def _ask(plan: Plan, contract: Contract) -> Survey:
    with Sender(
        plan.url or "",
        gate=permission.guard(plan, contract),
        key=plan.key,
        key_variable=plan.key_variable,
        access=plan.access,
        added=plan.added,
        limits=limits(plan.target_kind, plan.request_timeout),
        source="init",
    ) as sender:
        unknown = sender.send(_UNKNOWN).response
        listed = sender.send(_LIST).response
        models = resolved(shipped_models().roles, plan.models, plan.profile, listed)
        suite = with_models(shipped_suite(), {one.role: one.model for one in models})
        statuses, missing = {}, set()
        sent: dict[str, Outgoing] = {}
        for label, outgoing in _requests(suite, contract, plan):
            try:
                response = sender.send(outgoing).response
            except RefusedError:
                continue
            statuses[label], sent[label] = response.status, outgoing
            if _is_missing(outgoing, response, unknown):
                missing.add(label)
        present = [
            label for label, status in statuses.items() if label not in missing and 200 <= status < 300
        ]
        keyless = None
        if present:
            bare = msgspec.structs.replace(sent[present[0]], has_key=False, key_variable="")
            keyless = sender.send(bare).response.status not in _REFUSES_KEY
    return Survey(
        where=Address(plan.url or "", plan.access.socket),
        statuses=statuses,
        missing=frozenset(missing),
        keyless=keyless,
        refused=bool(statuses)
        and not present
        and any(status in _REFUSES_KEY for status in statuses.values()),
        anything=200 <= unknown.status < 300,
        models=tuple(one for one in models if one.source == LISTED),
    )


def _requests(suite: Suite, contract: Contract, plan: Plan) -> Iterator[tuple[str, Outgoing]]:
    """Yield one harmless request for each operation for which there is one."""
    policies = shipped_policies()
    for label in contract.operations:
        policy = policies[label]
        method, path = label.split(" ", 1)
        if policy.effect not in _HARMLESS or policy.tier not in plan.tiers:
            continue
        if method == "GET" and "{" not in path:
            yield label, Outgoing(method, path)
            continue
        fitting = [
            case
            for case in suite.cases
            if case.operation == label
            and not case.needs
            and case.key is Credential.VALID
            and case.tier in {Tier.FREE_READ, Tier.CHEAP_COMPUTE}
            and not isinstance(expected := case.profiles.get(plan.profile, case.expect), Skip)
            and 200 in expected.status
        ]
        requests = [case.outgoing({"unique": "init", "run": "init"}) for case in fitting]
        if requests:
            yield label, min(requests, key=lambda outgoing: len(outgoing.body or b""))


def _is_missing(outgoing: Outgoing, response: Response, unknown: Response) -> bool:
    """Return whether a server does not have the operation: its response is that to any other path."""
    if response.status in _MISSING:
        return True
    if response.status != 404:
        return False
    # A server may also have the operation, and not the model.
    return unknown.status != 404 or _gist(outgoing, response) == _gist(_UNKNOWN, unknown)


def _gist(outgoing: Outgoing, response: Response) -> str:
    """Return a response without what belongs to the single request."""
    text = (response.body or b"").decode("utf-8", "replace")
    path = outgoing.path.partition("?")[0]
    for own in (path, path.removeprefix("/"), outgoing.method):
        text = text.replace(own, "")
    return _VARYING.sub("", text.lower())


def names_of(found: Survey, contract: Contract) -> tuple[str, ...]:
    """Return what the server declares, in as few names as possible; nothing if that is everything.

    An operation that was not asked counts as present if another one of its collection is.
    """
    groups = contract.groups
    asked = {collection_of(label) for label in found.present}
    present = {
        label
        for label in groups
        if label in found.present or (label not in found.statuses and collection_of(label) in asked)
    }
    if present == set(groups):
        return ()
    names: list[str] = []
    for group in dict.fromkeys(groups.values()):
        labels = [label for label in groups if groups[label] == group]
        if present.issuperset(labels):
            names.append(group)
            continue
        for version in ("v1", "v2"):
            of_version = [label for label in labels if f" /{version}/" in label]
            here = [label for label in of_version if label in present]
            names += [f"{version}.{group}"] if here and here == of_version else here
    return tuple(names)
