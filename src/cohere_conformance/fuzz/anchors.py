"""Which written cases the fuzzing of an operation starts from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.cases import Key, Skip
from cohere_conformance.fuzz.candidate import Anchor
from cohere_conformance.fuzz.walk import ABSENT, sites

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.cases import Case, Suite
    from cohere_conformance.contract import Operation

_MOST = 6
"""Anchors of one operation; each one costs as many requests as it has places."""


def anchors(suite: Suite, operation: Operation, profile: str) -> tuple[Anchor, ...]:
    """Return the cases that show the most places of a request, the smallest first.

    Args:
        suite: every written case.
        operation: what is called.
        profile: of the target: only what is served there is of use.
    """
    found: list[Anchor] = []
    seen: set[tuple[str, str]] = set()
    for case in sorted(_served(suite, operation, profile), key=_size):
        shown = set(_shown(operation, case))
        if not found or (shown - seen and len(found) < _MOST):
            found.append(Anchor(case.id, case.sending, case.needs))
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
    return tuple(Anchor(case.id, case.sending, case.needs) for case in served)


def _served(suite: Suite, operation: Operation, profile: str) -> Iterator[Case]:
    for case in suite.cases:
        if case.operation != operation.label or case.key is not Key.VALID or case.sending.text is not None:
            continue
        told = case.profiles.get(profile, case.expect)
        if isinstance(told, Skip) or not all(200 <= status < 300 for status in told.status):
            continue
        if _sound(operation, case):
            yield case


def _sound(operation: Operation, case: Case) -> bool:
    """Tell whether a request keeps every rule; version 1 serves some that do not."""
    declared = operation.request.media.get("application/json") if operation.request else None
    if declared is not None and case.sending.body is not msgspec.UNSET:
        return declared.compiled.is_valid(case.sending.body)
    return all(name in operation.query for name, _ in case.sending.query)


def _size(case: Case) -> tuple[int, int, int]:
    sending = case.sending
    body = 0 if sending.body is msgspec.UNSET else len(json.dumps(sending.body))
    form = sum(len(part.content) for part in sending.form)
    return len(case.needs), body + form, len(sending.query) + len(sending.headers)


def _shown(operation: Operation, case: Case) -> Iterator[tuple[str, str]]:
    sending = case.sending
    yield from (("query", name) for name, _ in sending.query)
    yield from (("form", part.name) for part in sending.form)
    declared = operation.request.media.get("application/json") if operation.request else None
    if declared is not None and sending.body is not msgspec.UNSET:
        for site in sites(declared.schema, sending.body):
            if site.value is not ABSENT:
                tag = str(site.value) if any(rule.get("x-tag") for rule in site.rules) else ""
                yield site.location, tag
