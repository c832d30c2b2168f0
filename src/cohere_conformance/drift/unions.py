"""Schemas that are put together: the alternatives of a union, and the parts of `allOf`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cohere_conformance.drift.facts import ANY, UNKNOWN, Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}


def united(
    variants: Sequence[Node], origin: str, tag: str = "", tags: Mapping[int, Sequence[str]] | None = None
) -> Node:
    """Return one node for the alternatives of a union.

    Objects with different values of one property become children `<value>`; all else is merged.

    Args:
        variants: the alternatives.
        origin: of the union.
        tag: the property that distinguishes the objects, if it is declared; it is looked for otherwise.
        tags: the values of the tag, by the position of the alternative, as far as they are declared.
    """
    objects = [number for number, one in enumerate(variants) if "object" in one.types]
    named = {number: list((tags or {}).get(number, ())) for number in objects}
    tag = tag or (_tag([variants[number] for number in objects]) if len(objects) > 1 else "")
    if tag:
        for number in objects:
            named[number] = named[number] or list(_values(variants[number], tag))
    tagged = [number for number in objects if tag and named[number]]
    rest = [one for number, one in enumerate(variants) if number not in tagged]
    base = merged(rest, origin) if rest else Node(origin, {"types": frozenset({"object"})})
    if not tagged:
        return base
    branches = {
        f"<{value}>": _untagged(variants[number], tag) for number in tagged for value in named[number]
    }
    types = base.types if base.types == ANY else base.types | {"object"}
    nullable = base.attributes.get("nullable", False) or any(
        variants[n].attributes.get("nullable") for n in tagged
    )
    attributes = {**base.attributes, "types": types, **({"nullable": True} if nullable else {})}
    return replace(base, attributes=attributes, children={**base.children, **branches}, tag=tag)


def flattened(node: Node) -> Node:
    """Return a union as one object with the properties of all alternatives, as if it had no tag."""
    branches = node.branches
    if not branches:
        return node
    listed = frozenset(f'"{step[1:-1]}"' for step in branches)
    whole = merged(list(branches.values()), node.origin)
    children = {step: child for step, child in node.children.items() if step not in branches}
    children |= {step: child for step, child in whole.children.items() if step not in children}
    step = f".{node.tag}"
    declared = children.get(step, Node(node.origin, {"types": frozenset({"string"}), "required": UNKNOWN}))
    children[step] = declared.with_attributes(enum=listed)
    return replace(node, children=children, tag="")


def intersected(base: Node, part: Node) -> Node:
    """Return a node to which the facts of both apply."""
    attributes = {**base.attributes}
    for name, value in part.attributes.items():
        mine = attributes.get(name)
        if name == "types" and mine is not None and ANY not in (mine, value):
            assert isinstance(value, frozenset)
            assert isinstance(mine, frozenset)
            value = (mine & value) or value
        elif name == "enum" and isinstance(mine, frozenset) and isinstance(value, frozenset):
            value = (mine & value) or value
        elif name == "types" and mine is not None and value == ANY:
            continue
        elif name == "requires" and isinstance(mine, frozenset) and isinstance(value, frozenset):
            value = mine | value
        attributes[name] = value
    children = dict(base.children)
    for step, child in part.children.items():
        children[step] = intersected(children[step], child) if step in children else child
    attributes, children = _settled(attributes, children)
    return Node(
        base.origin or part.origin, attributes, children, base.opaque or part.opaque, base.tag or part.tag
    )


def of_both_methods(one: Node, other: Node) -> Node:
    """Return one operation for two methods of an SDK that call it: with and without a stream."""
    children = {**one.children, **other.children}
    for step in one.children.keys() & other.children.keys():
        children[step] = merged([one.children[step], other.children[step]], one.children[step].origin)
    return replace(one, children=children)


def _settled(
    attributes: dict[str, object], children: dict[str, Node]
) -> tuple[dict[str, object], dict[str, Node]]:
    """Make properties required that one part of `allOf` requires and another one declares."""
    names = attributes.pop("requires", None)
    if isinstance(names, frozenset):
        found = {f".{name}" for name in names} & children.keys()
        children = {
            step: child.with_attributes(required=True) if step in found else child
            for step, child in children.items()
        }
        if left := frozenset(name for name in names if f".{name}" not in found):
            attributes["requires"] = left
    return attributes, children


def _tag(objects: Sequence[Node]) -> str:
    """Return the property whose single value is another one in each of the objects."""
    for step in objects[0].children:
        values = [_values(one, step[1:]) for one in objects]
        if (
            step.startswith(".")
            and all(len(v) == 1 for v in values)
            and len({*map(tuple, values)}) == len(objects)
        ):
            return step[1:]
    return ""


def _values(node: Node, tag: str) -> list[str]:
    """Return the value of the property in this alternative, if there is exactly one."""
    child = node.children.get(f".{tag}")
    listed = child.attributes.get("enum") if child else None
    return (
        [str(value).strip('"') for value in listed]
        if isinstance(listed, frozenset) and len(listed) == 1
        else []
    )


def _untagged(node: Node, tag: str) -> Node:
    """Return an alternative without the values of its tag: they are in its name."""
    step = f".{tag}"
    if step not in node.children:
        return node
    child = node.children[step]
    bare = replace(
        child, attributes={k: v for k, v in child.attributes.items() if k not in {"enum", "default"}}
    )
    return replace(node, children={**node.children, step: bare})


def merged(variants: Sequence[Node], origin: str) -> Node:
    """Return one node that allows what any of the alternatives allows."""
    merged = variants[0]
    for one in variants[1:]:
        merged = _either(merged, one)
    return merged if len(variants) == 1 else replace(merged, origin=origin)


def _either(one: Node, other: Node) -> Node:
    types = ANY if ANY in (one.types, other.types) else one.types | other.types
    if "number" in types:
        types -= {"integer"}
    unknown = UNKNOWN in (one.attributes.get("types"), other.attributes.get("types"))
    shared = one.types & other.types or (types if types == ANY else frozenset())
    attributes: dict[str, object] = {"types": UNKNOWN if unknown else types}
    for name in (one.attributes.keys() | other.attributes.keys()) - {"types"}:
        mine, theirs = one.attributes.get(name), other.attributes.get(name)
        if UNKNOWN in (mine, theirs):
            value: object = UNKNOWN
        elif name in {"nullable", "deprecated"}:
            value = bool(mine or theirs) if name == "nullable" else bool(mine and theirs)
        elif name == "enum" and isinstance(mine, frozenset) and isinstance(theirs, frozenset):
            value = mine | theirs
        elif mine == theirs:
            value = mine
        elif not shared - {"object", "array"}:
            value = mine if theirs is None else theirs  # each constrains another type
        elif name in _LOWER and mine is not None and theirs is not None:
            value = min(mine, theirs)  # type: ignore[call-overload]
        elif name in _UPPER and mine is not None and theirs is not None:
            value = max(mine, theirs)  # type: ignore[call-overload]
        else:
            continue
        if value is not None and value is not False:
            attributes[name] = value
    children: dict[str, Node] = {}
    for step in [*one.children, *(step for step in other.children if step not in one.children)]:
        first, second = one.children.get(step), other.children.get(step)
        if first is not None and second is not None:
            children[step] = _common(first, second)
        else:
            child = first or second
            assert child is not None
            missing = other if first is not None else one
            optional = step.startswith(".") and "object" in missing.types
            children[step] = _optional(child) if optional else child
    return Node(one.origin, attributes, children, one.opaque or other.opaque, one.tag or other.tag)


def _common(first: Node, second: Node) -> Node:
    flags = [first.attributes.get("required"), second.attributes.get("required")]
    required = UNKNOWN if UNKNOWN in flags else all(flags)
    merged = _either(first, second)
    attributes = {name: value for name, value in merged.attributes.items() if name != "required"}
    return replace(merged, attributes={**attributes, **({"required": required} if required else {})})


def _optional(node: Node) -> Node:
    return replace(node, attributes={k: v for k, v in node.attributes.items() if k != "required"})
