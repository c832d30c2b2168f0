"""Loads all files of cases: ids are unique over all files, and resources may need each other."""

from __future__ import annotations

from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from cohere_conformance.cases.build import case_at, resource_at
from cohere_conformance.cases.case_file import CaseFile, unlike
from cohere_conformance.cases.model import PROFILES, Suite
from cohere_conformance.cases.roles import default_models, with_models
from cohere_conformance.cases.scope import Scope
from cohere_conformance.contract import load_contract
from cohere_conformance.contract.tiers import load_policies
from cohere_conformance.data import folder as shipped
from cohere_conformance.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cohere_conformance.cases.model import Case, Resource
    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.tiers import LivePolicy


def load_suite(folder: Path, contract: Contract, policies: Mapping[str, LivePolicy]) -> Suite:
    """Read `<group>/cases.yaml` below a folder, for every group that has one.

    Args:
        folder: the shipped `suites`, or another folder of the same layout.
        contract: of the operations that the cases call.
        policies: of live calls, by the label of the operation.

    The roles of models stay placeholders: `roles.with_models` fills them in.

    Raises:
        CaseError: there is no such file, or one of them is wrong; the message says where.
    """
    sources = [CaseFile(path) for path in sorted(folder.glob("*/cases.yaml"))]
    if not sources:
        raise CaseError(
            str(folder), 0, "expected <group>/cases.yaml below it, got no such file; name another folder"
        )
    groups = list(dict.fromkeys(contract.groups.values()))
    for source in sources:
        _check_group(source, groups)
    captures = {
        f"{source.entry.group}.{name}": frozenset(entry.capture)
        | frozenset(entry.wait.capture if entry.wait else ())
        for source in sources
        for name, entry in source.entry.resources.items()
    }
    cases: dict[str, Case] = {}
    resources: dict[str, Resource] = {}
    for source in sources:
        scope = Scope(source, contract, policies, captures)
        for name, entry in source.entry.resources.items():
            resource = resource_at(scope, name, entry)
            resources[resource.name] = resource
        for number, one in enumerate(source.entry.cases):
            case = case_at(scope, number, one)
            if case.id in cases:
                other = cases[case.id]
                raise source.error(
                    ("cases", number, "id"),
                    f"expected an id of its own, got that of {other.file}:{other.line}; rename one of them",
                )
            cases[case.id] = case
    _check_cycles(resources)
    return Suite(tuple(cases.values()), resources)


@lru_cache(maxsize=4)
def shipped_suite(profile: str = PROFILES[0]) -> Suite:
    """Return the shipped cases, with the default models of a profile for the roles; read once a process.

    Args:
        profile: of the target.

    Raises:
        CaseError: a file of cases is wrong.
        ContractError: a document below `contracts/` is broken.
    """
    return with_models(_written(), default_models(profile))


@lru_cache(maxsize=1)
def _written() -> Suite:
    policies = load_policies(shipped("contracts") / "operations.yaml")
    return load_suite(shipped("suites"), load_contract(), policies)


def _check_group(source: CaseFile, groups: list[str]) -> None:
    group, folder = source.entry.group, source.path.parent.name
    if group not in groups:
        raise source.error(("group",), unlike(group, groups, "a group of the contract"))
    if group != folder:
        raise source.error(
            ("group",), f"expected {folder}, the name of its folder, got {group!r}; rename one of them"
        )


def _check_cycles(resources: Mapping[str, Resource]) -> None:
    sorter = TopologicalSorter({name: resource.needs for name, resource in resources.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        circle: list[str] = error.args[1][::-1]
        first = resources[min(circle)]
        raise CaseError(
            first.file,
            first.line,
            f"resource {first.name}: expected resources that can be made one after the other, got the circle "
            f"{' -> '.join(circle)}; take one of these needs away",
        ) from error
