"""Which written cases the fuzzing of an operation starts from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.cases import Credential, Skip
from cohere_conformance.fuzz.candidate import Anchor
from cohere_conformance.fuzz.walk import ABSENT, sites

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.cases import Case, Suite
    from cohere_conformance.contract import Operation

_MOST = 6
"""Anchors of one operation; each costs as many requests as it has locations."""


def anchors(suite: Suite, operation: Operation, profile: str) -> tuple[Anchor, ...]:
    """Return the cases that use the most locations of a request, the smallest first.

    Args:
        suite: every written case.
        operation: what is called.
        profile: of the target: only cases that are served there are returned.
    """
    found: list[Anchor] = []
    seen: set[tuple[str, str]] = set()
    for case in sorted(_served(suite, operation, profile), key=_size):
        shown = set(_shown(operation, case))
        if not found or (shown - seen and len(found) < _MOST):
            found.append(Anchor(case.id, case.template, case.needs))
            seen |= shown
    return tuple(found)


def written(suite: Suite, operation: Operation, profile: str) -> tuple[Anchor, ...]:
    """Return every case that has to be served, the smallest first.

    Args:
        suite: every written case.
        operation: what is called.
        profile: of the target.
    """
    served = sorted(_served(suite, operation, profile), key=_size)
    return tuple(Anchor(case.id, case.template, case.needs) for case in served)


def _served(suite: Suite, operation: Operation, profile: str) -> Iterator[Case]:
    for case in suite.cases:
        if (
            case.operation != operation.label
            or case.key is not Credential.VALID
            or case.template.text is not None
        ):
            continue
        expected = case.profiles.get(profile, case.expect)
        if isinstance(expected, Skip) or not all(200 <= status < 300 for status in expected.status):
            continue
        if _is_valid(operation, case):
            yield case


def _is_valid(operation: Operation, case: Case) -> bool:
    """Return whether a request is valid; version 1 serves some that are not."""
    declared = operation.request.media.get("application/json") if operation.request else None
    if declared is not None and case.template.body is not msgspec.UNSET:
        return declared.compiled.is_valid(case.template.body)
    return all(name in operation.query for name, _ in case.template.query)


def _size(case: Case) -> tuple[int, int, int]:
    template = case.template
    body = 0 if template.body is msgspec.UNSET else len(json.dumps(template.body))
    form = sum(len(part.content) for part in template.form)
    return len(case.needs), body + form, len(template.query) + len(template.headers)


def _shown(operation: Operation, case: Case) -> Iterator[tuple[str, str]]:
    template = case.template
    yield from (("query", name) for name, _ in template.query)
    yield from (("form", part.name) for part in template.form)
    declared = operation.request.media.get("application/json") if operation.request else None
    if declared is not None and template.body is not msgspec.UNSET:
        for site in sites(declared.schema, template.body):
            if site.value is not ABSENT:
                tag = str(site.value) if any(rule.get("x-tag") for rule in site.rules) else ""
                yield site.location, tag
