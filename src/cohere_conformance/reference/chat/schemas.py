"""Instances of JSON Schemas, filled from the message of the user, for JSON mode and tool calls."""

from __future__ import annotations

import math
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from cohere_conformance.pointer import unescaped
from cohere_conformance.reference.chat import patterns, words

_Schema = dict[str, Any]
_SHALLOW = 4
"""The depth below which optional properties are left out."""
_DEEPEST = 16
_LARGEST = 10_000
"""The maximum number of values of an instance; a recursive schema may need more."""
_DATE_NAME = re.compile(r"(?:^|_)(?:date|day|when)(?:$|_)", re.IGNORECASE)
_SOME_DAY = f"{words.YEAR}-01-01"
_TEXT_NAME = re.compile(
    r"^(?:query|question|q|text|prompt|message|input|search\w*|content|request|answer|summary)$",
    re.IGNORECASE,
)

_ADDRESS = {
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "url": re.compile(r"https?://[^\s\"'<>)]+"),
    "uri": re.compile(r"https?://[^\s\"'<>)]+"),
    "link": re.compile(r"https?://[^\s\"'<>)]+"),
}
_WORD_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
_TRUE_AGAINST = re.compile(r"\b(?:not|no|never|without|false|off|n't)\b", re.IGNORECASE)
_MERGED = ("properties", "required")


class UnfillableError(ValueError):
    """No instance can be generated for a schema."""


@dataclass
class Hints:
    """Values for a schema from a text: names, numbers and dates; used values come again last.

    Args:
        text: what the user said.
    """

    text: str
    _numbers: list[float] = field(init=False)
    _names: list[str] = field(init=False)
    _dates: list[str] = field(init=False)

    def __post_init__(self) -> None:
        spelled = [float(_WORD_NUMBERS.index(w)) for w in self.text.lower().split() if w in _WORD_NUMBERS]
        self._numbers = words.numbers(self.text) + spelled
        self._names = [*words.quoted(self.text), *words.names(self.text), *words.topics(self.text)]
        self._dates = words.dates(self.text)

    def number(self, *, whole: bool) -> float | None:
        """Return the next number, or the next integer; `None` if there is none."""
        for number in self._numbers:
            if number.is_integer() or not whole:
                self._numbers.remove(number)
                self._numbers.append(number)
                return number
        return None

    def name(self) -> str | None:
        """Return the next quotation, name or topic."""
        if not self._names:
            return None
        self._names.append(self._names.pop(0))
        return self._names[-1]

    def day(self) -> str | None:
        """Return the next date."""
        if not self._dates:
            return None
        self._dates.append(self._dates.pop(0))
        return self._dates[-1]


def instance(schema: _Schema, hints: Hints, *, optional: bool = True) -> Any:
    """Return a value that is valid against a schema.

    Args:
        schema: JSON Schema; references go to its own definitions.
        hints: what to fill it with.
        optional: also give properties that may be left out; otherwise only those that the user speaks of.

    Raises:
        UnfillableError: it asks for something that cannot be made up.
    """
    return _Filling(schema, hints, optional).value(schema, "", 0)


