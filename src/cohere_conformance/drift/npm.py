"""The facts of a generated TypeScript SDK: the requests of its clients, and its serialization schemas.

The package is read as an archive of npm; nothing of it is run. Types of query parameters and uploads are not
read, and integers are numbers.
"""

from __future__ import annotations

import json
import re
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

from cohere_conformance.drift.facts import (
    ITEMS,
    MOST_NODES,
    OTHERS,
    UNKNOWN,
    Description,
    DescriptionKind,
    Node,
    operation_key,
)
from cohere_conformance.drift.jsexpressions import Js, expression
from cohere_conformance.drift.unions import intersected, of_both_methods, united
from cohere_conformance.errors import DescriptionError

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST, _MOST = 4_000_000, 80_000_000
_SCHEMA = re.compile(r"^exports\.(\w+) = (?=core\.serialization|[\w.]+;$)", re.MULTILINE)
_OPERATION = re.compile(
    r'handleNonStatusCodeError\)\(_response\.error, _response\.rawResponse, "(\w+)", "([^"]+)"\)'
)
_BODY = re.compile(r"body:[^;]*?serializers\.([\w.]+)\.jsonOrThrow\(")
_RESPONSE = re.compile(r"serializers\.([\w.]+)\.parseOrThrow\((_response\.body|data)\b")
_UPLOAD = re.compile(r'_body\.append(?:File)?\("(\w+)"')
_QUERY = re.compile(r"_queryParams = (\{)|_queryParams\[\"(\w+)\"\] =")
_SCALARS = {
    "string": "string",
    "date": "string",
    "number": "number",
    "boolean": "boolean",
    "bigint": "number",
}
_OPTIONAL = {"optional", "optionalNullable", "nullable"}


def npm_facts(path: Path, name: str) -> Description:
    """Return the facts of a TypeScript SDK that Fern has generated.

    Args:
        path: of the archive (`.tgz`).
        name: of the source.

    Raises:
        DescriptionError: it is no such archive.
    """
    files = _files(path, name)
    schemas = _Schemas(files, name)
    operations: dict[str, Node] = {}
    labels: dict[str, str] = {}
    for file in sorted(file for file in files if re.fullmatch(r"(?:api/.*/client/)?Client\.js", file)):
        begin = 0
        for match in _OPERATION.finditer(files[file]):
            verb, template = match[1], match[2].replace("}/:", "}:")  # as it is sent
            key = operation_key(verb, template)
            node = _operation(files[file][begin : match.start()], f"{file} {verb} {template}", schemas)
            operations[key] = of_both_methods(operations[key], node) if key in operations else node
            labels.setdefault(key, f"{verb} {template}")
            begin = match.end()
    if not operations:
        raise DescriptionError(
            name, "Client.js", "expected the clients of an SDK that Fern has generated, got none"
        )
    known, roots = (
        frozenset({"types", "enum", "required"}),
        frozenset({"query", "request", "response", "events"}),
    )
    return Description(name, operations, labels, DescriptionKind.NPM, known, roots)


def _files(path: Path, name: str) -> dict[str, str]:
    """Return the JavaScript modules of an archive, by their path in the package."""
    files = {}
    total = 0
    try:
        with tarfile.open(path, "r:gz") as archive:
            for entry in archive:
                total += entry.size
                if total > 4 * _MOST:
                    raise DescriptionError(name, entry.name, "expected a smaller archive")
                file = entry.name.partition("/")[2]
                wanted = file == "Client.js" or file.startswith(("api/", "serialization/"))
                if entry.isfile() and wanted and file.endswith(".js") and entry.size <= _LARGEST:
                    content = archive.extractfile(entry)
                    files[file] = content.read().decode("utf-8", "replace") if content else ""
    except (OSError, EOFError, tarfile.TarError) as error:
        raise DescriptionError(name, "the file", f"expected an archive of npm (.tgz), got {error}") from error
    return files


def _operation(code: str, origin: str, schemas: _Schemas) -> Node:
    """Return the node of the operation that the code of a method calls."""
    children: dict[str, Node] = {}
    for name in _queries(code):
        children[f"query.{name}"] = _unknown(origin, required=UNKNOWN)
    if uploads := _UPLOAD.findall(code):
        fields = {f".{name}": _unknown(origin, required=UNKNOWN) for name in uploads}
        attributes = {
            "types": frozenset({"object"}),
            "required": UNKNOWN,
            "media": frozenset({"multipart/form-data"}),
        }
        children["request"] = Node(origin, attributes, fields)
    elif body := _BODY.search(code):
        node = schemas.node(body[1])
        if "stream: " in code[body.end() :]:
            sent = _unknown(origin, required=UNKNOWN)
            node = replace(node, children={".stream": sent, **node.children})
        children["request"] = node.with_attributes(required=UNKNOWN)
    if response := _RESPONSE.search(code):
        children["events" if response[2] == "data" else "response"] = schemas.node(response[1])
    else:
        children["response"] = _unknown(origin)
    return Node(origin, {}, children)


