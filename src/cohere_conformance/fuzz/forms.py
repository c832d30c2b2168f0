"""Requests with a mutated form: parts left out, added, duplicated, renamed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.cases import FormPart
from cohere_conformance.fuzz.candidate import Expected, GenerationMode, ViolatedRule
from cohere_conformance.fuzz.values import UNKNOWN
from cohere_conformance.fuzz.walk import ABSENT, Site, rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.cases import RequestTemplate
    from cohere_conformance.contract import Operation
    from cohere_conformance.contract.schema import Schema
    from cohere_conformance.fuzz.candidate import Anchor, Candidate

FORM = "multipart/form-data"
_FILENAMES = {
    "that leads elsewhere": "../../conformance",
    "without an ending": "conformance",
    "beyond ASCII": "\u00e4\u6f22\U0001f680.csv",
    "with quotes and a semicolon": 'a"; name="b.csv',
    "of 300 characters": f"{'a' * 296}.csv",
}


@dataclass(frozen=True)
class TextPart:
    """A part that contains a text.

    Attributes:
        name: of the part.
        schema: of the value of its text, self-contained.
        given: what the case sends, with placeholders.
        required: whether it has to be there.
    """

    name: str
    schema: Schema
    given: tuple[str, ...]
    required: bool


def fields(operation: Operation, anchor: Anchor) -> Iterator[TextPart]:
    """Yield the declared parts that contain a text.

    Args:
        operation: what is called.
        anchor: the case that is changed.
    """
    site = _declared(operation, anchor)
    if site is None:
        return
    required = _required(site)
    for name, schema in _properties(site).items():
        parts = [part for part in anchor.template.form if part.name == name]
        given = tuple(part.content for part in parts if isinstance(part.content, str))
        text = all(part.filename is None for part in parts) and len(given) == len(parts)
        # An absent part of type string may be a file: no schema says which.
        known = bool(parts) or "string" not in Site((), ABSENT, rules(schema, schema, ABSENT)).types
        if text and known:
            yield TextPart(name, schema, given, name in required)


def with_texts(anchor: Anchor, name: str, texts: tuple[str, ...]) -> RequestTemplate:
    """Return the request with other parts of a name; new ones come before all others."""
    form = anchor.template.form
    location = next((at for at, part in enumerate(form) if part.name == name), 0)
    before = [part for part in form[:location] if part.name != name]
    after = [part for part in form[location:] if part.name != name]
    return anchor.with_form((*before, *(FormPart(name, text) for text in texts), *after))


def any_form(operation: Operation, anchor: Anchor) -> Iterator[Candidate]:
    """Yield unusual forms that are valid by the contract.

    Args:
        operation: what is called.
        anchor: the case that is changed.
    """
    form = anchor.template.form
    if not form:
        return
    for location, says, changed in _unusual(form):
        yield anchor.candidate(
            GenerationMode.POSITIVE,
            anchor.with_form(changed),
            location=location,
            says=says,
            expected=Expected.EITHER,
        )


def _unusual(form: tuple[FormPart, ...]) -> Iterator[tuple[str, str, tuple[FormPart, ...]]]:
    if len(form) > 1:
        yield "form:", "parts in the opposite order", form[::-1]
    for at, part in enumerate(form):
        location = f"form:{part.name}"

        def put(*parts: FormPart, at: int = at) -> tuple[FormPart, ...]:
            return (*form[:at], *parts, *form[at + 1 :])

        yield location, "given twice", put(part, part)
        if part.filename is None:
            yield location, "as a file", put(_changed(part, filename="conformance.txt"))
            continue
        yield location, "an empty file", put(_changed(part, content=b""))
        yield location, "bytes of no kind", put(_changed(part, content=bytes(range(256))))
        yield location, "without the name of a file", put(_changed(part, filename=None))
        for says, filename in _FILENAMES.items():
            yield location, f"with a file name {says}", put(_changed(part, filename=filename))
        for kind in ("application/x-conformance", "conformance", "text/html"):
            yield location, f"of the media type {kind}", put(_changed(part, type=kind))


def broken_form(operation: Operation, anchor: Anchor) -> Iterator[Candidate]:
    """Yield forms without a required part, and with a part that is not declared.

    Args:
        operation: what is called.
        anchor: the case that is changed.
    """
    site = _declared(operation, anchor)
    if site is None:
        return
    form = anchor.template.form
    texts = {field.name for field in fields(operation, anchor)}
    optional = tuple(FormPart(name, "1") for name in _properties(site) if name not in _required(site))
    for name in sorted(_required(site) - texts):
        left = tuple(part for part in form if part.name != name)
        yield anchor.candidate(
            GenerationMode.NEGATIVE,
            # A form without parts would be no form.
            anchor.with_form(left or optional),
            location=f"form:{name}",
            says="left out",
            expected=Expected.REFUSED,
            rule=ViolatedRule(f"form:{name}", "required", "it has to be there"),
        )
    # Version 1 ignores what it does not know (V-02).
    refused = " /v2/" in operation.label and any(
        schema is False for schema in site.values_of("additionalProperties")
    )
    yield anchor.candidate(
        GenerationMode.NEGATIVE,
        anchor.with_form((FormPart(UNKNOWN, "1"), *form)),
        location=f"form:{UNKNOWN}",
        says="a part that is not declared",
        expected=Expected.REFUSED if refused else Expected.EITHER,
        rule=ViolatedRule("form:", "additionalProperties", "no other parts"),
    )


def _changed(part: FormPart, **further: str | bytes | None) -> FormPart:
    return msgspec.structs.replace(part, **further)


def _declared(operation: Operation, anchor: Anchor) -> Site | None:
    """Return the declaration of a form as a location; `None` where the case sends none."""
    declared = operation.request.media.get(FORM) if operation.request else None
    if declared is None or not anchor.template.form:
        return None
    return Site((), {}, rules(declared.schema, declared.schema, {}))


def _properties(site: Site) -> dict[str, Schema]:
    """Return the self-contained schema of each part."""
    known: Schema = {"$defs": next(iter(site.values_of("$defs")), {})}
    return {
        name: {**schema, **known} for parts in site.values_of("properties") for name, schema in parts.items()
    }


def _required(site: Site) -> set[str]:
    return {name for names in site.values_of("required") for name in names}
