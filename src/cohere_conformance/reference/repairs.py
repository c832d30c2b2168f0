"""How what breaks a rule of the contract is put right, for a server that overlooks the rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import jsonschema_rs

    from cohere_conformance.contract import Validator
    from cohere_conformance.contract.schema import Schema

_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_FILLER = "."


class Broken:
    """One place that breaks a rule, ready to be put right.

    Args:
        validator: of the whole body.
        body: the body; changed in place.
        error: what the validator says.

    Attributes:
        root: the schema of the whole body.
        keyword: of the broken rule.
        told: what the rule demands, as the validator names it.
        path: names and positions that lead to the place.
        rules: the schema that holds the keyword.
    """

    def __init__(self, validator: Validator, body: Any, error: jsonschema_rs.ValidationError) -> None:
        self.root = validator.schema
        self.keyword = str(error.schema_path[-1])
        self.told: Mapping[str, Any] = error.kind.as_dict()
        self.path = list(error.instance_path)
        self.rules: Schema = _at(self.root, error.schema_path[:-1])
        self._validator = validator
        self._body = body

    @property
    def value(self) -> Any:
        """What stands there."""
        return _at(self._body, self.path)

    @property
    def nested(self) -> bool:
        """Tell whether the place is inside of an object that is not the whole body."""
        return sum(isinstance(step, str) for step in self.path) > 1

    def replace(self, value: Any) -> bool:
        """Put a value there; the body as a whole cannot be replaced."""
        if not self.path:
            return False
        _at(self._body, self.path[:-1])[self.path[-1]] = value
        return True

    def remove(self) -> bool:
        """Take the value away, or put a plain one there where something has to be."""
        if not self.path:
            return False
        above = _at(self._body, self.path[:-1])
        if isinstance(above, dict):
            del above[self.path[-1]]
            if not self._missed():
                return True
        return self.replace(plain(self.root, self.rules))

    def _missed(self) -> bool:
        """Tell whether the place is one that must not be empty, now that it is."""
        return any(
            [*error.instance_path, error.kind.as_dict()["property"]] == self.path
            for error in self._validator.compiled.iter_errors(self._body)
            if error.kind.name == "required"
        )


def _at(value: Any, path: Iterable[str | int]) -> Any:
    for step in path:
        value = value[step]
    return value


# -- how each kind of error is put right; false where it is not


def cut(one: Broken) -> bool:
    """Shorten a list or a text to what is allowed."""
    return one.replace(one.value[: one.told["limit"]])


def filled(one: Broken) -> bool:
    """Lengthen a list or a text to what is demanded."""
    missing = one.told["limit"] - len(one.value)
    if isinstance(one.value, str):
        return one.replace(one.value + _FILLER * missing)
    return one.replace([*one.value, *([plain(one.root, one.rules.get("items", {}))] * missing)])


def clamped(one: Broken) -> bool:
    """Put the limit in place of a number beyond it."""
    return one.replace(one.told["limit"])


def unlisted(one: Broken) -> bool:
    """Take away a text that is none of those listed."""
    return isinstance(one.value, str) and one.remove()


def number(one: Broken) -> bool:
    """Read a number from a text, where one is declared."""
    if not {"integer", "number"} & set(one.told["types"]) or not isinstance(one.value, str):
        return False
    if not _NUMBER.fullmatch(one.value):
        return False
    return one.replace(float(one.value) if "." in one.value else int(one.value))


def whole(one: Broken) -> bool:
    """Take the whole part of a number, where a whole one is declared."""
    return one.told["types"] == ["integer"] and isinstance(one.value, float) and one.replace(int(one.value))


def spelt(one: Broken) -> bool:
    """Write true or false as a text, where one is declared."""
    boolean = isinstance(one.value, bool) and "string" in one.told["types"]
    return boolean and one.replace(str(one.value).lower())


def listed(one: Broken) -> bool:
    """Make a list of what is no list, where one is declared."""
    return one.told["types"] == ["array"] and one.replace([one.value])


def nested_away(one: Broken) -> bool:
    """Take away what has the wrong type and is not at the top of the body."""
    return one.nested and one.remove()


def nested_given(one: Broken) -> bool:
    """Give what is required a plain value; nothing is done where its owner is the whole body."""
    name = one.told["property"]
    declared = one.rules.get("properties", {}).get(name, {})
    if one.path:
        one.value[name] = plain(one.root, declared)
    return bool(one.path)


def nested_known(one: Broken) -> bool:
    """Take unknown fields away, unless their owner is the whole body."""
    names = one.told.get("unexpected", ())
    for name in names if one.path else ():
        del one.value[name]
    return bool(one.path and names)


def plain(root: Schema, rules: Schema) -> Any:
    """Return a small value that a schema allows.

    Args:
        root: where references lead to.
        rules: the schema.
    """
    if "$ref" in rules:
        return plain(root, root["$defs"][rules["$ref"].rpartition("/")[2]])
    if "else" in rules:
        return plain(root, rules["else"])
    if "enum" in rules:
        return rules["enum"][0]
    if "type" not in rules and "allOf" in rules:
        return plain(root, rules["allOf"][0])
    told = rules.get("type", "string")
    kind = told if isinstance(told, str) else "string" if "string" in told else told[0]
    if kind == "object":
        properties = rules.get("properties", {})
        return {name: plain(root, properties.get(name, {})) for name in rules.get("required", ())}
    if kind == "array":
        return [plain(root, rules.get("items", {}))] * rules.get("minItems", 0)
    return {"boolean": False, "integer": 1, "number": 1, "null": None}.get(kind, "a")
