"""Amendments: an OpenAPI Overlay in which every action has a reason.

The actions follow the Overlay Specification 1.0 (`target`, `update`, `remove`), with four fields of our own
on each: `x-id`, `x-class`, `x-reason` and `x-evidence`. An addition of an SDK has
`x-since`, too.
"""

from __future__ import annotations

import copy
import marshal
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

from cohere_conformance.contract import parts
from cohere_conformance.contract.documents import Document, load_typed
from cohere_conformance.errors import ContractError
from cohere_conformance.inputs.derived import derived

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


_WITHOUT_REFERENCES = 2
"""A version of the format in which equal documents have equal bytes."""
_OF_AN_SDK = "sdk-addition"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One Overlay action: its target and its change.

    Attributes:
        target: JSONPath (RFC 9535) into the bundled document.
        update: merged into each selected object, or appended to each selected array.
        remove: whether the selected nodes are removed.
        description: what the action does, for a reader of the document.
    """

    target: str
    update: Any = msgspec.UNSET
    remove: bool = False
    description: str = ""


class Amendment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A correction of the published document: one id, one or more Overlay actions, a reason and evidence.

    Attributes:
        id: stable name, such as `embed.api-version`.
        klass: `document-defect` (the document contradicts itself or every response), `observed-addition`
            (the server has long sent more than is declared), `request-tolerance` (the server has long
            accepted more than is declared) or `sdk-addition` (an SDK of the vendor declares it, and the
            document does not yet).
        reason: one sentence for a reader of the report.
        evidence: counts, dates and fact ids that support it.
        actions: in the order in which they are applied.
        since: of an `sdk-addition`: the day on which it was first seen.
    """

    id: str
    klass: Literal["document-defect", "observed-addition", "request-tolerance", "sdk-addition"]
    reason: str
    evidence: str
    actions: tuple[Action, ...]
    since: str = ""