class _Filling:
    """One generation of an instance."""

    def __init__(self, root: _Schema, hints: Hints, optional: bool) -> None:
        self._root = root
        self._hints = hints
        self._optional = optional
        self._left = _LARGEST

    def value(self, schema: object, name: str, depth: int) -> Any:
        """Return a value for a subschema; `name` is the name of its property."""
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            raise UnfillableError("the schema nests too deeply")
        if schema is True:
            schema = {}
        if not isinstance(schema, dict):
            raise UnfillableError(f"the schema of {name or 'the top'} allows nothing")
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if isinstance(options := schema.get("enum"), list):
            return self._member(options, name)
        for keyword in ("anyOf", "oneOf"):
            if branches := schema.get(keyword):
                return self._branch(schema, keyword, branches, name, depth)
        match _kind(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer":
                return int(self._number(schema, whole=True))
            case "number":
                number = self._number(schema, whole=False)
                return int(number) if number.is_integer() else number
            case "boolean":
                return not _TRUE_AGAINST.search(self._hints.text)
            case "null":
                return None
        return self._text(schema, name)

    def _resolved(self, schema: _Schema, depth: int = 0) -> _Schema:
        """Resolve references and merge the branches of allOf."""
        for _ in range(_DEEPEST if depth < _SHALLOW else 0):
            reference = schema.get("$ref")
            if isinstance(reference, str):
                beside = {key: value for key, value in schema.items() if key != "$ref"}
                schema = {**self._target(reference), **beside}
            elif isinstance(parts := schema.get("allOf"), list):
                merged = {key: value for key, value in schema.items() if key != "allOf"}
                for part in parts:
                    merged = _merged(
                        merged, self._resolved(part, depth + 1) if isinstance(part, dict) else {}
                    )
                schema = merged
            else:
                return schema
        raise UnfillableError("the references of the schema lead nowhere")

    def _target(self, reference: str) -> _Schema:
        node: Any = self._root
        if not reference.startswith("#"):
            raise UnfillableError(f"the reference {reference} leads out of the schema")
        for token in reference.lstrip("#").strip("/").split("/"):
            key = unescaped(token)
            if key:
                node = node.get(key) if isinstance(node, dict) else None
        if not isinstance(node, dict):
            raise UnfillableError(f"the reference {reference} leads nowhere")
        return node

    def _member(self, options: list[Any], name: str) -> Any:
        """Return the value of an enum that the user names, otherwise the first that is not null."""
        if not options:
            raise UnfillableError(f"the enumeration of {name or 'the top'} is empty")
        said = {word.lower() for word in words.words(self._hints.text)}
        for option in options:
            parts = {word.lower() for word in words.words(str(option))}
            if option is not None and parts and parts <= said:
                return option
        return next((option for option in options if option is not None), None)

    def _branch(self, schema: _Schema, keyword: str, branches: object, name: str, depth: int) -> Any:
        beside = {key: value for key, value in schema.items() if key != keyword}
        usable = (
            [branch for branch in branches if isinstance(branch, dict)] if isinstance(branches, list) else []
        )
        problem = UnfillableError(f"no branch of {name or 'the top'} can be filled")
        for branch in sorted(usable, key=lambda branch: branch.get("type") == "null"):
            try:
                return self.value(_merged(beside, branch), name, depth + 1)
            except UnfillableError as error:
                problem = error
        raise problem

    def _object(self, schema: _Schema, depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        required = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
        found = {}
        for name, inner in properties.items():
            if name in required or self._wanted(name, inner, depth):
                try:
                    found[name] = self.value(inner, name, depth + 1)
                except UnfillableError:
                    if name in required:
                        raise
        for name in required:
            if name not in found:
                extra = schema.get("additionalProperties", True)
                found[name] = self.value(
                    extra if isinstance(extra, dict) else {"type": "string"}, name, depth + 1
                )
        return found

    def _wanted(self, name: str, inner: object, depth: int) -> bool:
        """Return whether to include an optional property."""
        if self._optional:
            return depth < _SHALLOW
        description = inner.get("description", "") if isinstance(inner, dict) else ""
        about = words.stems(f"{name} {description}" if isinstance(description, str) else name)
        return depth < _SHALLOW and bool(words.overlap(words.stems(self._hints.text), about))

    def _array(self, schema: _Schema, name: str, depth: int) -> list[Any]:
        least, most = _limit(schema, "minItems", 0), _limit(schema, "maxItems", 2)
        length = max(least, min(most, 2 if self._optional else 1)) if depth < _SHALLOW + 2 else least
        if length > 100:
            raise UnfillableError(f"{name or 'the top'} asks for more than 100 items")
        heads = schema.get("prefixItems")
        heads = heads if isinstance(heads, list) else []
        inner = schema.get("items", {"type": "string"})
        found: list[Any] = []
        for number in range(length):
            try:
                item = self.value(heads[number] if number < len(heads) else inner, name, depth + 1)
            except UnfillableError:
                if number < least:
                    raise
                break
            if item not in found or number < least:
                found.append(item)
        return found

    def _number(self, schema: _Schema, *, whole: bool) -> float:
        number = self._hints.number(whole=whole)
        number = 1.0 if number is None else number
        low, high = _bound(schema, "minimum"), _bound(schema, "maximum")
        if (above := _bound(schema, "exclusiveMinimum")) is not None:
            low = above + 1 if low is None else max(low, above + 1)
        if (below := _bound(schema, "exclusiveMaximum")) is not None:
            high = below - 1 if high is None else min(high, below - 1)
        if low is not None and number < low:
            number = math.ceil(low) if whole else low
        if high is not None and number > high:
            number = math.floor(high) if whole else high
        if (step := _bound(schema, "multipleOf")) and step > 0:
            number = number // step * step
        return float(number)

    def _text(self, schema: _Schema, name: str) -> str:
        match schema.get("format"):
            case "date-time":
                return f"{self._hints.day() or _SOME_DAY}T12:00:00Z"
            case "date":
                return self._hints.day() or _SOME_DAY
            case "time":
                return "12:00:00Z"
            case "uuid":
                return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{name} {self._hints.text}"))
        if isinstance(pattern := schema.get("pattern"), str):
            try:
                return patterns.sample(pattern)
            except ValueError as error:
                raise UnfillableError(str(error)) from error
        dated = "YYYY-MM-DD" in str(schema.get("description"))
        text = (self._hints.day() or _SOME_DAY) if dated else self._said(name)
        least, most = _limit(schema, "minLength", 0), _limit(schema, "maxLength", 10_000)
        if least > 10_000:
            raise UnfillableError(f"{name or 'the top'} asks for more than 10000 characters")
        return text[:most].ljust(least, ".")

    def _said(self, name: str) -> str:
        """Return a string from the message of the user for a property with this name."""
        text = self._hints.text
        if pattern := _ADDRESS.get(name.lower()):
            return match[0] if (match := pattern.search(text)) else f"{name}@example.com"
        if _DATE_NAME.search(name) and (day := self._hints.day()):
            return day
        if _TEXT_NAME.match(name) and text.strip():
            return text.strip()
        return self._hints.name() or name or "text"


def _kind(schema: _Schema) -> str:
    """Return the type of the value: of several types the first that is not null."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in schema or "additionalProperties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _merged(one: _Schema, other: _Schema) -> _Schema:
    merged = {**one, **other}
    for key in _MERGED:
        match one.get(key), other.get(key):
            case dict() as first, dict() as second:
                merged[key] = {**first, **second}
            case list() as first, list() as second:
                merged[key] = [*first, *second]
    return merged


def _bound(schema: _Schema, keyword: str) -> float | None:
    """Return the number of a keyword, if it is a number of moderate size."""
    value = schema.get(keyword)
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    return float(value) if usable and isinstance(value, int | float) else None


def _limit(schema: _Schema, keyword: str, default: int) -> int:
    value = schema.get(keyword)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default
