"""Applies reviewed proposals to the files of the contract; all of them, or none."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cohere_conformance.contract import load_declarations
from cohere_conformance.contract.bundle import bundle
from cohere_conformance.contract.documents import load_yaml
from cohere_conformance.contract.lint import lint
from cohere_conformance.contract.models import load_models
from cohere_conformance.contract.overlay import apply
from cohere_conformance.drift.contract_files import ROOT, OpenApiFiles, append, edit
from cohere_conformance.drift.proposals import DOCUMENT, MODEL, OBSERVED, SDK
from cohere_conformance.drift.proposed_action import as_amendment, load_actions, location_of
from cohere_conformance.errors import ContractError, DescriptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.contract.documents import Document
    from cohere_conformance.drift.proposed_action import Location, ProposedAction

_OVERLAYS = {OBSERVED: "amendments.yaml", SDK: "additions.yaml"}
_MODELS = "models.yaml"
_CONSISTENT = {
    "valid-openapi", "references-resolve", "no-empty-union", "required-declared", "discriminator-agrees",
    "amendment-hits", "addition-new",
}  # fmt: skip
"""Rules of `contract lint` that an action must not break; what the others miss is still to be written."""


@dataclass(frozen=True)
class Applied:
    """What was done.

    Attributes:
        actions: the actions.
        files: that were changed, in `contracts/`.
    """

    actions: Sequence[ProposedAction]
    files: Sequence[str]


def apply_proposals(path: Path, root: Path) -> Applied:
    """Carry out every action of a file of proposals in the files of the contract, or none of them.

    Args:
        path: the file.
        root: the folder of the contract.

    Raises:
        DescriptionError: the file is malformed, or an action does not fit the contract; nothing is changed.
    """
    try:
        actions = load_actions(path)
    except ContractError as error:
        raise DescriptionError(
            str(path), "the file", f"expected what contract propose writes, got {error}"
        ) from error
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / root.name
        shutil.copytree(root, copy)
        try:
            _carry_out(copy, actions)
            broken = _broken(copy)
            if broken and (broken := broken - _broken(root)):
                raise ContractError(f"the contract would be broken: {min(broken)}")
        except ContractError as error:
            raise DescriptionError(str(path), "the actions", f"{error}; nothing is changed") from error
        names = [
            str(one.relative_to(copy)) for one in sorted(copy.rglob("*.yaml")) if _differs(one, root, copy)
        ]
        _move(copy, root, names)
    return Applied(actions, [f"{root.name}/{name}" for name in names])


def _differs(path: Path, root: Path, copy: Path) -> bool:
    original = root / path.relative_to(copy)
    return not original.exists() or original.read_bytes() != path.read_bytes()


def _move(copy: Path, root: Path, names: list[str]) -> None:
    """Replace files by the edited ones: each is first written beside the original one."""
    try:
        for name in names:
            (root / f"{name}.new").write_bytes((copy / name).read_bytes())
        for name in names:
            (root / f"{name}.new").replace(root / name)
    except OSError as error:
        for name in names:
            (root / f"{name}.new").unlink(missing_ok=True)
        raise DescriptionError(
            str(root), "the folder", f"expected files that can be written, got {error}"
        ) from error


def _broken(root: Path) -> set[str]:
    return {
        f"{problem.rule}: {problem.where}: {problem.message}"
        for problem in lint(root)
        if problem.rule in _CONSISTENT
    }


def _carry_out(root: Path, actions: Sequence[ProposedAction]) -> None:
    """Carry out all actions in a copy of the contract, and check that it is what they say.

    Raises:
        ContractError: one of them does not fit.
    """
    files = OpenApiFiles(root / "openapi")
    expected = bundle(root / "openapi" / ROOT)
    for action in _of(DOCUMENT, actions):
        location, expected = _checked(action, expected)
        files.edit(action, location)
    _check(bundle(root / "openapi" / ROOT) == expected)

    models = root / _MODELS
    for action in _of(MODEL, actions):
        location, expected = _checked(action, load_yaml(models))
        edit(models, location, action, action.update)
        _check(load_yaml(models) == expected)
    load_models(models)

    before = load_declarations(root)
    known = {one.id for one in before.changes}
    documents = {OBSERVED: apply(before.published, before.amendments), SDK: before.declared}
    for klass, name in _OVERLAYS.items():
        own = _of(klass, actions)
        for action in own:
            if action.id in known:
                raise ContractError(
                    f"{action.id}: the contract has an amendment with this id; use another one"
                )
            _, documents[klass] = _checked(action, documents[klass])
        if own:
            append(root / name, own)
    after = load_declarations(root)
    _check(
        apply(after.published, after.amendments) == documents[OBSERVED] and after.declared == documents[SDK]
    )
    apply(after.amended, after.tolerances)


def _of(klass: str, actions: Sequence[ProposedAction]) -> list[ProposedAction]:
    return [action for action in actions if action.klass == klass]


def _checked(action: ProposedAction, document: Document) -> tuple[Location, Document]:
    """Return the location of an action, and the document after it."""
    location = location_of(action, document)
    return location, apply(document, [as_amendment(action, location, document)])


def _check(same: bool) -> None:
    if not same:
        raise ContractError("the edited files are not what the actions describe; edit them by hand")
