"""The compiled contract: operations with validators."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakValueDictionary

import jsonschema_rs
import msgspec

from cohere_conformance.contract.bundle import references, resolve
from cohere_conformance.contract.lazily import Lazily
from cohere_conformance.contract.route import Route, Router
from cohere_conformance.contract.schema import Schema, Translator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cohere_conformance.contract.documents import Document
    from cohere_conformance.contract.grammar import Grammar

METHODS = ("get", "put", "post", "delete", "patch", "options", "head", "trace", "query")
Framing = Literal["json", "sse", "ndjson"]
_FRAMINGS: dict[str, Framing] = {"text/event-stream": "sse", "application/stream+json": "ndjson"}


@dataclass(frozen=True, eq=False)
class Validator:
    """One schema, compiled once, on first use; equal schemas of all contracts are one validator.

    Attributes:
        schema: self-contained JSON Schema (Draft 2020-12) with extension keywords of this package.
    """

    schema: Schema

    @cached_property
    def compiled(self) -> jsonschema_rs.Draft202012Validator:
        """The compiled form; formats are asserted."""
        return jsonschema_rs.Draft202012Validator(self.schema, validate_formats=True)

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of all properties that the schema mentions."""
        found: set[str] = set()
        pending: list[Any] = [self.schema]
        while pending:
            one = pending.pop()
            if isinstance(one, dict):
                properties, required = one.get("properties"), one.get("required")
                found.update(properties if isinstance(properties, dict) else ())
                found.update(required if isinstance(required, list) else ())
                pending += one.values()
            elif isinstance(one, list):
                pending += one
        return frozenset(found)


@dataclass(frozen=True)
class Events:
    """The declaration of a stream: its events and their grammar.

    Attributes:
        tag: the property that names an event's type.
        branches: a validator for each declared type.
        grammar: the order of the events; `None` if unknown.
        terminator: payload that ends the stream in this media type, if any.
    """

    tag: str
    branches: Mapping[str, Validator]
    grammar: Grammar | None
    terminator: str | None


@dataclass(frozen=True)
class Media:
    """One media type of a response."""

    name: str
    framing: Framing
    body: Validator | None = None
    events: Events | None = None


@dataclass(frozen=True)
class ResponseHeader:
    """One declared response header (`name` in lower case)."""

    name: str
    required: bool
    value: Validator


@dataclass(frozen=True)
class ResponseDeclaration:
    """The declaration of one status; without media types the body is not judged."""

    status: str
    media: Mapping[str, Media]
    headers: Mapping[str, ResponseHeader]


@dataclass(frozen=True)
class RequestDeclaration:
    """The declaration of a request body, by media type.

    Attributes:
        required: whether there must be a body.
        media: a validator for each media type.
        last: the part of a form that must be the last one, by media type.
    """

    required: bool
    media: Mapping[str, Validator]
    last: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class QueryParameter:
    """One declared query parameter; `value` judges one occurrence, an array is `repeated`."""

    name: str
    required: bool
    value: Validator
    repeated: bool = False


@dataclass(frozen=True)
class Operation:
    """One operation: method, path, request and responses.

    Attributes:
        label: such as `POST /v2/chat`.
        group: the group's name, such as `embed-jobs`.
        responses: by status, as a string; `default` and `2XX` if declared.
        depends_on: returns everything that its judgement depends on.
    """

    label: str
    group: str
    deprecated: bool
    request: RequestDeclaration | None
    query: Mapping[str, QueryParameter]
    responses: Mapping[str, ResponseDeclaration]
    depends_on: Callable[[], object] = field(compare=False, repr=False)
    _found: dict[int, ResponseDeclaration | None] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    @cached_property
    def digest(self) -> str:
        """The digest of everything that its judgement depends on; equal digests judge alike."""
        return digest(self.depends_on())

    def response(self, status: int) -> ResponseDeclaration | None:
        """Return the declaration of the status, by its own name, its range, or `default`."""
        if status not in self._found:
            names = (str(status), f"{status // 100}XX", "default")
            self._found[status] = next(
                (self.responses[name] for name in names if name in self.responses), None
            )
        return self._found[status]


@dataclass(frozen=True)
class Contract:
    """The declared API.

    Attributes:
        version: `info.version` of the document.
        operations: by label, in the order of the document.
        groups: the group of each operation, by its label.
        router: from a request to its operation.
        document: the bundled OpenAPI document.
        added: labels of the operations that the vendor's document lacks and an SDK declares.
    """

    version: str
    operations: Mapping[str, Operation]
    groups: Mapping[str, str]
    router: Router
    document: Document
    added: frozenset[str] = frozenset()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the document that is judged against (12 hex digits)."""
        return digest(self.document)

    @property
    def origins(self) -> dict[str, int]:
        """The number of operations of each origin: the vendor's `document`, or an `SDK` only."""
        counts = {"document": len(self.operations) - len(self.added), "SDK": len(self.added)}
        return {origin: count for origin, count in counts.items() if count}

    def route(self, method: str, url: str) -> Route:
        """Return the route of a request."""
        return self.router.route(method, url)


