"""The actions of a file of proposals, and the check that one fits the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import jsonpath_rfc9535 as jsonpath
import msgspec

from cohere_conformance.contract.documents import load_typed
from cohere_conformance.contract.overlay import Action, Amendment
from cohere_conformance.errors import ContractError
from cohere_conformance.pointer import value_at

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.contract.documents import Document

MOST_ACTIONS = 1_000
Location = tuple[int | str, ...]


class ProposedAction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One action of the file that `contract propose` writes; there is none that removes something."""

    target: str
    update: Any
    id: str = msgspec.field(name="x-id")
    klass: Literal["document", "sdk-addition", "observed-addition", "model"] = msgspec.field(name="x-class")
    reason: str = msgspec.field(name="x-reason")
    evidence: str = msgspec.field(name="x-evidence")
    severity: str = msgspec.field(name="x-severity", default="")
    since: str = msgspec.field(name="x-since", default="")
    edit: str = msgspec.field(name="x-edit", default="")
    replaces: dict[str, Any] = msgspec.field(name="x-replaces", default_factory=dict)
    description: str = ""


class _Overlay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    overlay: str
    info: dict[str, str]
    actions: list[ProposedAction]


def load_actions(path: Path) -> list[ProposedAction]:
    """Read the actions of a file.

    Raises:
        ContractError: the file is malformed.
    """
    actions = load_typed(path, _Overlay).actions
    if len(actions) > MOST_ACTIONS:
        raise ContractError(f"{path}: expected at most {MOST_ACTIONS:,} actions, got {len(actions):,}")
    return actions


def location_of(action: ProposedAction, document: Document) -> Location:
    """Return the location of the target.

    Raises:
        ContractError: it selects nothing, or could select several locations.
    """
    where = f"{action.id}: {action.target}"
    try:
        query = jsonpath.compile(action.target)
    except (jsonpath.JSONPathError, RecursionError) as error:
        raise ContractError(f"{where}: {error}") from error
    if not query.singular_query():
        raise ContractError(f"{where}: expected the path of one location")
    nodes = query.find(document)
    if not nodes:
        raise ContractError(f"{where}: selects nothing; the contract has moved on, so propose again")
    return tuple(nodes[0].location)


def as_amendment(action: ProposedAction, location: Location, document: Document) -> Amendment:
    """Return an action as an amendment, after a check that it only adds, or replaces what it says.

    Raises:
        ContractError: the contract has something else there.
    """
    present = value_at(document, map(str, location))
    where = f"{action.id}: {action.target}"
    if isinstance(present, list):
        if action.update in present:
            raise ContractError(f"{where}: the contract has {action.update!r} already")
    elif isinstance(present, dict) and isinstance(action.update, dict) and action.update:
        for key in action.update:
            if key not in present:
                continue
            if key not in action.replaces:
                raise ContractError(f"{where}: the contract has {key!r} already")
            if present[key] != action.replaces[key]:
                raise ContractError(
                    f"{where}: expected {key} {action.replaces[key]!r} in the contract, got {present[key]!r}"
                )
            if isinstance(present[key], dict):
                raise ContractError(f"{where}: {key!r} is an object, which cannot be replaced")
    else:
        kind = type(present).__name__
        raise ContractError(f"{where}: expected an object with keys, or an array, to add to, got {kind}")
    step = Action(action.target, action.update)
    return Amendment(action.id, "document-defect", action.reason, action.evidence, (step,))
