"""Values for one location: those that its schemas allow, and those that break exactly one of their rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohere_conformance.fuzz.candidate import literal
from cohere_conformance.fuzz.walk import ABSENT, Site, rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract.schema import Schema

_OTHERS: dict[str, Any] = {
    "string": "conformance",
    "integer": 7,
    "number": 1.5,
    "boolean": True,
    "array": [],
    "object": {},
    "null": None,
}
"""A value of each JSON type."""
_DEEPEST = 6
UNKNOWN = "conformance-unknown"
"""A name that is not declared."""
TEXTS = {
    "an empty text": "",
    "a blank": " ",
    "accents that combine": "n\u0303a\u0301 \u1e69\u0323\u0307",
    "Arabic and Hebrew": "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    "Chinese, Japanese and Korean": "\u4f60\u597d\u3053\u3093\u306b\u3061\u306f\uc548\ub155",
    "emoji that are joined": "\U0001f469\u200d\U0001f680\U0001f1fa\U0001f1f3",
    "half a surrogate pair": "a\ud800b",
    "NUL": "a\u0000b",
    "control characters": "a\u0001\u001b\u007f\u0085b",
    "quotes and backslashes": "\"'\\`</script>${x}%s",
    "line breaks of all kinds": "a\r\nb\u2028c\tc",
    "a byte order mark": "\ufeffa",
    "5,000 characters": "word " * 1000,
}
"""Texts that something between a socket and a tokenizer may fail on, by their description."""


@dataclass(frozen=True)
class Value:
    """A value that is allowed at a location.

    Attributes:
        says: what it is, for a reader.
        value: the value; `ABSENT` leaves the property out.
        sure: whether a schema names it, so that a server has to serve it: a listed value, a declared limit.
            Others may be refused for reasons that are in no schema.
    """

    says: str
    value: Any
    sure: bool = False


@dataclass(frozen=True)
class Violation:
    """A value that breaks a rule of its location.

    Attributes:
        keyword: of the rule, as JSON Schema names it.
        limit: what the rule requires.
        says: what the value is, for a reader.
        value: the value; `ABSENT` leaves the property out.
    """

    keyword: str
    limit: str
    says: str
    value: Any


# -- what is allowed


def allowed(root: Schema, site: Site) -> Iterator[Value]:
    """Yield values that the schemas of a location allow; the caller validates the whole body."""
    if not site.required and site.value is not ABSENT and site.path and isinstance(site.path[-1], str):
        yield Value("left out", ABSENT, sure=True)
    if site.listed:
        yield from (Value(f"{value!r}", value, sure=True) for value in site.listed)
        return
    for kind in sorted(site.types):
        yield from _ALLOWED.get(kind, _nothing)(root, site)
    if not site.types and site.value is ABSENT and site.path:
        yield Value("given", built(root, site.rules))


def _nothing(root: Schema, site: Site) -> Iterator[Value]:
    yield from ()


def _booleans(root: Schema, site: Site) -> Iterator[Value]:
    yield Value("true", True, sure=True)
    yield Value("false", False, sure=True)


def _integers(root: Schema, site: Site) -> Iterator[Value]:
    low, high = bounds(site)
    for name, limit in (("the least", low), ("the most", high)):
        if limit is not None and abs(limit) < 2**31 - 1 and limit == int(limit):
            yield Value(f"{int(limit)}, {name} that is declared", int(limit), sure=True)
    yield from (Value(f"{number}", number) for number in (0, 1, 2, 1000, 2**31 - 1, 2**53 + 1, -1))


def _numbers(root: Schema, site: Site) -> Iterator[Value]:
    low, high = bounds(site)
    for name, limit in (("the least", low), ("the most", high)):
        if limit is not None:
            yield Value(f"{limit}, {name} that is declared", limit, sure=True)
    if low is not None and high is not None:
        yield Value(f"{(low + high) / 2}, in the middle", (low + high) / 2, sure=True)
    yield from (Value(f"{number}", number) for number in (0, 1, 0.1, 1e-12, -0.5))


def _strings(root: Schema, site: Site) -> Iterator[Value]:
    if site.values_of("format"):
        return
    texts = TEXTS if site.value is not ABSENT else {"a word": "conformance"}
    yield from (Value(says, literal(text)) for says, text in texts.items())
    for keyword, name in (("minLength", "the least"), ("maxLength", "the most")):
        for limit in site.values_of(keyword):
            yield Value(f"{limit} characters, {name} that is declared", "a" * limit, sure=True)


def _arrays(root: Schema, site: Site) -> Iterator[Value]:
    low, high = max([0, *site.values_of("minItems")]), min([*site.values_of("maxItems"), 2000])
    item = site.value[0] if site.value and site.value is not ABSENT else _item(root, site)
    yield Value("an empty list", [], sure=bool(site.values_of("minItems")) and low == 0)
    for count, says, sure in (
        (1, "one element", False),
        (low, "as few elements as declared", True),
        (12, "12 elements", False),
        (high, "as many elements as declared", bool(site.values_of("maxItems"))),
    ):
        if max(low, 1) <= count <= high and (sure or count < 2000):
            yield Value(f"{says}: {count}", [item] * count, sure=sure)


def _objects(root: Schema, site: Site) -> Iterator[Value]:
    if site.value is ABSENT:
        yield Value("an object with what it must have", built(root, site.rules))
    yield from (
        Value(f"an object of the branch {tag} {value!r}", built(root, site.rules, {tag: value}))
        for tag, values in tags(site)
        for value in values
    )


_ALLOWED = {
    "boolean": _booleans,
    "integer": _integers,
    "number": _numbers,
    "string": _strings,
    "array": _arrays,
    "object": _objects,
}


def tags(site: Site) -> Iterator[tuple[str, list[str]]]:
    """Yield the tag of each union at the location, with its values."""
    for properties in site.values_of("properties"):
        for name, schema in properties.items():
            if schema.get("x-tag"):
                yield name, schema["enum"]


def bounds(site: Site) -> tuple[float | None, float | None]:
    """Return the declared minimum and maximum of a location; `None` where none is declared."""
    low = [*site.values_of("minimum")]
    high = [*site.values_of("maximum")]
    return max(low, default=None), min(high, default=None)


def built(
    root: Schema, declared: tuple[Schema, ...], tag: dict[str, Any] | None = None, depth: int = 0
) -> Any:
    """Return a small value that the schemas allow, as far as they declare enough.

    Args:
        root: contains the schemas that references name.
        declared: the schemas, references resolved.
        tag: the tag of a union and its value, which selects the branch.
        depth: of the value, for recursive schemas.
    """
    site = Site((), dict(tag or {}), declared)
    if tag is not None:
        site = Site((), dict(tag), tuple(rule for one in declared for rule in rules(root, one, dict(tag))))
    if site.listed:
        return site.listed[0]
    kinds = site.types or ({"object"} if site.values_of("properties") else {"string"})
    kind = next(
        (one for one in ("string", "object", "array", "integer", "number") if one in kinds), "boolean"
    )
    if kind == "object" and depth < _DEEPEST:
        if tag is None and (union := next(tags(site), None)) is not None:
            return built(root, declared, {union[0]: union[1][0]}, depth)
        return _object(root, site, dict(tag or {}), depth)
    if kind == "array":
        few = max([1, *site.values_of("minItems")])
        return [_item(root, Site((), ABSENT, declared), depth + 1)] * few if depth < _DEEPEST else []
    if kind in {"integer", "number"}:
        low, high = bounds(site)
        return low if low is not None else high if high is not None else 1
    return _OTHERS[kind]


def _object(root: Schema, site: Site, value: dict[str, Any], depth: int) -> dict[str, Any]:
    for name in (name for names in site.values_of("required") for name in names):
        declared = [known[name] for known in site.values_of("properties") if name in known]
        if name not in value:
            found = tuple(rule for one in declared for rule in rules(root, one, ABSENT))
            value[name] = built(root, found, depth=depth + 1)
    return value


def _item(root: Schema, site: Site, depth: int = 0) -> Any:
    items = [schema for schema in site.values_of("items") if isinstance(schema, dict)]
    found = tuple(rule for schema in items for rule in rules(root, schema, ABSENT))
    return built(root, found, depth=depth + 1) if items else "conformance"


# -- what breaks a rule


def broken(root: Schema, site: Site) -> Iterator[Violation]:
    """Yield values that break a rule of a location; the caller checks that they break exactly one."""
    if site.required and site.value is not ABSENT and site.path and isinstance(site.path[-1], str):
        yield Violation("required", "it has to be there", "left out", ABSENT)
    if site.listed:
        yield from _unlisted(site)
    elif site.types:
        yield from _of_another_type(site)
    yield from _out_of_bounds(site)
    yield from _too_few_or_many(root, site)
    yield from _wrong_length_or_format(site)
    if isinstance(site.value, dict) and False in site.values_of("additionalProperties"):
        yield Violation(
            "additionalProperties", "no other properties", f"with {UNKNOWN}", {**site.value, UNKNOWN: 1}
        )


def _unlisted(site: Site) -> Iterator[Violation]:
    limit = f"one of {', '.join(map(str, site.listed))}"
    if any(isinstance(value, str) for value in site.listed):
        yield Violation("enum", limit, f"{UNKNOWN!r}", UNKNOWN)
        yield Violation("enum", limit, "an empty text", "")
    yield Violation("enum", limit, "7", 7)


def _of_another_type(site: Site) -> Iterator[Violation]:
    allowed_types = site.types | ({"integer"} if "number" in site.types else set())
    limit = f"type {' or '.join(sorted(site.types))}"
    for kind, value in _OTHERS.items():
        if kind not in allowed_types:
            yield Violation("type", limit, f"of type {kind}", value)
    if allowed_types & {"integer", "number"} and "string" not in allowed_types:
        yield Violation("type", limit, "a number in a text", "1")


def _out_of_bounds(site: Site) -> Iterator[Violation]:
    whole = "integer" in site.types
    for keyword, step in (("minimum", -1), ("maximum", 1)):
        for limit in site.values_of(keyword):
            value = limit + step if whole else limit + step * 0.01
            yield Violation(keyword, f"{keyword} {limit}", f"{value}", value)
            if not whole:
                yield Violation(keyword, f"{keyword} {limit}", f"{limit + step * 1000}", limit + step * 1000)


def _too_few_or_many(root: Schema, site: Site) -> Iterator[Violation]:
    for limit in site.values_of("minItems"):
        if limit > 0 and isinstance(site.value, list):
            yield Violation("minItems", f"at least {limit}", f"{limit - 1} elements", site.value[: limit - 1])
    for limit in site.values_of("maxItems"):
        if limit < 5000:
            item = site.value[0] if isinstance(site.value, list) and site.value else _item(root, site)
            yield Violation("maxItems", f"at most {limit}", f"{limit + 1} elements", [item] * (limit + 1))


def _wrong_length_or_format(site: Site) -> Iterator[Violation]:
    for limit in site.values_of("minLength"):
        if limit > 0:
            yield Violation("minLength", f"at least {limit}", f"{limit - 1} characters", "a" * (limit - 1))
    for limit in site.values_of("maxLength"):
        yield Violation("maxLength", f"at most {limit}", f"{limit + 1} characters", "a" * (limit + 1))
    for keyword in ("pattern", "format"):
        for limit in site.values_of(keyword):
            yield from (
                Violation(keyword, f"{keyword} {limit}", f"{text!r}", text) for text in (UNKNOWN, "", " ")
            )
