"""Written cases as values: one exchange each, and the resources that some of them need."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from cohere_conformance.cases.request_template import Credential, RequestTemplate
from cohere_conformance.cases.template import mapped, placeholders, rendered
from cohere_conformance.contract.tiers import Tier
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Expectation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cohere_conformance.client.sender import Outgoing

PROFILES = ("contract", "live-2026")
"""What a target can be: a server of everything that is declared, or of what the live API still serves."""

Conditions = dict[str, dict[str, object] | bool]
"""JSON Schema of what stands at a place, as in `Expectation.body`."""


class Skip(msgspec.Struct, frozen=True):
    """Why a case is not run under a profile."""

    reason: str


class Wait(msgspec.Struct, frozen=True):
    """What must have happened before a resource can be used.

    Attributes:
        send: what is asked again and again.
        until: what the answer must say.
        fail: what the answer says when it will never say that; empty where nothing does.
        seconds: how long it may take.
        capture: JSON pointers into the last answer, by name.
    """

    send: RequestTemplate
    until: Conditions
    fail: Conditions
    seconds: float
    capture: dict[str, str]


class Removal(msgspec.Struct, frozen=True):
    """One request of those that remove something.

    Attributes:
        send: the request; it is left out where nothing was captured that it needs.
        status: the statuses that are right.
        until: what the answer must say before the next request is sent; empty where nothing is waited for.
        seconds: how long it may take.
        capture: JSON pointers into the last answer, by name: what else has to be removed.
        since: likewise, by the name of a time that was captured before: the time there must not be an earlier
            one. Where it is, or where there is none, nothing more is removed: what a job tells to be its
            result may be somebody else's.
    """

    send: RequestTemplate
    status: tuple[int, ...]
    until: Conditions
    seconds: float
    capture: dict[str, str]
    since: dict[str, str]


class Resource(msgspec.Struct, frozen=True):
    """Something on the server that cases need: made before them, removed after them.

    Attributes:
        name: full name, such as `datasets.small-dataset`.
        about: what it is.
        tier: how freely it may be made live.
        needs: full names of the resources it is made from.
        create: the request that makes it.
        capture: JSON pointers into the answer of `create`, by name; a placeholder is named after both
            (`${datasets.small-dataset.id}`).
        wait: what must have happened before it can be used.
        remove: the requests that remove it, in order.
        file: where it is written.
        line: the line in it.
    """

    name: str
    about: str
    tier: Tier
    needs: tuple[str, ...]
    create: RequestTemplate
    capture: dict[str, str]
    wait: Wait | None
    remove: tuple[Removal, ...]
    file: str
    line: int


class Case(msgspec.Struct, frozen=True):
    """One thing to send, and what must come back beyond the contract.

    Attributes:
        id: unique over all files; begins with the group.
        group: the folder it is written in.
        about: what a reader learns from it.
        tier: how freely it may be sent live: that of its operation unless the case has one of its own.
        key: which API key it is sent with.
        needs: full names of the resources it needs.
        template: the request, with placeholders.
        expect: what must come back, with placeholders; `expectation` gives it for a target.
        profiles: what differs under a profile of the target.
        file: where it is written.
        line: the line in it.
    """

    id: str
    group: str
    about: str
    tier: Tier
    key: Credential
    needs: tuple[str, ...]
    template: RequestTemplate
    expect: Expectation
    profiles: dict[str, Expectation | Skip]
    file: str
    line: int

    @property
    def operation(self) -> str:
        """Label of the operation, such as `POST /v2/chat`."""
        return self.template.operation

    @property
    def placeholders(self) -> frozenset[str]:
        """The names of everything in it that is only known while it runs."""
        return placeholders(msgspec.to_builtins((self.template, self.expect, self.profiles)))

    def skip(self, profile: str) -> Skip | None:
        """Return why the case is not run under the profile, if it is not: no resource need be made then."""
        told = self.profiles.get(profile)
        return told if isinstance(told, Skip) else None

    def expectation(self, profile: str, values: Mapping[str, str] | None = None) -> Expectation | Skip:
        """Return what must come back from a target of the profile, or why the case is not run there.

        Args:
            profile: of the target.
            values: of the placeholders; needed where the expectation has some.

        Raises:
            UsageError: a value is missing.
        """
        told = self.profiles.get(profile, self.expect)
        if isinstance(told, Skip):
            return told
        known = values or {}
        return Expectation(
            status=told.status,
            headers=conditions(told.headers, known),
            body=conditions(told.body, known),
        )

    def outgoing(self, values: Mapping[str, str], authorization: str | None = None) -> Outgoing:
        """Return the request that goes out.

        Args:
            values: of the placeholders: `unique`, `run`, and those of the resources by their full names.
            authorization: the `Authorization` header where the case is sent with a trial or expired key.

        Raises:
            UsageError: a value is missing, or that header.
        """
        return self.template.outgoing(values, name=self.id, key=self.key, authorization=authorization)


def conditions(templates: Conditions, values: Mapping[str, str]) -> Conditions:
    """Return the conditions with the values of their placeholders.

    Raises:
        UsageError: a value is missing.
    """
    return cast("Conditions", mapped(templates, lambda text: rendered(text, values)))


class Suite(msgspec.Struct, frozen=True):
    """Every written case.

    Attributes:
        cases: by the names of their groups, and in the order of each file.
        resources: by full name.
    """

    cases: tuple[Case, ...]
    resources: dict[str, Resource]

    def in_order(self, names: Iterable[str]) -> tuple[Resource, ...]:
        """Return the resources and all that they need, in the order to make them.

        Raises:
            UsageError: there is no resource of that name.
        """
        found: dict[str, Resource] = {}

        def add(name: str) -> None:
            if name in found:
                return
            if name not in self.resources:
                known = ", ".join(sorted(self.resources)) or "none"
                raise UsageError(f"expected the name of a resource, got {name!r}; there are {known}")
            resource = self.resources[name]
            for need in resource.needs:
                add(need)
            found[name] = resource

        for name in names:
            add(name)
        return tuple(found.values())
