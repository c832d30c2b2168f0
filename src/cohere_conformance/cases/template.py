"""Placeholders: `${name}` in a text is replaced by a value that is known only while a case runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# All begin with one character, for which a long text is searched in a twentieth of the time.
_PLACEHOLDER = re.compile(r"\$(?:\$\{|\{(?P<name>[^{}]*)\}|(?P<open>\{))")


def renamed(text: str, name: Callable[[str], str]) -> str:
    """Return the template with the name of each placeholder replaced by the result of `name`.

    Raises:
        ValueError: a placeholder has no closing brace, or `name` raises it.
    """

    def replaced(found: re.Match[str]) -> str:
        if found["open"]:
            got = text[found.start() :][:20]
            raise ValueError(f"expected ${{name}}, got {got!r}; close the brace, or write $${{ for ${{")
        return found[0] if found["name"] is None else f"${{{name(found['name'])}}}"

    return _substituted(text, replaced)


def rendered(text: str, values: Mapping[str, str]) -> str:
    """Return the template with values for its placeholders; placeholders in a value are not replaced.

    Raises:
        UsageError: a value is missing.
    """

    def replaced(found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return "${"
        if name not in values:
            known = ", ".join(sorted(values)) or "none at all"
            raise UsageError(
                f"expected a value for ${{{name}}}, got {known}; make the resource before the case is sent"
            )
        return values[name]

    return _substituted(text, replaced)


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return the template with the placeholders filled that have a value; it stays a template."""

    def replaced(found: re.Match[str]) -> str:
        value = values.get(found["name"] or "")
        return found[0] if value is None else value.replace("${", "$${")

    return _substituted(text, replaced)


def _substituted(text: str, replaced: Callable[[re.Match[str]], str]) -> str:
    return _PLACEHOLDER.sub(replaced, text) if "${" in text else text  # most texts have none


def placeholders(value: object) -> frozenset[str]:
    """Return the names of all placeholders in the texts of a JSON value."""
    found: set[str] = set()

    def noted(text: str) -> str:
        if "${" in text:
            found.update(match["name"] for match in _PLACEHOLDER.finditer(text) if match["name"] is not None)
        return text

    mapped(value, noted)
    return frozenset(found)


def mapped(value: object, change: Callable[[str], str]) -> object:
    """Return a JSON value with every text in it changed, except the names of properties."""
    match value:
        case str():
            return change(value)
        case dict():
            return {key: mapped(item, change) for key, item in value.items()}
        case list() | tuple():
            return [mapped(item, change) for item in value]
        case _:
            return value
