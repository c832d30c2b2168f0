"""The facts of an OpenAPI document: the vendor's, ours, or any other one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cohere_conformance.contract.compile import METHODS
from cohere_conformance.drift.facts import Description, Node, operation_key
from cohere_conformance.drift.schemas import SchemaReader
from cohere_conformance.drift.unions import united
from cohere_conformance.errors import DescriptionError
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.contract.documents import Document

_SSE, _STREAMS = "text/event-stream", ("text/event-stream", "application/stream+json", "application/x-ndjson")
_FERN = "x-fern-streaming"


def document_facts(document: Document, name: str, terminators: dict[str, str] | None = None) -> Description:
    """Return the facts of an OpenAPI document.

    Args:
        document: with local references only.
        name: of the source.
        terminators: the frame that ends the stream of an operation, by label (`POST /v2/chat`), as far as
            it is known from somewhere else than the document.

    Raises:
        ContractError: a reference of an operation leads nowhere, or there are too many locations.
        DescriptionError: an operation is not what OpenAPI declares.
    """
    reader = _OperationReader(document, terminators or {})
    operations, labels = {}, {}
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if isinstance(item, dict) and method in item:
                key = operation_key(method, path)
                labels[key] = f"{method.upper()} {path}"
                try:
                    operations[key] = reader.operation(path, item, method)
                except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
                    raise DescriptionError(
                        name,
                        labels[key],
                        f"expected a valid operation, got {type(error).__name__}: {error}; validate the "
                        "document, for example with openapi-spec-validator",
                    ) from error
    info = document.get("info")
    version = info.get("version") if isinstance(info, dict) else None
    return Description(
        name,
        operations,
        labels,
        missing=tuple(sorted(reader.missing)),
        version=version if isinstance(version, str) else "",
    )


class _OperationReader:
    def __init__(self, document: Document, terminators: dict[str, str]) -> None:
        self._schemas = SchemaReader(document)
        self._terminators = terminators

    @property
    def missing(self) -> set[str]:
        """References that lead nowhere."""
        return self._schemas.missing

    def operation(self, path: str, item: Document, method: str) -> Node:
        """Return the node of an operation."""
        operation, pointer = item[method], f"#/paths/{escaped(path)}/{method}"
        children = dict(self._parameters(path, item, operation, pointer))
        if "requestBody" in operation:
            children["request"] = self._request(operation["requestBody"], f"{pointer}/requestBody")
        children |= self._responses(operation, pointer, f"{method.upper()} {path}")
        attributes = {"deprecated": True} if operation.get("deprecated") else {}
        return Node(pointer, attributes, children)

    def _parameters(
        self, path: str, item: Document, operation: Document, pointer: str
    ) -> Iterator[tuple[str, Node]]:
        above = pointer.rpartition("/")[0]
        declared = [(one, f"{above}/parameters/{n}") for n, one in enumerate(item.get("parameters", ()))]
        declared += [
            (one, f"{pointer}/parameters/{n}") for n, one in enumerate(operation.get("parameters", ()))
        ]
        for one, where in declared:
            parameter, origin = self._schemas.target(one, where)
            kind, name = parameter["in"], parameter["name"]
            if kind == "path":
                name = str(path[: path.find(f"{{{name}}}")].count("{") + 1)
            schema, at = self._schema(parameter, origin)
            node = self._schemas.node(schema, at)
            extra: dict[str, object] = {}
            if parameter.get("required"):
                extra["required"] = True
            if parameter.get("deprecated"):
                extra["deprecated"] = True
            if (style := _style(parameter)) is not None:
                extra["style"] = style
            yield (
                f"{kind}.{name.lower() if kind == 'header' else name}",
                replace(node, origin=origin, attributes={**node.attributes, **extra}),
            )

    def _schema(self, parameter: Document, origin: str) -> tuple[Any, str]:
        for media, content in (parameter.get("content") or {}).items():
            return content.get("schema"), f"{origin}/content/{escaped(media)}/schema"
        return parameter.get("schema"), f"{origin}/schema"

    def _request(self, declared: Document, where: str) -> Node:
        body, origin = self._schemas.target(declared, where)
        content = body.get("content", {})
        node = self._body(content, origin)
        extra: dict[str, object] = {"media": frozenset(content)}
        if body.get("required"):
            extra["required"] = True
        return node.with_attributes(**extra)

    def _body(self, content: Document, origin: str) -> Node:
        nodes = [
            self._schemas.node(one["schema"], f"{origin}/content/{escaped(media)}/schema")
            for media, one in content.items()
            if "schema" in one
        ]
        return united(nodes, origin) if nodes else Node(origin)

    def _responses(self, operation: Document, pointer: str, label: str) -> dict[str, Node]:
        children: dict[str, Node] = {}
        statuses, media, bodies, events = set(), set(), [], []
        for status, declared in operation.get("responses", {}).items():
            response, origin = self._schemas.target(declared, f"{pointer}/responses/{status}")
            content = response.get("content", {})
            if not str(status).startswith("2"):
                children[f"error.{status}"] = self._body(content, origin)
                continue
            statuses.add(str(status))
            for name, header in (response.get("headers") or {}).items():
                found, at = self._schemas.target(header, f"{origin}/headers/{escaped(name)}")
                children[f"response header.{name.lower()}"] = self._schemas.node(
                    found.get("schema"), f"{at}/schema"
                )
            plain = {name: one for name, one in content.items() if name not in _STREAMS}
            media |= set(plain)
            if any("schema" in one for one in plain.values()):
                bodies.append(self._body(plain, origin))
            events += [
                (name, one, f"{origin}/content/{escaped(name)}")
                for name, one in content.items()
                if name in _STREAMS
            ]
        fern = operation.get(_FERN) or {}
        if "response" in fern:
            bodies = [self._schemas.node(fern["response"], f"{pointer}/{_FERN}/response")]
        node = united(bodies, f"{pointer}/responses") if bodies else Node(f"{pointer}/responses")
        extra = {"statuses": frozenset(statuses)} | ({"media": frozenset(media)} if media else {})
        children["response"] = node.with_attributes(**extra)
        stream = self._events(label, fern, events, pointer)
        return {**children, "events": stream} if stream is not None else children

    def _events(
        self, label: str, fern: Document, events: list[tuple[str, Document, str]], pointer: str
    ) -> Node | None:
        """Return the events of a stream: of the vendor's extension, else of the media types of streams."""
        terminator = fern.get("terminator", self._terminators.get(label))
        if "response-stream" in fern:
            node = self._schemas.node(fern["response-stream"], f"{pointer}/{_FERN}/response-stream")
        elif events:
            nodes = [self._event(name, media, at) for name, media, at in events]
            node = united(nodes, f"{pointer}/events") if len(nodes) > 1 else nodes[0]
            if len(nodes) > 1 and len({one.digest for one in nodes}) == 1:
                node = nodes[0]
        else:
            return None
        return node.with_attributes(terminator=terminator) if terminator else node

    def _event(self, name: str, media: Document, at: str) -> Node:
        """Return the node of one event; a frame of `text/event-stream` has it as JSON text in `data`."""
        word = "itemSchema" if "itemSchema" in media else "schema"
        schema, pointer = self._schemas.target(media.get(word, {}), f"{at}/{word}")
        data = schema.get("properties", {}).get("data") if name == _SSE and word == "itemSchema" else None
        if isinstance(data, dict):
            inner = data.get("contentSchema", data)
            return self._schemas.node(inner, f"{pointer}/properties/data/contentSchema")
        return self._schemas.node(schema, pointer)


def _style(parameter: Document) -> str | None:
    """Return how a list or an object is written, if not in the usual way of its kind of parameter."""
    usual = "form" if parameter["in"] in {"query", "cookie"} else "simple"
    style = parameter.get("style", usual)
    explode = parameter.get("explode", style == "form")
    return (
        None if (style, explode) == (usual, usual == "form") else f"{style}, explode {str(explode).lower()}"
    )
