"""Roles: a case says `${chat}` instead of the name of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from cohere_conformance.cases.model import Suite
from cohere_conformance.cases.template import filled, mapped
from cohere_conformance.contract.models import shipped_models
from cohere_conformance.model import Expectation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cohere_conformance.cases.model import Case, Conditions, Removal, Resource, Wait


def default_models(profile: str) -> dict[str, str]:
    """Return the model that each role means under a profile if nobody names another."""
    return {name: role.model(profile) for name, role in shipped_models().roles.items()}


def with_models(suite: Suite, models: Mapping[str, str]) -> Suite:
    """Return the suite with models in place of the roles.

    Args:
        suite: with placeholders for the roles, or with other models.
        models: by role; other roles keep the model that they have in the suite.
    """
    written, chosen = suite.written or suite, {**suite.models, **models}
    changed = {role for role, model in chosen.items() if suite.models.get(role) != model}
    if suite.written is not None and not changed:
        return suite
    # A role that had no model so far may be anywhere.
    everything = suite.written is None or not changed <= suite.models.keys()
    resources = {
        name: _resource(written.resources[name], chosen) if everything or changed & {*one.models} else one
        for name, one in suite.resources.items()
    }
    cases = tuple(
        _case(before, written, chosen) if everything or changed & {*case.models} else case
        for before, case in zip(written.cases, suite.cases, strict=True)
    )
    return Suite(cases, resources, chosen, written)


def case_with_models(case: Case, suite: Suite, models: Mapping[str, str]) -> Case:
    """Return a case of a suite with other models for its roles.

    Args:
        case: one of the suite.
        suite: of the case.
        models: by role.
    """
    if all(case.models.get(role, model) == model for role, model in models.items()):
        return case
    written, chosen = suite.written or suite, {**suite.models, **models}
    found = written.case(case.id)
    return case if found is None else _case(found, written, chosen)


def needed_resources(case: Case, suite: Suite) -> list[Resource]:
    """Return the resources that a case needs, in the order of creation, with the models of the case.

    Args:
        case: one of the suite, with its models or with others.
        suite: of the case.
    """
    written, chosen = suite.written or suite, {**suite.models, **case.models}
    return [_resource(one, chosen) for one in written.in_order(case.needs)]


def used_roles(cases: Iterable[Case]) -> list[str]:
    """Return the roles that cases use, in the order of their declaration."""
    used = {role for case in cases for role in case.models}
    return [role for role in shipped_models().roles if role in used]


def _case(case: Case, written: Suite, models: Mapping[str, str]) -> Case:
    used = _used(case.placeholders, models)
    for resource in written.in_order(case.needs):
        used |= _used(resource.placeholders, models)
    if not used:
        return case
    return replace(
        case,
        template=case.template.filled(models),
        expect=_expectation(case.expect, models),
        profiles={
            profile: _expectation(one, models) if isinstance(one, Expectation) else one
            for profile, one in case.profiles.items()
        },
        models=used,
    )


def _resource(resource: Resource, models: Mapping[str, str]) -> Resource:
    used = _used(resource.placeholders, models)
    if not used:
        return resource
    return replace(
        resource,
        create=resource.create.filled(models),
        wait=None if resource.wait is None else _wait(resource.wait, models),
        remove=tuple(_removal(one, models) for one in resource.remove),
        models=used,
    )


def _used(names: frozenset[str], models: Mapping[str, str]) -> dict[str, str]:
    return {name: models[name] for name in sorted(names) if name in models}


def _expectation(expected: Expectation, models: Mapping[str, str]) -> Expectation:
    return replace(
        expected,
        headers=_conditions(expected.headers, models),
        body=_conditions(expected.body, models),
    )


def _conditions(schemas: Conditions, models: Mapping[str, str]) -> Conditions:
    return cast("Conditions", mapped(schemas, lambda text: filled(text, models)))


def _wait(wait: Wait, models: Mapping[str, str]) -> Wait:
    return replace(
        wait,
        send=wait.send.filled(models),
        until=_conditions(wait.until, models),
        fail=_conditions(wait.fail, models),
    )


def _removal(removal: Removal, models: Mapping[str, str]) -> Removal:
    return replace(removal, send=removal.send.filled(models), until=_conditions(removal.until, models))