def compile_contract(
    document: Document,
    grammars: Mapping[str, Grammar],
    *,
    requests: Document | None = None,
    servers: tuple[str, ...] = (),
) -> Contract:
    """Compile a bundled document.

    Args:
        document: the bundled OpenAPI document, amended or as published.
        grammars: by operation label.
        requests: the document that request bodies are judged against, if it is another one; there a
            property that is not required may be `null` if the document says `x-null-for-optional: true`.
        servers: further base URLs that serve the API.
    """
    requests = document if requests is None else requests
    compiler = _Compiler(document, grammars, requests)
    sources = operations_of(document)
    operations = Lazily(sources, lambda label: compiler.operation(label, sources[label]), compiler.lock)
    declared = tuple(server["url"] for server in document.get("servers", ()))
    return Contract(
        version=str(document["info"]["version"]),
        operations=operations,
        groups={label: _group(source) for label, source in sources.items()},
        router=Router(operations, declared + servers),
        document=document,
    )


def operations_of(document: Document) -> dict[str, Document]:
    """Return the operations that a document declares, by label."""
    return {
        f"{method.upper()} {path}": item[method]
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }


def digest(value: Any) -> str:
    """Return a digest of a JSON value that does not depend on the order of keys (12 hex digits)."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:12]


def _group(source: Document) -> str:
    return str((source.get("tags") or ["?"])[0])


_VALIDATORS: WeakValueDictionary[str, Validator] = WeakValueDictionary()
"""The validators of all contracts, by digest."""


class _Compiler:
    """Compiles the operations of one document; responses when they are first judged."""

    def __init__(self, document: Document, grammars: Mapping[str, Grammar], requests: Document) -> None:
        self._document = document
        self._requests = requests
        self._grammars = grammars
        # Schemas that refer to themselves are incomplete while they are translated.
        self.lock = threading.RLock()
        self._response_side = Translator(document)
        self._request_side = Translator(
            requests, null_for_optional=bool(requests.get("x-null-for-optional", False))
        )

    def operation(self, label: str, source: Document) -> Operation:
        method, path = label.split(" ", 1)
        request_source = self._requests["paths"][path][method.lower()].get("requestBody")
        declared: Document = source.get("responses", {})
        return Operation(
            label=label,
            group=_group(source),
            deprecated=bool(source.get("deprecated", False)),
            request=self._request(request_source),
            query=self._query(self._requests["paths"][path][method.lower()].get("parameters", ())),
            responses=Lazily(
                declared, lambda status: self._response(label, status, declared[status]), self.lock
            ),
            depends_on=lambda: [
                source,
                label in self._grammars,
                request_source,
                self._reachable(source, request_source),
            ],
        )

    def _reachable(self, *sources: Any) -> Document:
        """Return every component that the sources refer to, in both documents."""
        found: Document = {}
        pending = [
            (side, source) for side, source in zip((self._document, self._requests), sources, strict=True)
        ]
        while pending:
            side, source = pending.pop()
            for reference in references(source):
                key = f"{'response' if side is self._document else 'request'} {reference}"
                if key not in found:
                    found[key] = self._followed({"$ref": reference}, side)
                    pending.append((side, found[key]))
        return found

    def _followed(self, node: Document, side: Document) -> Document:
        while "$ref" in node:
            node = resolve(side, node["$ref"])
        return node

    def _validator(self, schema: Schema) -> Validator:
        return _VALIDATORS.setdefault(digest(schema), Validator(schema))

    def _query(self, parameters: Iterable[Document]) -> dict[str, QueryParameter]:
        found = {}
        for source in parameters:
            source = self._followed(source, self._requests)
            if source.get("in") == "query":
                schema = source.get("schema", {})
                repeated = self._followed(schema, self._requests).get("items")
                value = self._validator(self._request_side.schema(repeated or schema))
                required = bool(source.get("required", False))
                found[source["name"]] = QueryParameter(source["name"], required, value, bool(repeated))
        return found

    def _request(self, source: Document | None) -> RequestDeclaration | None:
        if source is None:
            return None
        source = self._followed(source, self._requests)
        media = {
            name.lower(): self._validator(self._request_side.schema(content.get("schema", {})))
            for name, content in source.get("content", {}).items()
        }
        last = {
            name.lower(): content["x-last-part"]
            for name, content in source.get("content", {}).items()
            if "x-last-part" in content
        }
        return RequestDeclaration(required=bool(source.get("required", False)), media=media, last=last)

    def _response(self, label: str, status: str, source: Document) -> ResponseDeclaration:
        source = self._followed(source, self._document)
        media = {
            name.lower(): self._media(label, name.lower(), content)
            for name, content in source.get("content", {}).items()
        }
        headers: dict[str, ResponseHeader] = {}
        for name, header in source.get("headers", {}).items():
            header = self._followed(header, self._document)
            value = self._validator(self._response_side.schema(header.get("schema", {})))
            required = bool(header.get("required", False))
            headers[name.lower()] = ResponseHeader(name.lower(), required, value)
        return ResponseDeclaration(status, media, headers)

    def _media(self, label: str, name: str, content: Document) -> Media:
        if "itemSchema" not in content:
            return Media(
                name, "json", body=self._validator(self._response_side.schema(content.get("schema", {})))
            )
        item = self._followed(content["itemSchema"], self._document)
        payload = item.get("properties", {}).get("data", {}).get("contentSchema", item)
        tagged = self._response_side.branches(payload)
        grammar = self._grammars.get(label)
        tag, branches = tagged or (grammar.tag if grammar else "", {})
        events = Events(
            tag=tag,
            branches={value: self._validator(self._standalone(branch)) for value, branch in branches.items()},
            grammar=grammar,
            terminator=grammar.terminators.get(name) if grammar else None,
        )
        return Media(name, _FRAMINGS.get(name, "ndjson"), events=events)

    def _standalone(self, branch: Schema) -> Schema:
        return self._response_side.closed_over(branch)
