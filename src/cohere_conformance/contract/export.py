"""Exports the contract for third-party tools: unions with exclusive branches, OpenAPI 3.1."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from cohere_conformance.contract.bundle import resolve
from cohere_conformance.contract.compile import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cohere_conformance.contract.documents import Document
    from cohere_conformance.contract.grammar import Grammar

VERSIONS = ("3.2", "3.1")
"""The supported versions of OpenAPI."""
_SSE = "text/event-stream"


def exported(document: Document, grammars: Mapping[str, Grammar]) -> Document:
    """Return the document for validators that support JSON Schema only.

    A branch of a union says which values of the discriminator are its own, so that no answer matches two of
    them. The payload that ends a stream is allowed beside the events.

    Args:
        document: OpenAPI 3.2, bundled.
        grammars: of the streams, by the label of the operation.
    """
    made = copy.deepcopy(document)
    for union in list(_unions(made)):
        _exclude(made, union)
    for label, _, content in _streams(made):
        grammar = grammars.get(label)
        for name, media in content.items():
            terminator = grammar.terminators.get(name) if grammar is not None else None
            if terminator is not None and "itemSchema" in media:
                _allow(media["itemSchema"], terminator)
    return made


def as_openapi_31(document: Document) -> Document:
    """Convert a document from OpenAPI 3.2 to 3.1.

    OpenAPI 3.1 has no word for the items of a stream. By the convention of the tools that support
    server-sent events there, the schema of that media type describes one event. For lines of JSON there is no
    convention, so nothing is said about the whole of them, and `x-item-schema` describes one line.
    """
    made = copy.deepcopy(document)
    made["openapi"] = "3.1.1"
    for _, _, content in _streams(made):
        for name, media in content.items():
            if "itemSchema" in media:
                media["schema" if name == _SSE else "x-item-schema"] = media.pop("itemSchema")
    return made


def _unions(node: Any) -> Iterator[Document]:
    """Yield every union that has a discriminator with a mapping."""
    if isinstance(node, dict):
        if "oneOf" in node and isinstance(node.get("discriminator"), dict):
            yield node
        for value in node.values():
            yield from _unions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _unions(value)


def _exclude(document: Document, union: Document) -> None:
    tag = union["discriminator"]["propertyName"]
    mapping: Mapping[str, str] = union["discriminator"].get("mapping", {})
    for branch in union["oneOf"]:
        reference = branch.get("$ref", "")
        values = sorted(value for value, target in mapping.items() if target == reference)
        if not values:
            continue
        component = resolve(document, reference)
        own = {"type": "object", "required": [tag], "properties": {tag: {"enum": values}}}
        if own not in component.get("allOf", ()):
            # Two unions may share a branch: the conditions of both apply.
            component["allOf"] = [*component.get("allOf", ()), own]


def _streams(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Yield the media types of each response, with the label of the operation and the status."""
    for path, item in document["paths"].items():
        for method in METHODS:
            for status, response in item.get(method, {}).get("responses", {}).items():
                yield f"{method.upper()} {path}", status, response.get("content", {})


def _allow(item: Document, terminator: str) -> None:
    """Allow the terminator as the data of an event instead of JSON."""
    data = item.get("properties", {}).get("data", {})
    words = [word for word in ("contentMediaType", "contentSchema") if word in data]
    if words:
        data["anyOf"] = [{"const": terminator}, {word: data.pop(word) for word in words}]
