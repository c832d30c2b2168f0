"""Shrinks a failing request: leaves out, part by part, what was not deliberately changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.fuzz.bodies import broken_rules
from cohere_conformance.fuzz.candidate import Expected
from cohere_conformance.fuzz.walk import ABSENT, edited, location_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract import Operation
    from cohere_conformance.fuzz.candidate import Candidate
    from cohere_conformance.fuzz.walk import Path

_FEW = 8
"""Longer lists and texts are halved first."""


def shrunk(operation: Operation, candidate: Candidate) -> Iterator[Candidate]:
    """Yield the request with one part less: a query parameter, a header, a property, an element.

    None of them breaks a rule of the document that the candidate does not break. What breaks a rule that is
    in no schema stays, or nothing would be left to refuse. None of them has to be served: what was left out
    may have been needed.
    """
    template = candidate.template
    if candidate.expected is Expected.SERVED:
        candidate = msgspec.structs.replace(candidate, expected=Expected.EITHER)
    for index, (name, _) in enumerate(template.query):
        if candidate.location != f"query:{name}":
            yield _with(candidate, query=(*template.query[:index], *template.query[index + 1 :]))
    for index, (name, _) in enumerate(template.headers):
        if candidate.location != f"header:{name}":
            yield _with(candidate, headers=(*template.headers[:index], *template.headers[index + 1 :]))
    if template.body is not msgspec.UNSET:
        before = broken_rules(operation, template.body)
        in_words = candidate.rule is not None and candidate.location not in {
            location or "/" for location, _ in before
        }
        for path, value in _cuts(template.body, ()):
            if in_words and _touches(location_of(path), candidate.location):
                continue
            body = edited(template.body, path, value)
            if broken_rules(operation, body) == before:
                yield _with(candidate, body=body)


def _with(candidate: Candidate, **changed: Any) -> Candidate:
    return msgspec.structs.replace(candidate, template=msgspec.structs.replace(candidate.template, **changed))


def _touches(location: str, kept: str) -> bool:
    """Return whether a location contains another one, or is inside it."""
    return f"{kept}/".startswith(f"{location}/") or f"{location}/".startswith(f"{kept}/")


def _cuts(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield locations and their values in a smaller body, the largest steps first."""
    if isinstance(value, dict):
        yield from (((*path, name), ABSENT) for name in value)
        for name, item in value.items():
            yield from _cuts(item, (*path, name))
    elif isinstance(value, list) and value:
        if len(value) > _FEW:
            yield path, value[: len(value) // 2]
            return
        yield from (((*path, index), ABSENT) for index in reversed(range(len(value))) if len(value) > 1)
        for index, item in enumerate(value):
            yield from _cuts(item, (*path, index))
    elif isinstance(value, str) and len(value) > _FEW:
        yield path, value[: len(value) // 2]
