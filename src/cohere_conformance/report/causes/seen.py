"""What the search for causes knows: each finding with where it was seen, and what the contract says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.shape import Sentences

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cohere_conformance.report.deprecated import KnownDeprecation
    from cohere_conformance.report.example import Rank
    from cohere_conformance.report.shape import Row

_INDEX = re.compile(r"(?<=/)[0-9]+(?=/|\Z)")
_MISSING = re.compile(r"absent(?:, as is (/\S+))?")
_WITHIN = re.compile(r" at ((?:/[^/\s]*)+)\Z")
_BY_CASE = frozenset({Kind.EXPECTATION_FAILED, Kind.STATUS_UNEXPECTED})


@dataclass(frozen=True)
class Correction:
    """What an amendment says about the document.

    Attributes:
        klass: such as `document-defect` or `sdk-addition`.
        reason: what is wrong with the document, in one sentence.
    """

    klass: str
    reason: str


@dataclass(frozen=True)
class Background:
    """What explains findings besides themselves.

    Attributes:
        declarations: where the document declares a location, by operation and location.
        sentences: about every requirement and case.
        refused: ids of the cases whose request the server should refuse.
        missing: ids of the cases that need a feature which the server lacks, by the id of the feature.
        about_missing: ids of the requirements about each such feature, by its id.
        corrections: the amendments of the document, by id.
        deprecations: operations and models that are known to be deprecated.
        follows: ids of the requirements whose violation explains that of another one, by the id of that one.
    """

    declarations: Mapping[tuple[str, str], str] = field(default_factory=dict)
    sentences: Sentences = field(default_factory=Sentences)
    refused: Collection[str] = frozenset()
    missing: Mapping[str, Collection[str]] = field(default_factory=dict)
    about_missing: Mapping[str, Collection[str]] = field(default_factory=dict)
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    deprecations: tuple[KnownDeprecation, ...] = ()
    follows: Mapping[str, Collection[str]] = field(default_factory=dict)

    def declaration(self, operation: str, location: str) -> str:
        """Return where a location is declared; operation and location, if that is unknown."""
        below = ""
        place = location
        while place:
            if found := self.declarations.get((operation, place)):
                return found + below
            place, _, last = place.rpartition("/")
            below = f"/{last}{below}"
        return f"{operation} {location}"


NOTHING_KNOWN = Background()
"""The background of reports that are built without a contract."""


@dataclass(frozen=True)
class SeenFinding:
    """One finding, and where it was seen.

    Attributes:
        row: the finding.
        value_class: of the finding: its wrong value, or the type of it.
        rank: how good an example its example is.
        cases: ids of all cases that show it.
        companions: fingerprints of the findings that always come with it.
    """

    row: Row
    value_class: str
    rank: Rank
    cases: frozenset[str]
    companions: frozenset[str]

    @property
    def by_case(self) -> bool:
        """Whether only a case expects otherwise, not the contract."""
        return self.row.kind in _BY_CASE

    @cached_property
    def place(self) -> str:
        """The location, with `*` for array indexes, which only cases name.

        What a case expects of an object or array may be wrong at a value in it; what is absent may be so with
        the object around it.
        """
        if not self.by_case:
            return self.row.location
        if (missing := _MISSING.fullmatch(self.row.observed)) and missing[1]:
            return _INDEX.sub("*", missing[1])
        within = _WITHIN.search(self.row.observed)
        return _INDEX.sub("*", self.row.location + (within[1] if within else ""))

    @property
    def absent(self) -> bool:
        """Whether something is missing at the location, or all of what it is in."""
        return _MISSING.fullmatch(self.row.observed) is not None

    @property
    def served(self) -> bool:
        """Whether the response was a success."""
        return 200 <= self.row.status < 300
