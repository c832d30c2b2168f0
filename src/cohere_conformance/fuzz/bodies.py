"""JSON bodies with one change at one location of an anchor: a valid one, or one that breaks a rule."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.fuzz.candidate import Expected, GenerationMode, ViolatedRule
from cohere_conformance.fuzz.domain import breaks
from cohere_conformance.fuzz.values import allowed, broken
from cohere_conformance.fuzz.walk import ABSENT, edited, location_of, sites, without_surrogates

if TYPE_CHECKING:
    from collections.abc import Iterator

    import jsonschema_rs

    from cohere_conformance.contract import Operation, Validator
    from cohere_conformance.fuzz.candidate import Anchor, Candidate
    from cohere_conformance.fuzz.domain import Domain
    from cohere_conformance.fuzz.values import Violation
    from cohere_conformance.fuzz.walk import Path, Site


def positive(operation: Operation, anchor: Anchor, domain: Domain) -> Iterator[Candidate]:
    """Yield the body of a case with another allowed value at one location."""
    declared = declared_body(operation, anchor)
    if declared is None:
        return
    label, body = operation.label, anchor.template.body
    for site in sites(declared.schema, body):
        kept, fixed = domain.kept(label, site.location), domain.fixed(label, site.location)
        depends = domain.depends(label, site.location) or site.server_set
        for value in allowed(declared.schema, _limited(site, domain, label, body)):
            if (kept or fixed) and ABSENT in (site.value, value.value):
                continue
            changed = edited(body, site.path, value.value)
            if changed == body or not is_valid(declared.compiled, changed):
                continue
            # No rule of the document forbids it, but it need not be served: any response but a crash will do.
            odd = kept or not domain.within(label, changed)
            yield anchor.candidate(
                GenerationMode.PROTOCOL if odd else GenerationMode.POSITIVE,
                msgspec.structs.replace(anchor.template, body=changed),
                location=site.location or "/",
                says=value.says,
                expected=Expected.SERVED if value.sure and not depends and not odd else Expected.EITHER,
            )


def _limited(site: Site, domain: Domain, label: str, body: Any) -> Site:
    """Return a location with the limits that are in no schema."""
    further = [limit.rule for limit in domain.limits(label, site.location, body)]
    return replace(site, rules=(*site.rules, *further)) if further else site


def negative(operation: Operation, anchor: Anchor, domain: Domain) -> Iterator[Candidate]:
    """Yield the body of a case with one rule broken at one location."""
    declared = declared_body(operation, anchor)
    if declared is None:
        return
    label, body = operation.label, anchor.template.body
    for site in sites(declared.schema, body):
        violations = list(_violations(declared, site, body))
        violations += _beyond_limits(declared, site, body, domain, label)
        for violation, changed in violations:
            tolerated = domain.tolerated(label, site.location, violation.keyword) or site.server_set
            yield anchor.candidate(
                GenerationMode.NEGATIVE,
                msgspec.structs.replace(anchor.template, body=changed),
                location=site.location or "/",
                says=violation.says,
                expected=Expected.EITHER if tolerated else Expected.REFUSED,
                rule=ViolatedRule(site.location or "/", violation.keyword, violation.limit),
            )


def _violations(declared: Validator, site: Site, body: Any) -> Iterator[tuple[Violation, Any]]:
    """Yield bodies that break a rule of the document."""
    for violation in broken(declared.schema, site):
        changed = edited(body, site.path, violation.value)
        if _breaks(declared.compiled, changed, site, violation.keyword):
            yield violation, changed


def _beyond_limits(
    declared: Validator, site: Site, body: Any, domain: Domain, label: str
) -> Iterator[tuple[Violation, Any]]:
    """Yield bodies that break a limit that is in no schema."""
    for limit in domain.limits(label, site.location, body):
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
    """Return the validator of a case's JSON body; `None` where it has none."""
    if operation.request is None or anchor.template.body is msgspec.UNSET:
        return None
    return operation.request.media.get("application/json")


def is_valid(validator: jsonschema_rs.Draft202012Validator, body: Any) -> bool:
    """Return whether a body is valid."""
    return validator.is_valid(without_surrogates(body))


def broken_rules(operation: Operation, body: Any) -> frozenset[tuple[str, str]]:
    """Return the location and the keyword of every rule of the document that a JSON body breaks."""
    declared = operation.request.media.get("application/json") if operation.request else None
    return (
        frozenset() if declared is None else frozenset(_errors(declared.compiled, without_surrogates(body)))
    )


def _breaks(validator: jsonschema_rs.Draft202012Validator, body: Any, site: Site, keyword: str) -> bool:
    """Return whether a body breaks that rule at that location and no other one."""
    found = set(_errors(validator, body))
    if found == {(location_of(site.path), keyword)}:
        return True
    # A value of another type is not one of the listed values either: that counts as one rule.
    return keyword in {"enum", "type"} and {location for location, _ in found} == {location_of(site.path)}


def _errors(validator: jsonschema_rs.Draft202012Validator, body: Any) -> Iterator[tuple[str, str]]:
    for error in validator.iter_errors(body):
        path: Path = tuple(error.instance_path)
        details = error.kind.as_dict()
        if error.kind.name == "required":
            path = (*path, str(details["property"]))
        yield location_of(path), str(error.kind.name)
