"""Loads the comparison rules: `suites/golden.yaml` for all responses, `suites/<group>/golden.yaml` for some.

A rule that cannot apply to any response is an error, reported with its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, cast

import msgspec

from cohere_conformance.cases.case_file import Steps, unlike
from cohere_conformance.cases.grammar import YamlMapping
from cohere_conformance.cases.load import shipped_suite
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.documents import load_located, load_yaml
from cohere_conformance.contract.location import Location, parse_location
from cohere_conformance.data import folder as shipped
from cohere_conformance.errors import CaseError, ContractError
from cohere_conformance.golden.compare.locations import bodies, events, possible
from cohere_conformance.golden.compare.masks import Like, Mask
from cohere_conformance.golden.compare.rules import HEADER, ComparisonRule, Rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cohere_conformance.contract import Contract, Operation

__all__ = ["Rules", "load_rules", "shipped_rules"]

FILE = "golden.yaml"
_CASES = "cases.yaml"
_Shape = TypeVar("_Shape", bound=YamlMapping)


class _MaskEntry(YamlMapping, frozen=True, kw_only=True):
    """One rule, as it is written."""

    why: str
    at: str | tuple[str, ...]
    operation: str | tuple[str, ...] = ()
    like: str | None = msgspec.field(default=None, name="as")
    within: float | None = None
    among: tuple[str | int | float | bool, ...] = ()
    length: Literal["same", "some", "any"] | None = None
    presence: Literal["same", "any"] | None = None


class _HeaderEntry(YamlMapping, frozen=True, kw_only=True):
    """One header that is compared, as it is written."""

    why: str
    name: str
    like: str = msgspec.field(default="equal", name="as")
    presence: Literal["same", "any"] = "same"


def load_rules(suites: Path, contract: Contract) -> Rules:
    """Load the rules of all groups.

    Args:
        suites: the folder of the shipped suites, or another one of the same layout.
        contract: what is declared.

    Raises:
        CaseError: a rule is misspelt, or cannot apply.
    """
    groups: dict[str, dict[str, Operation]] = {}
    for label, operation in contract.operations.items():
        groups.setdefault(operation.group, {})[label] = operation
    common: tuple[ComparisonRule, ...] = ()
    headers: tuple[str, ...] = ()
    if (suites / FILE).is_file():
        shared = _File(suites / FILE, contract.operations)
        common = (*shared.masks(), *shared.headers())
        headers = tuple(rule.header for rule in common if rule.header)
    cases: list[ComparisonRule] = []
    grouped: list[ComparisonRule] = []
    whole: dict[str, Location] = {}
    for path in sorted(suites.glob(f"*/{FILE}")):
        file = _File(path, groups.get(path.parent.name, {}), headers)
        file.check_group(groups)
        cases += file.cases(contract.operations)
        grouped += file.masks()
        whole |= file.whole()
    return Rules((*cases, *grouped, *common), whole)


@lru_cache(maxsize=1)
def shipped_rules() -> Rules:
    """Return the shipped rules; read once a process.

    Raises:
        CaseError: a rule is misspelt, or cannot apply.
    """
    return load_rules(shipped("suites"), load_contract())


@dataclass(frozen=True)
class _Scope:
    """What a rule can apply to.

    Attributes:
        operations: by label.
        headers: names.
        case: id of the case, where it is about one.
    """

    operations: Mapping[str, Operation]
    headers: tuple[str, ...]
    case: str = ""


class _File:
    """One file of rules, and the line of everything in it.

    Args:
        path: of the file.
        operations: that it can be about.
        headers: names of those that are compared; if not given, it is the file that says so.

    Raises:
        CaseError: it cannot be read, or has a key that no such file has.
    """

    def __init__(
        self,
        path: Path,
        operations: Mapping[str, Operation],
        headers: tuple[str, ...] | None = None,
    ) -> None:
        here = Path.cwd()
        self._path = path
        self._file = str(path.relative_to(here) if path.is_relative_to(here) else path)
        try:
            self._document, self._lines = load_located(path)
        except ContractError as error:
            raise CaseError(self._file, 0, str(error).removeprefix(f"{path}: ")) from error
        known = ("group", "whole", "masks", "cases") if headers is not None else ("headers", "masks")
        for key in self._document:
            if key not in known:
                raise self._error((key,), unlike(str(key), known, "a key"))
        names = [str(one.get("name")) for one in self._listed("headers") if isinstance(one, dict)]
        self._scope = _Scope(operations, tuple(names) if headers is None else headers)

    def check_group(self, groups: Iterable[str]) -> None:
        """Refuse a file that is not about the group of its folder."""
        group, folder = self._document.get("group"), self._path.parent.name
        if folder not in groups:
            raise self._error(("group",), unlike(folder, groups, "the folder of a group"))
        if group != folder:
            said = f"expected {folder}, the name of its folder, got {group!r}; rename one of them"
            raise self._error(("group",), said)

    def masks(self) -> Iterator[ComparisonRule]:
        """Yield the rules about operations."""
        for number, raw in enumerate(self._listed("masks")):
            steps: Steps = ("masks", number)
            yield self._rule(steps, self._typed(steps, raw, _MaskEntry), self._scope)

    def cases(self, operations: Mapping[str, Operation]) -> Iterator[ComparisonRule]:
        """Yield the rules about single cases, which may call operations of other groups."""
        entries = self._document.get("cases") or {}
        if not isinstance(entries, dict):
            raise self._error(("cases",), f"expected ids with rules, got {type(entries).__name__}")
        known = _operations_of_cases(self._path.parent / _CASES) if entries else {}
        for case in entries:
            if case not in known:
                raise self._error(("cases", case), unlike(str(case), known, "the id of a case"))
            about = {label: one for label, one in operations.items() if label == known[case]}
            scope = _Scope(about, self._scope.headers, case)
            for number, one in enumerate(self._listed("cases", case)):
                steps: Steps = ("cases", case, number)
                yield self._rule(steps, self._typed(steps, one, _MaskEntry), scope)

    def headers(self) -> Iterator[ComparisonRule]:
        """Yield what is said about the headers that are compared."""
        for number, raw in enumerate(self._listed("headers")):
            steps: Steps = ("headers", number)
            entry = self._typed(steps, raw, _HeaderEntry)
            if entry.name != entry.name.lower():
                said = f"expected the name of a header in lower case, got {entry.name}"
                raise self._error((*steps, "name"), f"{said}; write {entry.name.lower()}")
            yield ComparisonRule(
                locations=(),
                header=entry.name,
                operations=frozenset(self._scope.operations),
                case="",
                mask=Mask(self._like(steps, entry.like)),
                length=None,
                optional=entry.presence == "any",
                why=entry.why,
                file=self._file,
                line=self._lines.of(steps),
            )

    def whole(self) -> dict[str, Location]:
        """Return by operation the place in a stream that holds the whole answer."""
        found = {}
        for label, text in (self._document.get("whole") or {}).items():
            steps: Steps = ("whole", label)
            scope = _Scope(self._named(steps, [label], self._scope), ())
            found[label] = self._place(steps, str(text), scope)
        return found

    def _rule(self, steps: Steps, entry: _MaskEntry, scope: _Scope) -> ComparisonRule:
        labels = (entry.operation,) if isinstance(entry.operation, str) else entry.operation
        about = self._named((*steps, "operation"), labels, scope) if labels else scope.operations
        each = [_Scope({label: one}, scope.headers) for label, one in about.items()] if labels else []
        written = (entry.at,) if isinstance(entry.at, str) else entry.at
        header = self._header((*steps, "at"), written, scope)
        locations: tuple[Location, ...] = ()
        if not header:
            at = [self._at(steps, entry, number) for number in range(len(written))]
            every = each or [_Scope(about, ())]
            for one in every:
                locations = tuple(
                    self._place(where, text, one) for where, text in zip(at, written, strict=True)
                )
        return ComparisonRule(
            locations=locations,
            header=header,
            operations=frozenset(about),
            case=scope.case,
            mask=self._mask(steps, entry),
            length=entry.length,
            optional=None if entry.presence is None else entry.presence == "any",
            why=entry.why,
            file=self._file,
            line=self._lines.of(steps),
        )

    def _at(self, steps: Steps, entry: _MaskEntry, number: int) -> Steps:
        return (*steps, "at") if isinstance(entry.at, str) else (*steps, "at", number)

    def _header(self, steps: Steps, written: tuple[str, ...], scope: _Scope) -> str:
        """Return the name of the header that a rule is about; empty where it is about places."""
        named = [text.removeprefix(HEADER) for text in written if text.startswith(HEADER)]
        if not named:
            return ""
        if len(written) > 1:
            raise self._error(
                steps, f"expected one header alone, got {len(written)} locations; write several rules"
            )
        if named[0] not in scope.headers:
            raise self._error(steps, unlike(named[0], scope.headers, "a header that is compared"))
        return named[0]

    def _mask(self, steps: Steps, entry: _MaskEntry) -> Mask | None:
        given = [entry.like is not None, bool(entry.among), entry.within is not None]
        like = None if entry.like is None else self._like(steps, entry.like)
        if sum(given) > 1 and not (like is Like.BITS and not entry.among):
            raise self._error(
                steps, "expected one of as, among and within, got several; leave the others out"
            )
        if like is Like.BITS and entry.within is None:
            raise self._error((*steps, "as"), "expected within for bits, got none; say which part may differ")
        if entry.within is not None and entry.within <= 0:
            said = f"expected a number above 0, got {entry.within}; leave it out for equal values"
            raise self._error((*steps, "within"), said)
        if not any(given):
            if entry.length is None and entry.presence is None:
                said = "expected one of as, among, within, length and presence, got none; say what may differ"
                raise self._error(steps, said)
            return None
        return Mask(like or Like.EQUAL, entry.within, entry.among)

    def _like(self, steps: Steps, text: str) -> Like:
        if text not in tuple(Like):
            raise self._error((*steps, "as"), unlike(text, tuple(Like), "a kind of comparison"))
        return Like(text)

    def _named(self, steps: Steps, labels: Iterable[str], scope: _Scope) -> dict[str, Operation]:
        found = {}
        for label in labels:
            if label not in scope.operations:
                raise self._error(steps, unlike(label, scope.operations, "an operation"))
            found[label] = scope.operations[label]
        return found

    def _place(self, steps: Steps, text: str, scope: _Scope) -> Location:
        """Return a place at which one of the operations can answer something."""
        try:
            location = parse_location(text)
        except ValueError as error:
            raise self._error(steps, str(error)) from error
        if location.tag is not None:
            tags = {tag for operation in scope.operations.values() for tag in events(operation)}
            if location.tag not in tags:
                raise self._error(steps, unlike(location.tag, sorted(tags), "the type of an event"))
        for operation in scope.operations.values():
            roots = bodies(operation) if location.tag is None else events(operation).get(location.tag, ())
            if possible(roots, location.tokens):
                return location
        about = " or ".join(scope.operations) if len(scope.operations) < 3 else "any of its operations"
        raise self._error(
            steps, f"expected a location that a response to {about} can have, got {text}; correct it"
        )

    def _listed(self, *steps: str) -> list[object]:
        value: object = self._document
        for step in steps:
            value = cast("dict[str, object]", value).get(step)
        if value is not None and not isinstance(value, list):
            raise self._error(
                steps, f"expected a list of rules, got {type(value).__name__}; write them with -"
            )
        return value or []

    def _typed(self, steps: Steps, raw: object, shape: type[_Shape]) -> _Shape:
        if isinstance(raw, dict):
            known = [field.encode_name for field in msgspec.structs.fields(shape)]
            for key in raw:
                if key not in known:
                    raise self._error((*steps, key), unlike(str(key), known, "a key"))
        try:
            return msgspec.convert(raw, shape)
        except msgspec.ValidationError as error:
            reason, _, where = str(error).partition(" - at `$.")
            within: Steps = (where.rstrip("`").partition("[")[0],) if where else ()
            raise self._error((*steps, *within), f"{reason[:1].lower()}{reason[1:]}; correct it") from error

    def _error(self, steps: Steps, reason: str) -> CaseError:
        return CaseError(self._file, self._lines.of(steps), reason)


def _operations_of_cases(path: Path) -> dict[str, str]:
    """Return the operation of every case of a file; other errors in it are reported elsewhere."""
    # What ships is in memory already, wherever it is compared.
    if path.parent.parent == shipped("suites"):
        return {case.id: case.operation for case in shipped_suite().cases if case.group == path.parent.name}
    cases = load_yaml(path).get("cases") if path.is_file() else None
    entries = (one for one in cases or () if isinstance(one, dict))
    return {str(one.get("id")): str(one.get("operation")) for one in entries}
