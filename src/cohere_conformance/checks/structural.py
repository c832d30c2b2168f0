"""Deviations that follow from the skeleton of a value: what has one shows them again, whatever its texts say.

Many responses deviate in the same way, such as by a property that is missing in every one. To find the errors
of a value takes ten times as long as to find that it has no others than those of its structure.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema_rs

from cohere_conformance.checks.skeleton import kept_texts

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from cohere_conformance.contract import Validator

BOUNDS = frozenset(
    "minLength maxLength minItems maxItems minProperties maxProperties minimum maximum exclusiveMinimum "
    "exclusiveMaximum multipleOf uniqueItems".split()
)
"""Keywords that limit a value of the right type."""
_STRUCTURAL = frozenset({"required", "additionalProperties", "type"})
"""Keywords whose errors follow from the skeleton of a value, except where the type of a number decides."""
_NUMBERS = frozenset({"integer", "number"})
_NAMED = frozenset({"properties", "$defs"})
_NESTED = frozenset({"items", "additionalProperties", "then", "else"})
_UNDERSTOOD = (
    _STRUCTURAL
    | _NAMED
    | _NESTED
    | BOUNDS
    | {"$ref", "allOf", "const", "enum", "format", "if", "pattern", "readOnly", "x-format", "x-tag"}
)
_MOST = 1024
"""Skeletons whose errors are remembered, of one schema."""


class SchemaError(NamedTuple):
    """One error of a value by a schema.

    Attributes:
        keyword: that is violated.
        path: of the invalid part, in the value.
        location: likewise, without indexes.
        node: the schema with the keyword.
        names: of the missing or unexpected properties.
    """

    keyword: str
    path: Sequence[str | int]
    location: str
    node: Any
    names: Sequence[str] = ()


class Structural:
    """Remembers the errors of one schema that values with a skeleton have.

    Args:
        validator: the schema.

    Attributes:
        texts: the texts on which the schema depends, so that the skeleton has to have them.
    """

    def __init__(self, validator: Validator) -> None:
        others, texts = _without(validator.schema), kept_texts(_texts(validator.schema))
        if texts is None:
            raise _UnclearError
        self.texts = texts
        self._others = jsonschema_rs.Draft202012Validator(others, validate_formats=True)
        self._known: dict[Hashable, tuple[SchemaError, ...]] = {}

    def errors(self, form: Hashable, value: Any) -> tuple[SchemaError, ...] | None:
        """Return the errors of a value with a known skeleton; `None` if they have to be found.

        Args:
            form: of the skeleton, with the texts.
            value: to judge.
        """
        known = self._known.get(form)
        return known if known is not None and self._others.is_valid(value) else None

    def learn(self, form: Hashable, value: Any, errors: Sequence[SchemaError]) -> None:
        """Remember the errors of a value, if they follow from its skeleton."""
        if all(error.keyword in _STRUCTURAL for error in errors) and self._others.is_valid(value):
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[form] = tuple(errors)


@lru_cache(maxsize=256)
def structural(validator: Validator) -> Structural | None:
    """Return what remembers the errors of a schema; `None` if more than skeletons chooses its branches."""
    try:
        return Structural(validator)
    except _UnclearError:
        return None


class _UnclearError(Exception):
    """A schema has a keyword with which an error may follow from something else than it seems."""


def _without(node: Any) -> Any:
    """Return a schema without what the skeleton of a value decides."""
    if not isinstance(node, dict):
        return node
    if not node.keys() <= _UNDERSTOOD or not _is_clear(node.get("if", {})):
        raise _UnclearError
    left = {
        word: one
        for word, one in node.items()
        if word != "required"
        and not (word == "additionalProperties" and one is False)
        and not (word == "type" and _NUMBERS.isdisjoint(_listed(one)))
    }
    for word in _NAMED & left.keys():
        left[word] = {name: _without(inner) for name, inner in left[word].items()}
    for word in _NESTED & left.keys():
        left[word] = _without(left[word])
    if "allOf" in left:
        left["allOf"] = [_without(inner) for inner in left["allOf"]]
    return left


def _is_clear(condition: Any) -> bool:
    """Return whether the skeleton of a value, with the texts of the schema, decides a condition."""
    if not condition.keys() <= {"type", "properties", "required"}:
        return False
    tags = condition.get("properties", {}).values()
    listed = [value for tag in tags for value in tag.get("enum", (None,))]
    return (
        _NUMBERS.isdisjoint(_listed(condition.get("type", [])))
        and all(tag.keys() == {"enum"} for tag in tags)
        and all(isinstance(value, str) for value in listed)
    )


def _listed(types: Any) -> list[str]:
    return [types] if isinstance(types, str) else types


def _texts(node: Any) -> Iterator[str]:
    """Yield the texts that a schema lists."""
    if isinstance(node, dict):
        listed = node.get("enum")
        several = [*(listed if isinstance(listed, list) else ()), node.get("const")]
        yield from (one for one in several if isinstance(one, str))
        for inner in node.values():
            yield from _texts(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _texts(inner)
