"""The features that a server may do without: `contracts/features.yaml`."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import msgspec

from cohere_conformance.contract.documents import load_typed
from cohere_conformance.contract.location import parse_location
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError, UsageError
from cohere_conformance.names import unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Condition = dict[str, Any] | bool
_GIVEN: dict[str, Any] = {"not": {"enum": [None, False]}}
"""A value that is there: `null` counts as absent, and `false` switches an option off."""
_INDEX = re.compile(r"/[0-9]+(?=/|$)")
_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


class FeatureRequest(msgspec.Struct, frozen=True):
    """A request, as far as features are recognised by it.

    Attributes:
        operation: label of the operation that it calls.
        query: names and values of its parameters.
        body: its JSON; `UNSET` if there is none.
        key: the kind of key that it is sent with, such as `valid` or `trial`.
    """

    operation: str
    query: tuple[tuple[str, str], ...] = ()
    body: object = msgspec.UNSET
    key: str = "valid"


class _Trait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What makes a request need a feature.

    Attributes:
        operations: labels; any operation if empty.
        body: schemas of values by location.
        query: schemas of texts by the name of the parameter.
        keys: kinds of keys.
    """

    operations: tuple[str, ...] = ()
    body: dict[str, Condition] = {}
    query: dict[str, Condition] = {}
    keys: tuple[str, ...] = ()

    def fits(self, request: FeatureRequest) -> bool:
        """Return whether a request has it."""
        if self.operations and request.operation not in self.operations:
            return False
        if request.key in self.keys:
            return True
        if any(name in self.query and _valid(self.query[name], value) for name, value in request.query):
            return True
        return request.body is not msgspec.UNSET and any(
            _valid(schema, value)
            for location, schema in self.body.items()
            for value in parse_location(location).values(request.body)
        )


class Feature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A part of the API that a server may do without.

    Attributes:
        title: its name, for a reader.
        about: one sentence.
        requests: what makes a request need it; one of them suffices.
        requirements: ids of the requirements that are about it, with `*` for any text.
        waived: ids of requirements that are not judged where a server does without it, likewise.
        responses: locations in responses where it shows.
        faults: faults of the reference server that show with it only, besides those of its requirements.
    """

    title: str
    about: str
    requests: tuple[_Trait, ...]
    requirements: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
    responses: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    def needed_by(self, request: FeatureRequest) -> bool:
        """Return whether a request needs the feature."""
        return any(trait.fits(request) for trait in self.requests)

    @cached_property
    def clauses(self) -> frozenset[str]:
        """Ids of the requirements that are about it."""
        return _matching((*self.requirements, *self.waived), shipped_requirements().requirements)

    @cached_property
    def unjudged(self) -> frozenset[str]:
        """Ids of the requirements that are not judged where a server does without it."""
        return _matching(self.waived, shipped_requirements().requirements)

    def shows_at(self, location: str) -> bool:
        """Return whether a location in a response is one where the feature shows, or below one."""
        folded = _INDEX.sub("/*", location)
        return any(folded == one or folded.startswith(f"{one}/") for one in self.responses)

    def faults_of(self, known: Iterable[str]) -> frozenset[str]:
        """Return the faults of the reference server that show with the feature only.

        Args:
            known: names of all faults.
        """
        requirements = shipped_requirements().requirements
        named = {fault for clause in self.clauses for fault in requirements[clause].faults}
        elsewhere = {
            fault for name, one in requirements.items() if name not in self.clauses for fault in one.faults
        }
        return _matching(self.faults, known) | (named - elsewhere)


class _FeaturesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    features: dict[str, Feature]


class Features:
    """All features.

    Args:
        known: by id.
    """

    def __init__(self, known: Mapping[str, Feature]) -> None:
        self.known = known

    def needed(self, request: FeatureRequest) -> tuple[str, ...]:
        """Return the ids of the features that a request needs."""
        return tuple(name for name, feature in self.known.items() if feature.needed_by(request))

    def chosen(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return ids that a user has named, each once and in the order of the file.

        Raises:
            UsageError: there is no feature of that name.
        """
        wanted = list(names)
        for name in wanted:
            if name not in self.known:
                raise UsageError(unknown("--without", name, self.known))
        return tuple(name for name in self.known if name in wanted)


def load_features(path: Path) -> Features:
    """Read the features.

    Raises:
        ContractError: the file is malformed, or a pattern in it fits no requirement.
    """
    known = load_typed(path, _FeaturesFile).features
    requirements = shipped_requirements().requirements
    for name, feature in known.items():
        if not _ID.fullmatch(name):
            raise ContractError(f"{path}: {name}: expected an id such as json-mode")
        for pattern in (*feature.requirements, *feature.waived):
            if not _matching((pattern,), requirements):
                raise ContractError(f"{path}: {name}: expected ids of requirements, got {pattern}")
        for text in (*feature.responses, *(text for trait in feature.requests for text in trait.body)):
            try:
                parse_location(text)
            except ValueError as error:
                raise ContractError(f"{path}: {name}: {error}") from error
    return Features(known)


@lru_cache(maxsize=1)
def shipped_features() -> Features:
    """Return the features that ship with the package.

    Raises:
        ContractError: the file is malformed.
    """
    return load_features(folder("contracts") / "features.yaml")


def _matching(patterns: Iterable[str], names: Iterable[str]) -> frozenset[str]:
    every = tuple(patterns)
    return frozenset(name for name in names if any(fnmatchcase(name, pattern) for pattern in every))


def _valid(condition: Condition, value: object) -> bool:
    schema = _GIVEN if condition is True else condition
    return _compiled(json.dumps(schema, sort_keys=True)).is_valid(value)


@lru_cache(maxsize=256)
def _compiled(schema: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(schema))