class _OverlayAction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One action of the file."""

    target: str
    id: str = msgspec.field(name="x-id")
    klass: str = msgspec.field(name="x-class", default="")
    reason: str = msgspec.field(name="x-reason", default="")
    evidence: str = msgspec.field(name="x-evidence", default="")
    since: str = msgspec.field(name="x-since", default="")
    update: Any = msgspec.UNSET
    remove: bool = False
    description: str = ""


class _Overlay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    overlay: str
    info: dict[str, str]
    actions: list[_OverlayAction]


def load_amendments(path: Path) -> tuple[Amendment, ...]:
    """Read an Overlay; the actions with one `x-id` are one amendment.

    Raises:
        ContractError: the file is malformed, or an amendment lacks its class, reason or evidence.
    """
    grouped: dict[str, list[_OverlayAction]] = {}
    for action in load_typed(path, _Overlay).actions:
        grouped.setdefault(action.id, []).append(action)
    amendments = []
    for name, actions in grouped.items():
        head = actions[0]
        head_fields = {
            "id": name,
            "klass": head.klass,
            "reason": head.reason,
            "evidence": head.evidence,
            "since": head.since,
        }
        if not (head.reason and head.evidence):
            raise ContractError(f"{path}: amendment {name}: expected x-reason and x-evidence")
        if (head.klass == _OF_AN_SDK) != bool(_DAY.fullmatch(head.since)):
            raise ContractError(
                f"{path}: amendment {name}: expected x-since, a day such as 2026-11-29, with x-class "
                f"{_OF_AN_SDK} and with no other"
            )
        plain = [Action(a.target, a.update, a.remove, a.description) for a in actions]
        try:
            amendment = msgspec.convert(head_fields | {"actions": []}, Amendment)
        except msgspec.ValidationError as error:
            raise ContractError(f"{path}: amendment {name}: {error}") from error
        amendments.append(msgspec.structs.replace(amendment, actions=tuple(plain)))
    return tuple(amendments)


def load_additions(path: Path) -> tuple[Amendment, ...]:
    """Read the Overlay of what only the vendor's SDKs declare; there are none if there is no such file.

    Raises:
        ContractError: as `load_amendments`, or one of them is no `sdk-addition`.
    """
    additions = load_amendments(path) if path.exists() else ()
    for one in additions:
        if one.klass != _OF_AN_SDK:
            raise ContractError(f"{path}: amendment {one.id}: expected x-class {_OF_AN_SDK}, got {one.klass}")
    return additions


def apply(document: Document, amendments: Sequence[Amendment]) -> Document:
    """Return the document with every amendment applied; the parts that none changes are shared with it.

    Raises:
        ContractError: an action selects nothing (the document has changed), or cannot be applied.
    """
    amended = {**document}
    for amendment in amendments:
        carry_out(amended, amendment)
    return amended


def apply_once(document: Document, amendments: Sequence[Amendment], path: Path) -> Document:
    """Return what `apply` returns, and store it for the next process.

    Args:
        document: likewise.
        amendments: likewise.
        path: below the shipped documents; what is stored has its name.

    Raises:
        ContractError: likewise.
    """
    return cast("Document", _once(document, amendments, path, lambda: apply(document, amendments)))


def changed_parts(document: Document, amendments: Sequence[Amendment]) -> dict[str, frozenset[str]]:
    """Return the parts of a document that each amendment changes, by its id.

    Args:
        document: to amend.
        amendments: applied one after the other.

    Raises:
        ContractError: as `apply`.
    """
    changed = {}
    amended = apply(document, ())
    before = _as_bytes(parts.parts_of(amended))
    for one in amendments:
        carry_out(amended, one)
        after = _as_bytes(parts.parts_of(amended))
        names = before.keys() | after.keys()
        changed[one.id] = frozenset(name for name in names if before.get(name) != after.get(name))
        before = after
    return changed


def changed_parts_once(
    document: Document, amendments: Sequence[Amendment], path: Path
) -> dict[str, frozenset[str]]:
    """Return what `changed_parts` returns, and store it as `apply_once` does."""
    found = _once(document, amendments, path, lambda: changed_parts(document, amendments))
    return cast("dict[str, frozenset[str]]", found)


def _as_bytes(values: Mapping[str, Any]) -> dict[str, bytes]:
    """Return each part in a form that later changes of the document do not reach; faster than copies."""
    # Whether two equal values are one does not matter.
    return {name: marshal.dumps(value, _WITHOUT_REFERENCES) for name, value in values.items()}


def _once(document: Document, amendments: Sequence[Amendment], path: Path, make: Callable[[], Any]) -> Any:
    """Return what is made of a document and amendments, and store it for the next process."""
    source = marshal.dumps(document, _WITHOUT_REFERENCES) + msgspec.json.encode(amendments) + _rules()
    return derived(path, source, make)


@lru_cache(maxsize=1)
def _rules() -> bytes:
    """Return the modules on which an amended document and its parts depend as well."""
    return b"".join(Path(name).read_bytes() for name in (__file__, parts.__file__))


def carry_out(document: Document, amendment: Amendment) -> None:
    """Apply an amendment to the very document, but to copies of its parts.

    If that fails, the document is of no use.

    Raises:
        ContractError: as `apply`.
    """
    for action in amendment.actions:
        _carry_out(document, amendment.id, action)


def selected(document: Document, target: str) -> list[Any]:
    """Return the values that the target of an action selects; none if it is no JSONPath."""
    import jsonpath_rfc9535 as jsonpath  # slow, and usually the result of all amendments is stored

    try:
        return [node.value for node in jsonpath.find(target, document)]
    except jsonpath.JSONPathError:
        return []


def _carry_out(document: Document, name: str, action: Action) -> None:
    import jsonpath_rfc9535 as jsonpath

    if not action.remove and action.update is msgspec.UNSET:
        raise ContractError(f"amendment {name}: {action.target}: expected either update or remove")
    try:
        nodes = jsonpath.find(action.target, document)
    except jsonpath.JSONPathError as error:
        raise ContractError(f"amendment {name}: {action.target}: {error}") from error
    if not nodes:
        raise ContractError(
            f"amendment {name}: {action.target}: selects nothing; the document has moved on, so remove "
            "the action or point it at the new place"
        )
    if action.remove:
        _remove(document, name, action.target, {tuple(node.location) for node in nodes})
        return
    for node in nodes:
        value = _copied(document, node.location)
        if isinstance(value, list):
            value.append(copy.deepcopy(action.update))
        elif isinstance(value, dict) and isinstance(action.update, dict):
            _merge(value, action.update)
        else:
            kind = type(value).__name__
            raise ContractError(
                f"amendment {name}: {action.target}: an update needs an object or an array, found {kind}"
            )


def _remove(document: Document, name: str, target: str, locations: set[tuple[int | str, ...]]) -> None:
    if () in locations:
        raise ContractError(f"amendment {name}: {target}: the whole document cannot be removed")

    def order(location: tuple[int | str, ...]) -> list[tuple[int, str]]:
        return [(token, "") if isinstance(token, int) else (-1, token) for token in location]

    # Backwards, so that removing an item of an array does not move the earlier ones.
    for location in sorted(locations, key=order, reverse=True):
        del _copied(document, location[:-1])[location[-1]]


def _copied(document: Any, location: Sequence[int | str]) -> Any:
    """Return the value at a location, after it and what it is in were replaced by copies."""
    for token in location:
        document[token] = copy.copy(document[token])
        document = document[token]
    return document


def _merge(target: Document, update: Document) -> None:
    """Merge by the rules of the Overlay Specification: objects deeply, arrays by concatenation."""
    for key, value in update.items():
        present = target.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            target[key] = {**present}
            _merge(target[key], value)
        elif isinstance(present, list) and isinstance(value, list):
            target[key] = [*present, *copy.deepcopy(value)]
        else:
            target[key] = copy.deepcopy(value)