def _queries(code: str) -> list[str]:
    """Return the names of the query parameters of a method."""
    names: list[str] = []
    for match in _QUERY.finditer(code):
        if match[2]:
            names.append(match[2])
            continue
        depth, key = 0, True
        for token in re.finditer(r'"(\w+)"|[\w$]+|\S', code[match.start(1) :]):
            text = token[0]
            if depth == 1 and key and re.match(r'[\w$"]', text):
                names.append(token[1] or text)
                key = False
            depth += (text in "{([") - (text in "})]")
            key = key or (depth == 1 and text == ",") or (depth == 1 and text == "{" and not names)
            if depth == 0:
                break
    return names


class _Schemas:
    """The serialization schemas of a package, by the name of their export."""

    def __init__(self, files: dict[str, str], name: str) -> None:
        self._name = name
        self._sources: dict[str, tuple[str, int]] = {}
        self._nodes = 0
        for file, text in files.items():
            if file.startswith("serialization/"):
                for match in _SCHEMA.finditer(text):
                    self._sources.setdefault(match[1], (text, match.end()))

    def node(self, name: str, path: frozenset[str] = frozenset()) -> Node:
        """Return the node of a schema by its name, which may be qualified by that of its group."""
        last = name.rpartition(".")[2]
        if last in path:
            return Node(last, {"types": frozenset({"object"})}, opaque=True)
        if last not in self._sources:
            return _unknown(last)
        source, position = self._sources[last]
        try:
            found = expression(source, position)
        except ValueError as error:
            raise DescriptionError(
                self._name, f"schema {last}", f"expected a serialization schema, got {error}"
            ) from error
        return self._node(found, last, path | {last})

    def _node(self, found: Js, origin: str, path: frozenset[str]) -> Node:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise DescriptionError(self._name, origin, f"expected at most {MOST_NODES:,} locations, got more")
        if found.kind == "name":
            return self.node(found.value, path)
        if found.kind != "method":
            return _unknown(origin)
        name, inner, arguments = found.value, found.parts[0], found.parts[1:]
        if name in _OPTIONAL or name == "transform":
            return self._node(inner, origin, path)
        if name == "extend" and arguments:
            return intersected(self._node(inner, origin, path), self._node(arguments[0], origin, path))
        if name in _SCALARS:
            return Node(origin, {"types": frozenset({_SCALARS[name]})})
        if name in {"enum_", "stringLiteral", "booleanLiteral"} and arguments:
            values = arguments[0].parts if name == "enum_" else arguments[:1]
            listed = frozenset(json.dumps(one.value) for one in values)
            return Node(origin, {"types": frozenset({"string"}), "enum": listed})
        if name in {"list", "set"} and arguments:
            items = self._node(arguments[0], f"{origin}[]", path)
            return Node(origin, {"types": frozenset({"array"})}, {ITEMS: items})
        if name == "record":
            values_of = self._node(arguments[-1], f"{origin}{{}}", path)
            unknown = values_of.attributes.get("types") is UNKNOWN
            return Node(
                origin, {"types": frozenset({"object"})}, {} if unknown else {OTHERS: values_of}, opaque=True
            )
        if name in {"object", "objectWithoutOptionalProperties"} and arguments:
            return Node(
                origin, {"types": frozenset({"object"})}, dict(self._fields(arguments[0], origin, path))
            )
        if name == "union" and len(arguments) > 1:
            return self._union(arguments[0], arguments[1], origin, path)
        if name == "undiscriminatedUnion" and arguments:
            nodes = [
                self._node(one, f"{origin}|{number}", path) for number, one in enumerate(arguments[0].parts)
            ]
            unknown = not nodes or any(node.attributes.get("types") is UNKNOWN for node in nodes)
            return _unknown(origin) if unknown else united(nodes, origin)
        if name in {"lazy", "lazyObject"} and arguments:
            return self._node(arguments[0], origin, path)
        return _unknown(origin)

    def _fields(self, literal: Js, origin: str, path: frozenset[str]) -> list[tuple[str, Node]]:
        fields = []
        for key, value in literal.entries:
            name, schema = key, value
            if value.kind == "method" and value.value == "property" and len(value.parts) == 3:
                name, schema = value.parts[1].value, value.parts[2]
            node = self._node(schema, f"{origin}.{name}", path)
            optional = schema.kind == "method" and schema.value in _OPTIONAL
            fields.append((f".{name}", node if optional else node.with_attributes(required=True)))
        return fields

    def _union(self, tag: Js, branches: Js, origin: str, path: frozenset[str]) -> Node:
        name = tag.value if tag.kind == "text" else tag.parts[-1].value
        nodes = [self._node(branch, f"{origin}<{value}>", path) for value, branch in branches.entries]
        tags = {number: [value] for number, (value, _) in enumerate(branches.entries)}
        return united(nodes, origin, name, tags)


def _unknown(origin: str, **attributes: object) -> Node:
    return Node(origin, {"types": UNKNOWN, "enum": UNKNOWN, **attributes}, opaque=True)
