"""Types of a generated SDK as nodes: pydantic models, `Literal`s, unions and containers."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.drift.facts import ITEMS, MOST_NODES, OTHERS, UNKNOWN, Node
from cohere_conformance.drift.unions import united
from cohere_conformance.errors import DescriptionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.drift.sdk_package import SdkPackage

_SCALARS = {
    "str": "string", "bytes": "string", "File": "string", "datetime": "string", "date": "string",
    "UUID": "string",
    "int": "integer", "float": "number", "bool": "boolean",
}  # fmt: skip
_LISTS = {"List", "list", "Sequence", "Set", "set", "Iterable", "Tuple", "tuple"}
_MAPPINGS = {"Dict", "dict", "Mapping", "MutableMapping"}


@dataclass(frozen=True)
class _Scope:
    """Where a type expression is: the module whose names it uses, its origin, the models above it."""

    module: str
    origin: str
    models: frozenset[tuple[str, str]] = frozenset()

    def at(self, origin: str) -> _Scope:
        return _Scope(self.module, origin, self.models)


class TypeReader:
    """Turns the type expressions of one SDK into nodes."""

    def __init__(self, package: SdkPackage) -> None:
        self._package = package
        self._nodes = 0

    def node(self, annotation: ast.expr, module: str, origin: str) -> Node:
        """Return the node of a type expression.

        Args:
            annotation: the expression.
            module: whose names it uses.
            origin: of an expression that names no model.
        """
        return self._node(annotation, _Scope(module, origin))

    def _node(self, annotation: ast.expr, scope: _Scope) -> Node:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise DescriptionError(
                self._package.name, scope.module, f"expected at most {MOST_NODES:,} locations, got more"
            )
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = ast.parse(annotation.value, mode="eval").body
        if isinstance(annotation, ast.Subscript):
            return self._generic(annotation, scope)
        name = _last(annotation)
        if name in _SCALARS:
            return Node(scope.origin, {"types": frozenset({_SCALARS[name]})})
        found = self._package.definition(scope.module, name) if isinstance(annotation, ast.Name) else None
        if found is None:
            return _unknown(scope)
        module, meant = found
        if isinstance(meant, ast.ClassDef):
            return self._model(meant, module, scope)
        origin = f"{module}.{name}"
        if (module, name) in scope.models:
            return Node(origin, {"types": UNKNOWN}, opaque=True)
        return self._node(meant, _Scope(module, origin, scope.models | {(module, name)}))

    def _generic(self, annotation: ast.Subscript, scope: _Scope) -> Node:
        name = _last(annotation.value)
        inner = annotation.slice
        arguments = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if name == "Annotated" and (tag := _keyword(annotation.slice, "discriminant")):
            union = arguments[0]
            if isinstance(union, ast.Subscript) and _last(union.value) == "Union":
                members = union.slice.elts if isinstance(union.slice, ast.Tuple) else [union.slice]
                return self._union(members, scope, tag)
        if name in {"Optional", "Annotated", "Required", "NotRequired", "Final"}:
            return self._node(arguments[0], scope)
        if name == "Literal":
            values = [
                one.value for one in arguments if isinstance(one, ast.Constant) and one.value is not None
            ]
            types = {_SCALARS[type(value).__name__] for value in values}
            return Node(scope.origin, {"types": frozenset(types), "enum": frozenset(map(json.dumps, values))})
        if name == "Union":
            return self._union(arguments, scope)
        if name in _LISTS:
            items = self._node(arguments[0], scope.at(f"{scope.origin}{ITEMS}"))
            return Node(scope.origin, {"types": frozenset({"array"})}, {ITEMS: items})
        if name in _MAPPINGS:
            values_of = self._node(arguments[-1], scope.at(f"{scope.origin}{OTHERS}"))
            unknown = values_of.attributes.get("types") is UNKNOWN
            children = {} if unknown else {OTHERS: values_of}
            return Node(scope.origin, {"types": frozenset({"object"})}, children, opaque=True)
        return _unknown(scope)

    def _union(self, arguments: list[ast.expr], scope: _Scope, tag: str = "") -> Node:
        """Return the node of a union; `Any` beside literals only says that there may be new ones."""
        members = [one for one in arguments if not (isinstance(one, ast.Constant) and one.value is None)]
        known = [one for one in members if _last(one) != "Any"]
        nodes = [self._node(one, scope.at(f"{scope.origin}|{number}")) for number, one in enumerate(known)]
        if not nodes or any(node.attributes.get("types") is UNKNOWN for node in nodes):
            return _unknown(scope)
        if len(known) < len(members) and not all("enum" in node.attributes for node in nodes):
            return _unknown(scope)
        return united(nodes, scope.origin, tag)

    def _model(self, model: ast.ClassDef, module: str, scope: _Scope) -> Node:
        key, origin = (module, model.name), f"{module}.{model.name}"
        if key in scope.models:
            return Node(origin, {"types": frozenset({"object"})}, opaque=True)
        inner = _Scope(module, origin, scope.models | {key})
        if any(_last(base) in {"str", "Enum", "StrEnum"} for base in model.bases):
            values = [
                s.value.value
                for s in model.body
                if isinstance(s, ast.Assign) and isinstance(s.value, ast.Constant)
            ]
            return Node(origin, {"types": frozenset({"string"}), "enum": frozenset(map(json.dumps, values))})
        return Node(origin, {"types": frozenset({"object"})}, dict(self._fields(model, inner)))

    def _fields(self, model: ast.ClassDef, scope: _Scope) -> Iterator[tuple[str, Node]]:
        for base in model.bases:
            found = self._package.definition(scope.module, _last(base))
            if (
                found is not None
                and isinstance(found[1], ast.ClassDef)
                and not found[0].rpartition(".")[0].endswith("core")
            ):
                yield from self._fields(found[1], _Scope(found[0], scope.origin, scope.models))
        for statement in model.body:
            if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
                continue
            if "ClassVar" in ast.dump(statement.annotation):
                continue
            name = _alias(statement) or statement.target.id
            node = self._node(statement.annotation, scope.at(f"{scope.origin}.{name}"))
            if not _has_default(statement.value):
                node = node.with_attributes(required=True)
            elif "enum" in node.attributes and not _optional(statement.annotation):
                node = node.with_attributes(required=UNKNOWN)  # a tag is sent by itself
            yield f".{name}", node


def _unknown(scope: _Scope) -> Node:
    return Node(scope.origin, {"types": UNKNOWN, "enum": UNKNOWN}, opaque=True)


def _last(expression: ast.expr) -> str:
    """Return the last name of `typing.Optional`, `core.File` or `Model`."""
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""


def _optional(annotation: ast.expr) -> bool:
    """Return whether a value may be `None`."""
    if not isinstance(annotation, ast.Subscript):
        return False
    if _last(annotation.value) == "Annotated":
        inner = annotation.slice
        return _optional(inner.elts[0] if isinstance(inner, ast.Tuple) else inner)
    return _last(annotation.value) == "Optional"


def _alias(field: ast.AnnAssign) -> str:
    """Return the name on the wire, if it is another one than that of the attribute."""
    return _keyword(field.annotation, "alias") or _keyword(field.value, "alias")


def _keyword(expression: ast.expr | None, name: str) -> str:
    """Return the text that is given by this keyword to a call somewhere in an expression."""
    for call in ast.walk(expression) if expression is not None else ():
        if isinstance(call, ast.Call):
            for keyword in call.keywords:
                if keyword.arg == name and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
    return ""


def _has_default(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call) and _last(value.func) == "Field":
        return any(keyword.arg in {"default", "default_factory"} for keyword in value.keywords) or any(
            not (isinstance(one, ast.Constant) and one.value is ...) for one in value.args
        )
    return value is not None
