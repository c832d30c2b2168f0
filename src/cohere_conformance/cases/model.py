"""Written cases as values: one exchange each, and the resources that some of them need."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

import msgspec

from cohere_conformance.cases.request_template import Credential, RequestTemplate
from cohere_conformance.cases.template import mapped, placeholders, rendered
from cohere_conformance.contract.tiers import Tier
from cohere_conformance.errors import UsageError
from cohere_conformance.model import Expectation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cohere_conformance.client.outgoing import Outgoing

PROFILES = ("contract", "live-2026")
"""The profiles of a target: a server of everything that is declared, or of what the live API still serves."""

Conditions = dict[str, dict[str, object] | bool]
"""JSON Schemas by location, as in `Expectation.body`."""


class Skip(msgspec.Struct, frozen=True):
    """Why a case is not run for a profile."""

    reason: str


class Wait(msgspec.Struct, frozen=True):
    """What must have happened before a resource can be used.

    Attributes:
        send: the request that is repeated.
        until: the conditions that its response must fulfil.
        fail: conditions of a response which show that waiting is useless; empty if there are none.
        seconds: how long it may take.
        capture: JSON pointers into the last response, by name.
    """

    send: RequestTemplate
    until: Conditions
    fail: Conditions
    seconds: float
    capture: dict[str, str]


class Removal(msgspec.Struct, frozen=True):
    """One of the requests that delete a resource.

    Attributes:
        send: the request; it is not sent if a value that it needs was not captured.
        status: the expected statuses.
        until: the conditions of a response before the next request is sent; empty if there are none.
        seconds: how long that may take.
        capture: JSON pointers into the last response, by name: further resources to delete.
        since: JSON pointers to times in the response, by the name of a captured time that must not be
            later. If it is, or if there is no time, nothing more is deleted: the resource that a job
            reports as its result may belong to somebody else.
    """

    send: RequestTemplate
    status: tuple[int, ...]
    until: Conditions
    seconds: float
    capture: dict[str, str]
    since: dict[str, str]


class Resource(msgspec.Struct, frozen=True, dict=True):
    """A resource on the server that cases need; it is created before them and deleted after them.

    Attributes:
        name: full name, such as `datasets.small-dataset`.
        about: what it is.
        tier: risk of creating it on a live target.
        needs: full names of the resources that it needs.
        create: the request that creates it.
        capture: JSON pointers into the response to `create`, by name; a placeholder consists of both names
            (`${datasets.small-dataset.id}`).
        wait: what must have happened before it can be used.
        remove: the requests that delete it, in order.
        file: its file, for messages.
        line: its line there.
        models: the model that each role in its requests means; empty while the roles are placeholders.
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
    models: dict[str, str] = {}

    @cached_property
    def placeholders(self) -> frozenset[str]:
        """The names of the placeholders in its requests."""
        return placeholders(msgspec.to_builtins((self.create, self.wait, self.remove)))


class Case(msgspec.Struct, frozen=True, dict=True):
    """A written case: one request, and what its response must be like in addition to the contract.

    Attributes:
        id: unique over all files; begins with the group.
        group: the folder of its file.
        about: one sentence about the behaviour that it shows.
        tier: risk of sending it to a live target: that of its operation, unless the case has its own.
        key: the credentials with which it is sent.
        needs: full names of the resources that it needs.
        template: the request, with placeholders.
        expect: what the response must be like, with placeholders; `expectation` returns it for a target.
        profiles: other expectations, or the reason to skip the case, by profile of the target.
        file: its file, for messages.
        line: its line there.
        models: the model that each role means, in the case and in the resources that it needs; empty
            while the roles are placeholders.
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
    models: dict[str, str] = {}

    @property
    def operation(self) -> str:
        """Label of the operation, such as `POST /v2/chat`."""
        return self.template.operation

    @cached_property
    def placeholders(self) -> frozenset[str]:
        """The names of its placeholders."""
        return placeholders(msgspec.to_builtins((self.template, self.expect, self.profiles)))

    def skip(self, profile: str) -> Skip | None:
        """Return why the case is not run for a profile; `None` if it is run."""
        expected = self.profiles.get(profile)
        return expected if isinstance(expected, Skip) else None

    def expectation(self, profile: str, values: Mapping[str, str] | None = None) -> Expectation | Skip:
        """Return what a target of the profile must respond, or why the case is not run for it.

        Args:
            profile: of the target.
            values: of the placeholders; needed if the expectation has some.

        Raises:
            UsageError: a value is missing.
        """
        expected = self.profiles.get(profile, self.expect)
        if isinstance(expected, Skip):
            return expected
        known = values or {}
        return Expectation(
            status=expected.status,
            headers=conditions(expected.headers, known),
            body=conditions(expected.body, known),
        )

    def outgoing(self, values: Mapping[str, str], authorization: str | None = None) -> Outgoing:
        """Return the request to send.

        Args:
            values: of the placeholders: `unique`, `run`, and those of the resources by their full names.
            authorization: the `Authorization` header, if the case is sent with a trial or expired key.

        Raises:
            UsageError: a value or that header is missing.
        """
        return self.template.outgoing(values, name=self.id, key=self.key, authorization=authorization)


def conditions(templates: Conditions, values: Mapping[str, str]) -> Conditions:
    """Return the conditions with the values of their placeholders.

    Raises:
        UsageError: a value is missing.
    """
    return cast("Conditions", mapped(templates, lambda text: rendered(text, values)))


class Suite(msgspec.Struct, frozen=True):
    """All written cases.

    Attributes:
        cases: in the order of the groups' names, and of each file.
        resources: by full name.
        models: the model that each role means; empty while the roles are placeholders.
        written: the same with placeholders for the roles; `None` for itself.
    """

    cases: tuple[Case, ...]
    resources: dict[str, Resource]
    models: dict[str, str] = {}
    written: Suite | None = None

    def case(self, name: str) -> Case | None:
        """Return the case with an id, if there is one."""
        return next((case for case in self.cases if case.id == name), None)

    def in_order(self, names: Iterable[str]) -> tuple[Resource, ...]:
        """Return resources with all that they need, in the order of creation.

        Raises:
            UsageError: there is no resource of that name.
        """
        found: dict[str, Resource] = {}

        def add(name: str) -> None:
            if name in found:
                return
            if name not in self.resources:
                known = ", ".join(sorted(self.resources)) or "none"
                raise UsageError(f"expected the name of a resource, got {name!r}; choose one of {known}")
            resource = self.resources[name]
            for need in resource.needs:
                add(need)
            found[name] = resource

        for name in names:
            add(name)
        return tuple(found.values())
