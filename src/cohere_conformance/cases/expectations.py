"""Parses what a file of cases expects of responses: statuses, headers, values at locations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from cohere_conformance.cases.schema import fault
from cohere_conformance.contract.location import parse_location
from cohere_conformance.model import Expectation

if TYPE_CHECKING:
    from cohere_conformance.cases.case_file import Steps
    from cohere_conformance.cases.grammar import ExpectEntry
    from cohere_conformance.cases.model import Conditions
    from cohere_conformance.cases.scope import Scope

_NAME = re.compile(r"[a-z0-9_-]+")


def expectation(scope: Scope, steps: Steps, entry: ExpectEntry, label: str) -> Expectation:
    """Return what is expected of a response of the operation.

    Raises:
        CaseError: no response could ever be like that, or every one is.
    """
    statuses = entry.status if isinstance(entry.status, list) else [entry.status]
    if not statuses or any(not 100 <= status <= 599 for status in statuses):
        got = ", ".join(map(str, statuses)) or "none"
        raise scope.error((*steps, "status"), f"expected statuses between 100 and 599, got {got}; correct it")
    for name in entry.headers:
        if name != name.lower():
            raise scope.error(
                (*steps, "headers", name),
                f"expected a header name in lower case, got {name}; write {name.lower()}",
            )
    return Expectation(
        status=tuple(statuses),
        headers=_schemas(scope, (*steps, "headers"), entry.headers),
        body=conditions(scope, (*steps, "body"), entry.body, label),
    )


def conditions(scope: Scope, steps: Steps, schemas: Conditions, label: str) -> Conditions:
    """Return schemas by their locations in a response of the operation.

    Raises:
        CaseError: a location or a schema is invalid.
    """
    for text in schemas:
        here = (*steps, text)
        try:
            location = parse_location(text)
        except ValueError as error:
            raise scope.error(here, str(error)) from error
        if location.tag is not None:
            scope.one_of(here, location.tag, _events(scope, label), f"an event of {label}")
    return _schemas(scope, steps, schemas)


def capture(scope: Scope, steps: Steps, pointers: dict[str, str]) -> dict[str, str]:
    """Return JSON pointers by their names.

    Raises:
        CaseError: a pointer or a name is invalid.
    """
    for name, pointer in pointers.items():
        here = (*steps, name)
        if not _NAME.fullmatch(name):
            said = f"expected lower-case letters, digits, hyphens and underscores, got {name!r}; rename it"
            raise scope.error(here, said)
        try:
            single = parse_location(pointer).single
        except ValueError as error:
            raise scope.error(here, str(error)) from error
        if not single:
            raise scope.error(
                here, f"expected a location of one value, got {pointer!r}; leave out * and events"
            )
    return dict(pointers)


def _events(scope: Scope, label: str) -> tuple[str, ...]:
    """Return the types of the events that an operation streams."""
    return tuple(
        dict.fromkeys(
            tag
            for declared in scope.contract.operations[label].responses.values()
            for media in declared.media.values()
            if media.events is not None
            for tag in media.events.branches
        )
    )


def _schemas(scope: Scope, steps: Steps, schemas: Conditions) -> Conditions:
    full = cast("Conditions", scope.json(steps, schemas))
    for name, schema in full.items():
        problem = fault(schema)
        if problem is not None:
            raise scope.error((*steps, name, *problem[0]), problem[1])
    return full
