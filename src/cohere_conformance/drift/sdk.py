"""The facts of a generated Python SDK: the requests of its raw clients, the models of its responses.

An SDK does not know everything: formats, limits, defaults, deprecations, media types, statuses, error
bodies and request headers are not in its types, whether a value may be null is not distinguished from
whether it may be absent, and read-only properties are not sent.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.drift.facts import UNKNOWN, Description, DescriptionKind, Node, operation_key
from cohere_conformance.drift.sdk_types import TypeReader
from cohere_conformance.drift.unions import of_both_methods
from cohere_conformance.errors import DescriptionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.drift.sdk_package import SdkPackage

_KNOWN = frozenset({"types", "enum", "required"})
_ROOTS = frozenset({"query", "request", "response", "events"})
_VERBS = {"request", "stream"}


def sdk_facts(package: SdkPackage) -> Description:
    """Return the facts of an SDK.

    Raises:
        DescriptionError: a module is not Python, or no module sends a request.
    """
    reader = TypeReader(package)
    operations: dict[str, Node] = {}
    labels: dict[str, str] = {}
    for module in package.clients():
        for method in _methods(package.tree(module), module):
            verb, path = method.target()
            key = operation_key(verb, path)
            node = method.operation(reader)
            operations[key] = of_both_methods(operations[key], node) if key in operations else node
            labels.setdefault(key, f"{verb} {path}")
    if not operations:
        raise DescriptionError(
            package.name,
            "the raw clients",
            "expected calls of httpx_client.request, got none; name another version",
        )
    return Description(package.name, operations, labels, DescriptionKind.SDK, _KNOWN, _ROOTS)


def _methods(tree: ast.Module, module: str) -> Iterator[_Method]:
    """Yield the methods of the synchronous raw clients that send a request."""
    for client in tree.body:
        if not isinstance(client, ast.ClassDef) or client.name.startswith("Async"):
            continue
        for function in client.body:
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and _sends(call):
                    yield _Method(module, client.name, function, call)
                    break


def _sends(call: ast.Call) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr in _VERBS
        and isinstance(function.value, ast.Attribute)
        and function.value.attr == "httpx_client"
    )


@dataclass(frozen=True)
class _Method:
    """A method of a raw client, and the call in it that sends the request."""

    module: str
    client: str
    function: ast.FunctionDef
    call: ast.Call

    @property
    def origin(self) -> str:
        return f"{self.module}.{self.client}.{self.function.name}"

    def target(self) -> tuple[str, str]:
        """Return the HTTP method and the path template."""
        arguments = {keyword.arg: keyword.value for keyword in self.call.keywords}
        verb, path = arguments.get("method"), self.call.args[0] if self.call.args else arguments.get("path")
        return str(verb.value) if isinstance(verb, ast.Constant) else "GET", _template(path)

    def operation(self, reader: TypeReader) -> Node:
        """Return the node of the operation."""
        children: dict[str, Node] = {}
        body: dict[str, Node] = {}
        for keyword in self.call.keywords:
            fields = dict(self._fields(keyword.value, reader))
            if keyword.arg == "params":
                children |= {f"query.{name}": _list(node) for name, node in fields.items()}
            elif keyword.arg in {"json", "data", "files"} and isinstance(keyword.value, ast.Dict):
                body |= {f".{name}": node for name, node in fields.items()}
            elif keyword.arg == "json":
                children["request"] = self._value(keyword.value, reader).with_attributes(required=UNKNOWN)
        if body:
            attributes: dict[str, object] = {"types": frozenset({"object"}), "required": UNKNOWN}
            if any(keyword.arg == "files" for keyword in self.call.keywords):
                attributes["media"] = frozenset({"multipart/form-data"})
            children["request"] = Node(f"{self.origin} request", attributes, body)
        return Node(self.origin, {}, {**children, **self._received(reader)})

    def _received(self, reader: TypeReader) -> dict[str, Node]:
        """Return the body of the response, or the events if the method iterates over them."""
        returned, events = self.function.returns, False
        while isinstance(returned, ast.Subscript) and isinstance(returned.value, (ast.Attribute, ast.Name)):
            name = returned.value.attr if isinstance(returned.value, ast.Attribute) else returned.value.id
            if name not in {"HttpResponse", "Iterator"}:
                break
            events = events or name == "Iterator"
            returned = returned.slice
        if returned is None:
            return {}
        return {
            "events" if events else "response": reader.node(returned, self.module, f"{self.origin} response")
        }

    def _fields(self, value: ast.expr, reader: TypeReader) -> Iterator[tuple[str, Node]]:
        """Yield what a mapping of a request consists of, with what is only added if it is given."""
        if isinstance(value, ast.IfExp):
            value = value.body
        if not isinstance(value, ast.Dict):
            return
        for key, one in zip(value.keys, value.values, strict=True):
            if key is None:
                yield from self._fields(one, reader)
            elif isinstance(key, ast.Constant):
                yield str(key.value), self._value(one, reader)

    def _value(self, value: ast.expr, reader: TypeReader) -> Node:
        """Return the node of the parameter that a value is made of."""
        if isinstance(value, ast.Constant):
            types = frozenset({"boolean"}) if isinstance(value.value, bool) else UNKNOWN
            return Node(self.origin, {"types": types, "required": UNKNOWN}, opaque=True)
        arguments = self.function.args
        defaults = [None] * (len(arguments.args) - len(arguments.defaults)) + list(arguments.defaults)
        given = [*zip(arguments.args, defaults, strict=True)]
        given += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
        for parameter, default in given:
            if parameter.arg in names and parameter.annotation is not None:
                node = reader.node(parameter.annotation, self.module, f"{self.origin}({parameter.arg})")
                return node if default is not None else node.with_attributes(required=True)
        return Node(self.origin, {"types": UNKNOWN, "required": UNKNOWN}, opaque=True)


def _template(path: ast.expr | None) -> str:
    if isinstance(path, ast.JoinedStr):
        parts = [str(p.value) if isinstance(p, ast.Constant) else f"{{{_argument(p)}}}" for p in path.values]
        return "/" + "".join(parts).lstrip("/")
    return "/" + str(path.value).lstrip("/") if isinstance(path, ast.Constant) else "/"


def _argument(value: ast.expr) -> str:
    """Return the name of the path parameter that is written into a path."""
    names = [node.id for node in ast.walk(value) if isinstance(node, ast.Name)]
    return names[-1] if names else ""


def _list(node: Node) -> Node:
    """Return the node of a query parameter; where it is a list, the SDK also takes a single string."""
    if node.types == {"array", "string"}:
        return node.with_attributes(types=frozenset({"array"}))
    return node
