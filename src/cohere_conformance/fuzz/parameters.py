"""Requests with one parameter changed: of the query, of the path, of the headers, or one part of a form."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from cohere_conformance.contract.bundle import resolve
from cohere_conformance.contract.fields import typed
from cohere_conformance.fuzz.candidate import Expected, GenerationMode, ViolatedRule, literal
from cohere_conformance.fuzz.forms import any_form, broken_form, fields, with_texts
from cohere_conformance.fuzz.paths import any_path, unknown_path
from cohere_conformance.fuzz.values import UNKNOWN, Value, allowed, broken
from cohere_conformance.fuzz.walk import ABSENT, Site, compiled, rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cohere_conformance.cases import RequestTemplate
    from cohere_conformance.contract import Contract, Operation
    from cohere_conformance.contract.schema import Schema
    from cohere_conformance.fuzz.candidate import Anchor, Candidate

_DEPENDS = frozenset(
    {
        ("GET /v1/models", "default_only"),  # only beside an endpoint (MOD-R01)
        ("POST /v1/datasets", "type"),  # the rows have to fit it, and results cannot be uploaded (DS-R07)
    }
)
"""Parameters of which a listed value may be refused because of another part of the request."""
_TOKEN = "page_token"
"""A token is valid for the listing that returned it: with other parameters it may be refused."""
_PREFIX = "conformance-"
"""The prefix of the names of what a run creates; a changed name keeps it."""
_TIMES = (
    "2026-01-02T03:04:05Z",
    "2026-01-02T03:04:05.123456789Z",
    "2026-01-02T03:04:05+05:30",
    "2026-01-02t03:04:05z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2016-12-31T23:59:60Z",
)
_INTEGERS = ("+5", "-0", "007", "9" * 30)
"""Integers that JSON writes in another way, or that are too large for parsers."""
_LENIENT = {"boolean": ("TRUE", "1"), "integer": ("5.0", " 5", "0x10"), "number": (" 1", ".5")}
"""Texts that some parsers accept for a type, and the contract does not."""
_FIELD = re.compile(r"(?!\s)[^\x00-\x08\x0a-\x1f\x7f]*(?<!\s)")
"""Texts that a header can contain; beyond ASCII they are sent as UTF-8."""


@dataclass(frozen=True)
class _Slot:
    """A parameter that is sent as text.

    Attributes:
        location: `query:limit`, `header:x-client-name` or `form:language`.
        name: of the parameter.
        schema: of one occurrence, self-contained.
        given: what the case sends, with placeholders.
        put: returns the request with other values of it.
        required: whether it is required.
        repeated: whether it is a list, sent as repeated parameters.
    """

    location: str
    name: str
    schema: Schema
    given: tuple[str, ...]
    put: Callable[[tuple[str, ...]], RequestTemplate]
    required: bool = False
    repeated: bool = False

    @cached_property
    def site(self) -> Site:
        """The parameter as a location with a value; an absent free text counts as given."""
        found = rules(self.schema, self.schema, ABSENT)
        site = Site((self.name,), ABSENT, found, self.required)
        if self.given:
            return replace(site, value=typed(self.given[0], {"type": self.kind}))
        return replace(site, value="conformance") if self.kind == "string" and not site.listed else site

    @cached_property
    def kind(self) -> str:
        """The JSON type of its value."""
        found = Site((), ABSENT, rules(self.schema, self.schema, ABSENT)).types
        return min(found, default="string")


def positive(contract: Contract, operation: Operation, anchor: Anchor) -> Iterator[Candidate]:
    """Yield requests with one parameter changed to another allowed value.

    Args:
        contract: of which the operation is a part.
        operation: what is called.
        anchor: the case that is changed.
    """
    for slot in _slots(contract, operation, anchor):
        for says, texts, sure in _allowed(slot):
            template = slot.put(texts)
            if template != anchor.template:
                served = sure and _independent(operation, anchor, slot, texts)
                yield anchor.candidate(
                    GenerationMode.POSITIVE,
                    template,
                    location=slot.location,
                    says=says,
                    expected=Expected.SERVED if served else Expected.EITHER,
                )
    yield _beside(anchor)
    yield from any_path(operation, anchor)
    yield from any_form(operation, anchor)


def negative(contract: Contract, operation: Operation, anchor: Anchor) -> Iterator[Candidate]:
    """Yield requests with one parameter that breaks a rule.

    Args:
        contract: of which the operation is a part.
        operation: what is called.
        anchor: the case that is changed.
    """
    for slot in _slots(contract, operation, anchor):
        # A server may ignore a header that it does not need.
        expected = Expected.EITHER if slot.location.startswith("header:") else Expected.REFUSED
        for rule, says, texts in _broken(slot):
            yield anchor.candidate(
                GenerationMode.NEGATIVE,
                slot.put(texts),
                location=slot.location,
                says=says,
                expected=expected,
                rule=rule,
            )
        for text in _LENIENT.get(slot.kind, ()):
            yield anchor.candidate(
                GenerationMode.NEGATIVE,
                slot.put((text,)),
                location=slot.location,
                says=f"{text!r}, which some readers take",
                expected=Expected.EITHER,
                rule=ViolatedRule(slot.location, "type", f"type {slot.kind}"),
            )
    yield from unknown_path(operation, anchor)
    yield from broken_form(operation, anchor)


# -- what is sent as text


def _slots(contract: Contract, operation: Operation, anchor: Anchor) -> Iterator[_Slot]:
    yield from _query(operation, anchor)
    yield from _headers(contract, operation, anchor)
    yield from _fields(operation, anchor)


def _query(operation: Operation, anchor: Anchor) -> Iterator[_Slot]:
    pairs = anchor.template.query
    for name, declared in operation.query.items():

        def put(texts: tuple[str, ...], name: str = name) -> RequestTemplate:
            kept = [pair for pair in pairs if pair[0] != name]
            return msgspec.structs.replace(anchor.template, query=(*kept, *((name, text) for text in texts)))

        given = tuple(text for other, text in pairs if other == name)
        yield _Slot(
            f"query:{name}",
            name,
            declared.value.schema,
            given,
            put,
            required=declared.required,
            repeated=declared.repeated,
        )


def _headers(contract: Contract, operation: Operation, anchor: Anchor) -> Iterator[_Slot]:
    method, path = operation.label.split(" ", 1)
    fields = anchor.template.headers
    for source in contract.document["paths"][path][method.lower()].get("parameters", ()):
        declared = resolve(contract.document, source["$ref"]) if "$ref" in source else source
        if declared["in"] != "header":
            continue
        name = str(declared["name"]).lower()

        def put(texts: tuple[str, ...], name: str = name) -> RequestTemplate:
            kept = [field for field in fields if field[0] != name]
            return msgspec.structs.replace(
                anchor.template, headers=(*kept, *((name, text) for text in texts))
            )

        given = tuple(text for other, text in fields if other == name)
        yield _Slot(f"header:{name}", name, declared["schema"], given, put)


def _fields(operation: Operation, anchor: Anchor) -> Iterator[_Slot]:
    for field in fields(operation, anchor):

        def put(texts: tuple[str, ...], name: str = field.name) -> RequestTemplate:
            return with_texts(anchor, name, texts)

        yield _Slot(f"form:{field.name}", field.name, field.schema, field.given, put, required=field.required)


# -- values


def _allowed(slot: _Slot) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Yield allowed values of a parameter: description, texts, and whether the contract names the value."""
    site = slot.site
    for value in (*allowed(slot.schema, site), *_further(slot)):
        if value.value is ABSENT:
            yield value.says, (), value.sure
            continue
        text = _named_alike(slot, _text(value.value))
        if _sendable(slot, text) and _keeps(slot, text):
            yield value.says, (text,), value.sure
    if slot.location.startswith("header:") and not site.listed:
        yield "8,000 characters", ("a" * 8000,), False
    if slot.repeated:
        yield "given twice, with different values", ("conformance", UNKNOWN), False
        yield "given twice, with the same value", ("conformance", "conformance"), False
        yield "given 50 times", tuple(f"conformance-{number}" for number in range(50)), False


