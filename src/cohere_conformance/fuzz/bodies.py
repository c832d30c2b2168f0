"""JSON bodies with one change: every place of every anchor, as its rules allow and as they forbid."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.fuzz.candidate import BrokenRule, Expected, GenerationMode
from cohere_conformance.fuzz.domain import breaks
from cohere_conformance.fuzz.values import allowed, broken
from cohere_conformance.fuzz.walk import ABSENT, edited, place_of, sites, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    import jsonschema_rs

    from cohere_conformance.contract import Operation, Validator
    from cohere_conformance.fuzz.candidate import Anchor, Candidate
    from cohere_conformance.fuzz.domain import Domain
    from cohere_conformance.fuzz.values import Violation
    from cohere_conformance.fuzz.walk import Path, Site


def positive(operation: Operation, anchor: Anchor, domain: Domain) -> Iterator[Candidate]:
    """Yield the body of a case with another allowed value at one place."""
    declared = declared_body(operation, anchor)
    if declared is None:
        return
    label, body = operation.label, anchor.template.body
    for site in sites(declared.schema, body):
        kept, fixed = domain.kept(label, site.location), domain.fixed(label, site.location)
        depends = domain.depends(label, site.location) or site.server_set
        for value in allowed(declared.schema, _limited(site, domain, label)):
            if (kept or fixed) and ABSENT in (site.value, value.value):
                continue
            changed = edited(body, site.path, value.value)
            if changed == body or not is_valid(declared.compiled, changed):
                continue
            # What no rule of the document forbids, and nobody expects to be served, has to be answered.
            odd = kept or not domain.within(label, changed)
            yield anchor.candidate(
                GenerationMode.PROTOCOL if odd else GenerationMode.POSITIVE,
                msgspec.structs.replace(anchor.template, body=changed),
                location=site.location or "/",
                says=value.says,
                expected=Expected.SERVED if value.sure and not depends and not odd else Expected.EITHER,
            )


def _limited(site: Site, domain: Domain, label: str) -> Site:
    """Return a place with the limits that no schema tells."""
    further = [limit.rule for limit in domain.limits(label, site.location)]
    return replace(site, rules=(*site.rules, *further)) if further else site


def negative(operation: Operation, anchor: Anchor, domain: Domain) -> Iterator[Candidate]:
    """Yield the body of a case with one rule broken at one place."""
    declared = declared_body(operation, anchor)
    if declared is None:
        return
    label, body = operation.label, anchor.template.body
    for site in sites(declared.schema, body):
        violations = list(_wrong(declared, site, body))
        violations += _beyond(declared, site, body, domain, label)
        for violation, changed in violations:
            tolerated = domain.tolerated(label, site.location, violation.keyword) or site.server_set
            yield anchor.candidate(
                GenerationMode.NEGATIVE,
                msgspec.structs.replace(anchor.template, body=changed),
                location=site.location or "/",
                says=violation.says,
                expected=Expected.EITHER if tolerated else Expected.REFUSED,
                rule=BrokenRule(site.location or "/", violation.keyword, violation.limit),
            )


def _wrong(declared: Validator, site: Site, body: Any) -> Iterator[tuple[Violation, Any]]:
    """Yield what breaks a rule of the document."""
    for violation in broken(declared.schema, site):
        changed = edited(body, site.path, violation.value)
        if _breaks(declared.compiled, changed, site, violation.keyword):
            yield violation, changed


def _beyond(
    declared: Validator, site: Site, body: Any, domain: Domain, label: str
) -> Iterator[tuple[Violation, Any]]:
    """Yield what breaks a limit that stands in words only."""
    for limit in domain.limits(label, site.location):
        if not limit.enforced:
            continue
        bounded = replace(site, rules=(*site.rules, limit.rule))
        for violation in broken(declared.schema, bounded):
            changed = edited(body, site.path, violation.value)
            broke = (
                violation.keyword in limit.rule
                and violation.value is not ABSENT
                and breaks(limit, violation.value)
            )
            if broke and is_valid(declared.compiled, changed):
                yield violation, changed


def declared_body(operation: Operation, anchor: Anchor) -> Validator | None:
    """Return what a case's JSON body is declared by; `None` where it has none."""
    if operation.request is None or anchor.template.body is msgspec.UNSET:
        return None
    return operation.request.media.get("application/json")


def is_valid(validator: jsonschema_rs.Draft202012Validator, body: Any) -> bool:
    """Tell whether a body keeps every rule."""
    return validator.is_valid(whole(body))


def broken_rules(operation: Operation, body: Any) -> frozenset[tuple[str, str]]:
    """Return the place and the keyword of every rule of the document that a JSON body breaks."""
    declared = operation.request.media.get("application/json") if operation.request else None
    return frozenset() if declared is None else frozenset(_errors(declared.compiled, whole(body)))


def _breaks(validator: jsonschema_rs.Draft202012Validator, body: Any, site: Site, keyword: str) -> bool:
    """Tell whether a body breaks that rule at that place and no other one."""
    found = set(_errors(validator, body))
    if found == {(place_of(site.path), keyword)}:
        return True
    # What is no text is not one of the listed texts either: one value, and one rule for whoever reads of it.
    return keyword in {"enum", "type"} and {location for location, _ in found} == {place_of(site.path)}


def _errors(validator: jsonschema_rs.Draft202012Validator, body: Any) -> Iterator[tuple[str, str]]:
    for error in validator.iter_errors(body):
        path: Path = tuple(error.instance_path)
        told = error.kind.as_dict()
        if error.kind.name == "required":
            path = (*path, str(told["property"]))
        yield place_of(path), str(error.kind.name)
