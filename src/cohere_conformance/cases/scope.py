"""The names that a case may use: operations, resources and the values that resources capture."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cohere_conformance.cases.case_file import unlike
from cohere_conformance.cases.template import renamed
from cohere_conformance.contract.models import shipped_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cohere_conformance.cases.case_file import CaseFile, Steps
    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.tiers import LivePolicy
    from cohere_conformance.errors import CaseError


@dataclass(frozen=True)
class Scope:
    """A file, and the names that may be used at a location in it.

    Attributes:
        source: the file.
        contract: with the declared operations.
        policies: of live calls, by the label of the operation.
        captures: the names that each resource of any file captures, by the full name of the resource.
        given: the full names of the placeholders that may be used.

    Its methods raise `CaseError` for unknown names.
    """

    source: CaseFile
    contract: Contract
    policies: Mapping[str, LivePolicy]
    captures: Mapping[str, frozenset[str]]
    given: frozenset[str] = frozenset({"run", "unique"}) | frozenset(shipped_models().roles)

    @property
    def group(self) -> str:
        """The group of the file."""
        return self.source.entry.group

    def error(self, steps: Steps, reason: str) -> CaseError:
        """Return the error for a mistake at a location."""
        return self.source.error(steps, reason)

    def having(self, resource: str, captures: Iterable[str]) -> Scope:
        """Return the scope in which the captured values of a resource may be used as well."""
        return replace(self, given=self.given | {f"{resource}.{name}" for name in captures})

    def needing(self, names: Iterable[str]) -> Scope:
        """Return the scope of a case or resource with these needs."""
        scope = self
        for name in names:
            scope = scope.having(name, self.captures[name])
        return scope

    def one_of(self, steps: Steps, got: str, known: Iterable[str], what: str) -> str:
        """Return a name, which must be a known one."""
        names = tuple(map(str, known))
        if got not in names:
            raise self.error(steps, unlike(got, names, what))
        return got

    def operation(self, steps: Steps, label: str) -> str:
        """Return the label of an operation, which must be a declared one."""
        known = [one for one in self.contract.operations if one in self.policies]
        return self.one_of((*steps, "operation"), label, known, "an operation")

    def needs(self, steps: Steps, names: Iterable[str]) -> tuple[str, ...]:
        """Return the full names of resources; a short name is that of a resource of the same file."""
        full = tuple(name if "." in name else f"{self.group}.{name}" for name in names)
        for number, name in enumerate(full):
            self.one_of((*steps, number), name, sorted(self.captures), "the name of a resource")
        return full

    def text(self, steps: Steps, text: str) -> str:
        """Return a template whose placeholders have their full names."""
        try:
            return renamed(text, self._full)
        except ValueError as error:
            raise self.error(steps, str(error)) from error

    def _full(self, name: str) -> str:
        full = f"{self.group}.{name}" if name.count(".") == 1 else name
        if full in self.given:
            return full
        resource, _, capture = full.rpartition(".")
        if capture in self.captures.get(resource, ()):
            raise ValueError(
                f"expected a value that is known here, got ${{{name}}}; add {resource} to needs, "
                "or use it after it was captured"
            )
        raise ValueError(unlike(name, sorted(self.given), "a placeholder"))

    def json(self, steps: Steps, value: object) -> object:
        """Return a JSON value whose placeholders have their full names."""
        match value:
            case str():
                return self.text(steps, value)
            case list():
                return [self.json((*steps, number), item) for number, item in enumerate(value)]
            case dict():
                for key in value:
                    if not isinstance(key, str):
                        said = f"expected a text as property name, got {key}; quote it"
                        raise self.error((*steps, str(key)), said)
                return {key: self.json((*steps, key), item) for key, item in value.items()}
            case float() if not math.isfinite(value):
                raise self.error(steps, f"expected a JSON number, got {value}; send it with text")
            case _:
                return value
