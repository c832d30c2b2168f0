"""The changes between the facts of two sources, as far as both can know them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cohere_conformance.drift.facts import (
    ITEMS,
    OTHERS,
    UNKNOWN,
    Description,
    DescriptionKind,
    Node,
    in_request,
    root_of,
)
from cohere_conformance.drift.severity import of_added, of_attribute, of_removed
from cohere_conformance.drift.unions import flattened
from cohere_conformance.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDED, REMOVED, REQUIRED = "added", "removed", "required"
MEMBERSHIP = (ADDED, REMOVED, REQUIRED)
"""Changes that are made in the declaration of the object, not in that of its property."""
Path = tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """One difference at one location of one operation.

    Attributes:
        what: `added`, `removed`, or the attribute that differs.
        before: the value of the attribute in the older source, if any.
        after: its value in the newer source; `required` for an added location that is required.
        operation: its label.
        path: the steps from the operation to the location.
        severity: what it means for a client.
        old: the declaration in the older source that the newer one changes: for a location that is added,
            removed or required that of the object which it belongs to.
        new: the same in the newer source.
        node: what the newer source has there, for what it adds.
    """

    what: str
    before: object
    after: object
    operation: str
    path: Path
    severity: Severity
    old: str
    new: str
    node: Node | None = field(default=None, compare=False, repr=False)


def compared(old: Description, new: Description) -> list[Change]:
    """Return every change from one source to another one, in the order of operations and locations.

    Where our amended contract is compared with another source, what only our amendments have changed is
    left out, and so is what an SDK has added to it and the other source lacks.
    """
    changes = _compared(old, new)
    published = (old.published or old, new.published or new)
    if published == (old, new) or (old.files is not None and new.files is not None):
        return changes
    ours_is_old = old.published is not None
    vendors = {_key(change): change for change in _compared(old.declared or old, new.declared or new)}
    documented = {_key(change) for change in _compared(*published)}
    beyond = ADDED if ours_is_old else REMOVED
    return [
        _without_our_values(change, vendors[_key(change)], ours_is_old=ours_is_old)
        for change in changes
        if _key(change) in vendors and (_key(change) in documented or _inside(change, documented, beyond))
    ]


_ChangeKey = tuple[str, Path, str]


def _key(change: Change) -> _ChangeKey:
    return change.operation, change.path, change.what


def _inside(change: Change, documented: set[_ChangeKey], beyond: str) -> bool:
    """Return whether a change is inside of something that the document does not declare at all."""
    lengths = range(len(change.path) + 1)
    return any((change.operation, change.path[:length], beyond) in documented for length in lengths)


def _without_our_values(change: Change, published: Change, *, ours_is_old: bool) -> Change:
    """Return a change of an enumeration without the values that only our amendments have added or removed."""
    theirs = change.after if ours_is_old else change.before
    ours = change.before if ours_is_old else change.after
    vendors = published.before if ours_is_old else published.after
    if not (isinstance(theirs, frozenset) and isinstance(ours, frozenset) and isinstance(vendors, frozenset)):
        return change
    if change.what != "enum":
        return change
    ours = (ours & (vendors | theirs)) | (vendors & theirs)
    before, after = (ours, theirs) if ours_is_old else (theirs, ours)
    severity = of_attribute("enum", before, after, request=in_request(change.path))
    return replace(change, before=before, after=after, severity=severity)


def _compared(old: Description, new: Description) -> list[Change]:
    if DescriptionKind.LAP in (old.kind, new.kind) and old.kind != new.kind:
        old, new = old.inputs(), new.inputs()
    comparison = _Comparison(old, new)
    keys = [*old.operations, *(key for key in new.operations if key not in old.operations)]
    return [change for key in keys for change in comparison.operation(key)]


class _Comparison:
    def __init__(self, old: Description, new: Description) -> None:
        self._old, self._new = old, new
        self._attributes = old.attributes & new.attributes
        self._roots = (old.roots & new.roots) | {"input"}
        self._mixed = old.kind != new.kind
        self._label = ""

    def operation(self, key: str) -> Iterator[Change]:
        """Yield the changes of one operation."""
        before, after = self._old.operations.get(key), self._new.operations.get(key)
        self._label = (self._old if before else self._new).labels[key]
        if before is not None and after is not None:
            yield from self._attribute_changes(before, after, (), (before, after))
            yield from self._children(before, after, ())
        elif after is not None:
            yield Change(ADDED, None, None, self._label, (), Severity.ADDITIVE, "", after.origin, after)
        elif before is not None:
            yield Change(REMOVED, None, None, self._label, (), Severity.BREAKING, before.origin, "")

    def _children(
        self, before: Node, after: Node, path: Path, skipped: tuple[str, ...] = ()
    ) -> Iterator[Change]:
        """Yield the changes of everything below two nodes."""
        # A change of types, which is reported, explains children that only one of the nodes has.
        implied = "types" in self._differing(before, after)
        comparable = not implied and not before.opaque and not after.opaque
        for step in [*before.children, *(step for step in after.children if step not in before.children)]:
            if step in skipped or (not path and root_of(step) not in self._roots):
                continue
            first, second = before.children.get(step), after.children.get(step)
            if first is not None and second is not None:
                yield from self._node(first, second, (*path, step), (before, after))
            elif comparable:
                yield from self._missing(first, second, (*path, step), (before, after))

    def _node(self, before: Node, after: Node, path: Path, owners: tuple[Node, Node]) -> Iterator[Change]:
        if before.digest == after.digest:
            return
        if bool(before.branches) != bool(after.branches):
            before, after = flattened(before), flattened(after)
        yield from self._attribute_changes(before, after, path, owners)
        # An SDK declares the tag in each alternative, even where a document leaves that to a discriminator.
        tags = tuple(f".{owner.tag}" for owner in owners) if self._mixed and path[-1].startswith("<") else ()
        yield from self._children(before, after, path, tags)

    def _missing(
        self, before: Node | None, after: Node | None, path: Path, owners: tuple[Node, Node]
    ) -> Iterator[Change]:
        """Yield the change for a child that only one of two nodes has."""
        request, step = in_request(path), path[-1]
        node = before or after
        assert node is not None
        if request and node.attributes.get("readOnly") is True and "readOnly" not in self._attributes:
            return  # an SDK does not send what is read-only
        old: object = None
        value: object = None
        if step in (ITEMS, OTHERS):
            if "types" not in self._attributes:
                return
            what = "items" if step == ITEMS else "additionalProperties"
            severity = of_attribute(what, before, after, request=request)
            old, value = before is not None or None, after is not None or None
        elif after is not None:
            what, severity = ADDED, of_added(step, after, request=request)
            value = REQUIRED if request and after.attributes.get(REQUIRED) is True else None
        else:
            what, severity = REMOVED, of_removed(step, request=request, event=path[:-1] == ("events",))
        yield Change(what, old, value, self._label, path, severity, owners[0].origin, owners[1].origin, after)

    def _attribute_changes(
        self, before: Node, after: Node, path: Path, owners: tuple[Node, Node]
    ) -> Iterator[Change]:
        for name in self._differing(before, after):
            one, other = before.attributes.get(name), after.attributes.get(name)
            severity = of_attribute(name, one, other, request=bool(path) and in_request(path))
            at = owners if name == REQUIRED and path[-1].startswith(".") else (before, after)
            yield Change(name, one, other, self._label, path, severity, at[0].origin, at[1].origin)

    def _differing(self, before: Node, after: Node) -> list[str]:
        """Return the attributes that differ, as far as both sources know them."""
        found = []
        for name in sorted((before.attributes.keys() | after.attributes.keys()) & self._attributes):
            one, other = before.attributes.get(name), after.attributes.get(name)
            if name == "types" and self._mixed and UNKNOWN not in (one, other):
                one, other = _coarse(before.types), _coarse(after.types)
            if UNKNOWN not in (one, other) and one != other:
                found.append(name)
        return found


def _coarse(types: frozenset[str]) -> frozenset[str]:
    """Return types without the difference of `integer` and `number`, which SDKs do not keep to."""
    return types - {"integer"} | {"number"} if "integer" in types else types
