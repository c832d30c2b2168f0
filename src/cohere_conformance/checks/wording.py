"""JSON Schema in English: what a value has to be, as in "expected `text` to be a string"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from cohere_conformance.checks.frame import cut, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_NOUNS = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
_FORMATS = {
    "uuid": "a UUID",
    "date-time": "a date and time (RFC 3339)",
    "uri": "a URI",
    "email": "an email address",
    "byte": "a string in Base64",
    "int32": "an integer of 32 bits",
    "int64": "an integer of 64 bits",
}
_UNITS = {"Length": "character", "Items": "element", "Properties": "property"}
_TOGETHER: dict[str | int, tuple[str, ...]] = {
    "minimum": ("type", "maximum"),
    "maximum": ("type", "minimum"),
    "minLength": ("type", "maxLength"),
    "maxLength": ("type", "minLength"),
    "minItems": ("type", "maxItems"),
    "maxItems": ("type", "minItems"),
    "contains": ("maxContains",),
    "maxContains": ("contains",),
    "format": ("type",),
    "pattern": ("type",),
}
"""Keywords that are one demand for a reader."""
_IGNORED = frozenset({"title", "description", "default", "examples", "deprecated"})


def of_schema(schema: object) -> str:
    """Return what a value that conforms to a schema is, to be read after "to be"."""
    return cut(_phrase(schema))


def of_part(schema: object, path: Sequence[str | int], below: Sequence[str | int]) -> str:
    """Return what the part of a schema demands that a value violates, to be read after "to be".

    Args:
        schema: of the whole value.
        path: to the violated keyword, in the schema.
        below: to the part of the value that violates it.
    """
    node: Any = schema
    for token in path[:-1]:
        node = node[token]
    if not isinstance(node, dict) or path[-1] not in node:
        return of_schema(schema)
    together = (path[-1], *_TOGETHER.get(path[-1], ()))
    phrase = _phrase({name: value for name, value in node.items() if name in together})
    if not below:
        return cut(phrase)
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in below).lstrip(".")
    whole = "an array" if isinstance(below[0], int) else "an object"
    return cut(f"{whole} whose {where} is {phrase}")


def of_keyword(keyword: str, schema: Mapping[str, Any]) -> str:
    """Return what one keyword of a schema demands of a value, to be read after "to be"."""
    limit = schema.get(keyword)
    if keyword == "type":
        return _type(limit)
    if keyword == "enum" and isinstance(limit, list):
        # In a declaration a value is a name: quotes would be noise.
        return cut(f"{'one of ' if len(limit) > 1 else ''}{', '.join(str(value) for value in limit)}")
    if keyword in {"oneOf", "anyOf"} and isinstance(limit, list):
        return f"one of the {len(limit)} declared alternatives"
    if "x-format" in schema:
        return _format(schema["x-format"])
    return cut(_phrase({keyword: limit}))


def _phrase(schema: object) -> str:
    if not isinstance(schema, dict):
        return "absent" if schema is False else "anything"
    keywords = cast("dict[str, Any]", schema)
    if "const" in keywords:
        return shown(keywords["const"])
    if "enum" in keywords:
        return f"one of {', '.join(map(shown, keywords['enum']))}"
    head, used = _head(keywords)
    tail = _joined(_bare(one, head) for one in _tail(keywords, used | {"items"}))
    if "items" in keywords:
        tail += f"{',' if tail else ' of elements,'} each {_phrase(keywords['items'])}"
        return f"{head} {tail.lstrip()}"
    # Without a noun the first phrase is one itself.
    return f"{head} {tail}" if head and tail else head or tail.removeprefix("that is ") or "anything"


def _bare(phrase: str, noun: str) -> str:
    """Return a phrase without a noun that is repeated, such as "an array" of which more is said."""
    return phrase.replace(f"that is {noun} ", "").replace(f" and {noun} ", " and ") if noun else phrase


def _head(keywords: Mapping[str, Any]) -> tuple[str, set[str]]:
    """Return the noun of a phrase, and the keywords that it expresses."""
    if "format" in keywords and keywords.get("type", "string") == "string":
        return _format(keywords["format"]), {"format", "type"}
    name = keywords.get("type") or _implied(keywords)
    for one, size in (("string", "Length"), ("array", "Items")):
        if name == one and keywords.get(f"min{size}") == 1 and f"max{size}" not in keywords:
            return f"a non-empty {one}", {"type", f"min{size}"}
        if name == one and keywords.get(f"max{size}") == 0:
            return f"an empty {one}", {"type", f"min{size}", f"max{size}"}
    return (_type(name) if name else ""), {"type"}


def _implied(keywords: Mapping[str, Any]) -> str:
    """Return the type that the keywords are about, if the schema names none."""
    about = {
        "string": ("minLength", "maxLength", "pattern"),
        "array": ("minItems", "maxItems", "items", "contains", "uniqueItems", "prefixItems"),
        "object": ("properties", "required", "minProperties", "maxProperties", "additionalProperties"),
        "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    }
    return next((name for name, some in about.items() if any(one in keywords for one in some)), "")


def _type(name: object) -> str:
    names = cast("list[object]", name) if isinstance(name, list) else [name]
    return " or ".join(_NOUNS.get(str(one), str(one)) for one in names)


def _format(name: object) -> str:
    return _FORMATS.get(str(name), f"a string in the format {name}")


# -- what follows the noun -----------------------------------------------------------------------------------


def _tail(keywords: Mapping[str, Any], used: set[str]) -> Iterable[str]:
    """Yield what each further keyword adds to the noun."""
    left = {name: value for name, value in keywords.items() if name not in used | _IGNORED}
    yield from _numbers(left)
    for unit in _UNITS:
        yield from _sizes(left, unit)
    if "contains" in left and "maxContains" in left:
        most, one = left.pop("maxContains"), left.pop("contains")
        yield f"with at most {most} element {_whose(one)}"
    required = left.pop("required", ())
    properties = left.pop("properties", {})
    if bare := [name for name in required if name not in properties]:
        yield f"with {', '.join(bare)}"
    for name, one in properties.items():
        yield f"without {name}" if one is False else f"whose {name} is {_phrase(one)}"
    if "if" in left:
        condition, then, other = left.pop("if"), left.pop("then", True), left.pop("else", True)
        yield f"that is {_phrase(then)} if it is {_phrase(condition)}"
        yield from [] if other is True else [f"that is {_phrase(other)} otherwise"]
    for name, value in left.items():
        words = _WORDS.get(name)
        # A keyword without words is named: what it demands is in the declaration.
        yield words(value) if words else f"that satisfies {name}"


def _numbers(left: dict[str, Any]) -> Iterable[str]:
    least, most = left.pop("minimum", None), left.pop("maximum", None)
    if least is not None and least == most:
        yield f"equal to {least}"
    elif least is not None and most is not None:
        yield f"from {least} to {most}"
    elif least is not None:
        yield f"of at least {least}"
    elif most is not None:
        yield f"of at most {most}"


def _sizes(left: dict[str, Any], suffix: str) -> Iterable[str]:
    least, most = left.pop(f"min{suffix}", None), left.pop(f"max{suffix}", None)
    if least is None and most is None:
        return
    unit, number = _UNITS[suffix], most if most is not None else least
    if number != 1:
        unit = "properties" if suffix == "Properties" else f"{unit}s"
    if least is not None and most is not None:
        yield f"of exactly {least} {unit}" if least == most else f"of {least} to {most} {unit}"
    else:
        yield f"of at least {least} {unit}" if most is None else f"of at most {most} {unit}"


def _whose(schema: object) -> str:
    """Return what an element is, to be read after "element"."""
    phrase = _phrase(schema)
    found = phrase.removeprefix("an object ")
    return found if found != phrase else f"that is {phrase}"


def _some(phrases: Iterable[object], word: str) -> str:
    return f" {word} ".join(_phrase(one) for one in phrases)


def _joined(phrases: Iterable[str]) -> str:
    several = list(phrases)
    return " and ".join(filter(None, (", ".join(several[:-1]), *several[-1:])))


_WORDS: dict[str, Callable[[Any], str]] = {
    "pattern": lambda value: f"that matches {value}",
    "format": lambda value: f"in the format {value}",
    "const": shown,
    "contains": lambda value: f"with an element {_whose(value)}",
    "prefixItems": lambda value: f"that begins with {_some(value, 'and')}",
    "uniqueItems": lambda value: "without duplicates" if value else "",
    "additionalProperties": lambda value: f"of which each further property is {_phrase(value)}",
    "propertyNames": lambda value: f"of which each name is {_phrase(value)}",
    "not": lambda value: f"other than {_phrase(value)}",
    "allOf": lambda value: f"that is {_some(value, 'and')}",
    "anyOf": lambda value: f"that is {_some(value, 'or')}",
    "oneOf": lambda value: f"that is {_some(value, 'or')}",
    "exclusiveMinimum": lambda value: f"greater than {value}",
    "exclusiveMaximum": lambda value: f"less than {value}",
    "multipleOf": lambda value: f"that is a multiple of {value}",
}
