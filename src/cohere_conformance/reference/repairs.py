"""Repairs of invalid values, for a server that does not enforce a rule of the contract."""

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
    """One location in a body that violates a rule, with methods to repair it.

    Args:
        validator: of the body.
        body: the body; changed in place.
        error: the error of the validator.

    Attributes:
        root: the schema of the body.
        keyword: the violated keyword.
        details: what the keyword requires, as the validator reports it.
        path: the path of the location.
        rules: the schema with the keyword.
    """

    def __init__(self, validator: Validator, body: Any, error: jsonschema_rs.ValidationError) -> None:
        self.root = validator.schema
        self.keyword = str(error.schema_path[-1])
        self.details: Mapping[str, Any] = error.kind.as_dict()
        self.path = list(error.instance_path)
        self.rules: Schema = _at(self.root, error.schema_path[:-1])
        self._validator = validator
        self._body = body

    @property
    def value(self) -> Any:
        """The value at the location."""
        return _at(self._body, self.path)

    @property
    def nested(self) -> bool:
        """Return whether the location is inside an object below the top of the body."""
        return sum(isinstance(step, str) for step in self.path) > 1

    def replace(self, value: Any) -> bool:
        """Replace the value; the body as a whole cannot be replaced."""
        if not self.path:
            return False
        _at(self._body, self.path[:-1])[self.path[-1]] = value
        return True

    def remove(self) -> bool:
        """Remove the value, or replace it with a valid one if it is required."""
        if not self.path:
            return False
        above = _at(self._body, self.path[:-1])
        if isinstance(above, dict):
            del above[self.path[-1]]
            if not self._missed():
                return True
        return self.replace(plain(self.root, self.rules))

    def _missed(self) -> bool:
        """Return whether the removed property is required."""
        return any(
            [*error.instance_path, error.kind.as_dict()["property"]] == self.path
            for error in self._validator.compiled.iter_errors(self._body)
            if error.kind.name == "required"
        )


def _at(value: Any, path: Iterable[str | int]) -> Any:
    for step in path:
        value = value[step]
    return value


# -- the repairs; each returns whether it changed something


def cut(one: Broken) -> bool:
    """Cut an array or a string to its maximum length."""
    return one.replace(one.value[: one.details["limit"]])


def filled(one: Broken) -> bool:
    """Fill up an array or a string to its minimum length."""
    missing = one.details["limit"] - len(one.value)
    if isinstance(one.value, str):
        return one.replace(one.value + _FILLER * missing)
    return one.replace([*one.value, *([plain(one.root, one.rules.get("items", {}))] * missing)])


def clamped(one: Broken) -> bool:
    """Replace a number beyond a limit with the limit."""
    return one.replace(one.details["limit"])


def unlisted(one: Broken) -> bool:
    """Remove a string that is not in its enum."""
    return isinstance(one.value, str) and one.remove()


def number(one: Broken) -> bool:
    """Parse a string where a number is declared."""
    if not {"integer", "number"} & set(one.details["types"]) or not isinstance(one.value, str):
        return False
    if not _NUMBER.fullmatch(one.value):
        return False
    return one.replace(float(one.value) if "." in one.value else int(one.value))


def whole(one: Broken) -> bool:
    """Round a number down where an integer is declared."""
    return (
        one.details["types"] == ["integer"] and isinstance(one.value, float) and one.replace(int(one.value))
    )


def spelt(one: Broken) -> bool:
    """Turn a boolean into a string where a string is declared."""
    boolean = isinstance(one.value, bool) and "string" in one.details["types"]
    return boolean and one.replace(str(one.value).lower())


def listed(one: Broken) -> bool:
    """Wrap a value in an array where an array is declared."""
    return one.details["types"] == ["array"] and one.replace([one.value])


def nested_away(one: Broken) -> bool:
    """Remove a value of the wrong type that is not at the top of the body."""
    return one.nested and one.remove()


def nested_given(one: Broken) -> bool:
    """Add a missing required property with a valid value, unless it belongs at the top of the body."""
    name = one.details["property"]
    declared = one.rules.get("properties", {}).get(name, {})
    if one.path:
        one.value[name] = plain(one.root, declared)
    return bool(one.path)


def nested_known(one: Broken) -> bool:
    """Remove unknown properties, unless they are at the top of the body."""
    names = one.details.get("unexpected", ())
    for name in names if one.path else ():
        del one.value[name]
    return bool(one.path and names)


def plain(root: Schema, rules: Schema) -> Any:
    """Return a small value that is valid against a schema.

    Args:
        root: the schema that references are resolved in.
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
    types = rules.get("type", "string")
    kind = types if isinstance(types, str) else "string" if "string" in types else types[0]
    if kind == "object":
        properties = rules.get("properties", {})
        return {name: plain(root, properties.get(name, {})) for name in rules.get("required", ())}
    if kind == "array":
        return [plain(root, rules.get("items", {}))] * rules.get("minItems", 0)
    return {"boolean": False, "integer": 1, "number": 1, "null": None}.get(kind, "a")