def _further(slot: _Slot) -> Iterator[Value]:
    """Yield texts that are no texts of JSON values."""
    if "date-time" in slot.site.values_of("format"):
        yield from (Value(text, text) for text in _TIMES)
    if slot.kind == "integer":
        yield from (Value(repr(text), text) for text in _INTEGERS)


def _broken(slot: _Slot) -> Iterator[tuple[ViolatedRule, str, tuple[str, ...]]]:
    """Yield what breaks a rule of a parameter: the rule, a description, and the texts."""
    for violation in broken(slot.schema, slot.site):
        rule = ViolatedRule(slot.location, violation.keyword, violation.limit)
        if violation.value is ABSENT:
            yield rule, violation.says, ()
            continue
        text = _text(violation.value)
        # A server may take an empty value for a parameter that is not given.
        if text and _sendable(slot, text) and violation.keyword in set(_errors(slot, text)):
            yield rule, violation.says, (str(literal(text)),)


def _independent(operation: Operation, anchor: Anchor, slot: _Slot, texts: tuple[str, ...]) -> bool:
    """Return whether no other part of the request decides whether a value is accepted."""
    others = {name for name, _ in anchor.template.query} - {slot.name}
    if (operation.label, slot.name) in _DEPENDS or _TOKEN in others:
        return False
    return bool(texts or not others)


def _beside(anchor: Anchor) -> Candidate:
    """Return the request with a parameter that is not declared: it need not be refused."""
    query = (*anchor.template.query, (UNKNOWN, "1"))
    return anchor.candidate(
        GenerationMode.POSITIVE,
        msgspec.structs.replace(anchor.template, query=query),
        location=f"query:{UNKNOWN}",
        says="a parameter that is not declared",
        expected=Expected.EITHER,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _named_alike(slot: _Slot, text: str) -> str:
    ours = bool(slot.given) and slot.given[0].startswith(_PREFIX)
    return f"{_PREFIX}{text}" if ours and slot.kind == "string" and not slot.site.listed else text


def _sendable(slot: _Slot, text: str) -> bool:
    """Return whether a text can be sent there; half a surrogate pair cannot be encoded."""
    if slot.location.startswith("header:") and not _FIELD.fullmatch(text):
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _keeps(slot: _Slot, text: str) -> bool:
    return next(_errors(slot, text), None) is None


def _errors(slot: _Slot, text: str) -> Iterator[str]:
    """Yield the rules that a text breaks."""
    value = typed(text, {"type": slot.kind})
    for error in compiled(msgspec.json.encode(slot.schema)).iter_errors(value):
        yield str(error.kind.name)
