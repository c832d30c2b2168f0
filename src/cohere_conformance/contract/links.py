"""Links: which operation can follow which, with values of its request and response.

They are in an Overlay of their own (`contracts/links.yaml`) that nothing is judged against.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.contract.bundle import resolve
from cohere_conformance.contract.compile import METHODS
from cohere_conformance.contract.documents import load_typed
from cohere_conformance.contract.expression import NOTHING, CompletedCall, Expression, parse_expression
from cohere_conformance.contract.load import load_contract
from cohere_conformance.contract.location import parse_location
from cohere_conformance.contract.overlay import Action, Amendment, apply
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cohere_conformance.contract.documents import Document

_IN_PATH = re.compile(r"\{([^}]+)\}")
_INDEX = re.compile(r"0|[1-9][0-9]*")


class FilledLink(msgspec.Struct, frozen=True):
    """The values of a link for the request to its target.

    Attributes:
        path: parameters of the path.
        query: names and values.
        body: values by the tokens of their JSON pointers.
        matched: the values of the link's conditions.
    """

    path: dict[str, str]
    query: tuple[tuple[str, str], ...]
    body: dict[tuple[str, ...], object]
    matched: frozenset[str]


class Link(msgspec.Struct, frozen=True):
    """One follow-up that the API allows.

    Attributes:
        source: label of the operation whose response it belongs to.
        status: of that response, as it is declared.
        name: unique among the links of the response.
        target: label of the operation that it leads to.
        path: the value of each parameter of the target's path.
        query: the values of parameters of its query.
        body: the values of parts of its body, by JSON pointer.
        when: the values that expressions must have for the link to apply.
        made: whether the target is about something that the source has created.
    """

    source: str
    status: str
    name: str
    target: str
    path: dict[str, Expression]
    query: dict[str, Expression]
    body: dict[str, Expression]
    when: dict[Expression, tuple[str, ...]]
    made: bool = False

    def filled(self, answered: CompletedCall) -> FilledLink | None:
        """Return the values for the request to the target; `None` if the link does not apply.

        Args:
            answered: a call of the source.

        Raises:
            ContractError: it is a call of another operation, or has another status.
        """
        if (answered.operation, str(answered.status)) != (self.source, self.status):
            actual = f"{answered.operation} {answered.status}"
            raise ContractError(f"link {self.name}: expected {self.source} {self.status}, got {actual}")
        matched = [expression.value(answered) for expression in self.when]
        if any(value not in allowed for value, allowed in zip(matched, self.when.values(), strict=True)):
            return None
        path = {name: _text(expression.value(answered)) for name, expression in self.path.items()}
        query = {name: _text(value) for name, value in _values(self.query, answered)}
        body = dict(_values(self.body, answered))
        if "" in {*path.values(), *query.values()} or any(value in ("", NOTHING) for value in body.values()):
            return None
        locations = {parse_location(pointer).tokens: value for pointer, value in body.items()}
        return FilledLink(path, tuple(query.items()), locations, frozenset(map(str, matched)))


def _values(expressions: dict[str, Expression], answered: CompletedCall) -> Iterator[tuple[str, object]]:
    """Yield the value of each expression, except those that the request did not have."""
    for name, expression in expressions.items():
        value = expression.value(answered)
        if value is not NOTHING or expression.side == "response.body":
            yield name, value


def _text(value: object) -> str:
    """Return a value as text for a path or a query; empty if it has no such form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else ""


# -- the file


class _LinkObject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A Link Object of the document."""

    operation_id: str = msgspec.field(name="operationId")
    parameters: dict[str, str] = {}
    body: dict[str, str] = msgspec.field(name="x-request-body", default={})
    when: dict[str, list[str]] = msgspec.field(name="x-when", default={})
    made: bool = msgspec.field(name="x-made", default=False)
    description: str = ""


class _Links(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    links: dict[str, _LinkObject]


class _Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    target: str
    id: str = msgspec.field(name="x-id")
    reason: str = msgspec.field(name="x-reason")
    evidence: str = msgspec.field(name="x-evidence")
    update: _Links


class _LinksFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    overlay: str
    info: dict[str, str]
    actions: list[_Action]


def linked(path: Path, document: Document) -> Document:
    """Return a copy of a bundled document with the links of a file.

    Raises:
        ContractError: the file is malformed, repeats an id, lacks a reason, or selects nothing.
    """
    seen: set[str] = set()
    additions = []
    for action in load_typed(path, _LinksFile).actions:
        if action.id in seen or not (action.reason.strip() and action.evidence.strip()):
            raise ContractError(f"{path}: {action.id}: expected an x-id of its own, x-reason and x-evidence")
        seen.add(action.id)
        update = msgspec.to_builtins(action.update)
        # The class does not matter here: links explain no finding.
        additions.append(
            Amendment(
                id=action.id,
                klass="observed-addition",
                reason=action.reason,
                evidence=action.evidence,
                actions=(Action(action.target, update),),
            )
        )
    return apply(document, additions)


def load_links(path: Path, document: Document) -> tuple[Link, ...]:
    """Read the links of a file.

    Args:
        path: the Overlay.
        document: the bundled document that they are about.

    Raises:
        ContractError: as `linked`; or a target is unknown or does not declare a parameter or property, or the
            source does not declare a value.
    """
    document = linked(path, document)
    reader = _Reader(document)
    found = []
    for label, operation in reader.operations.items():
        for status, response in operation["responses"].items():
            for name, source in reader.followed(response).get("links", {}).items():
                try:
                    found.append(reader.link(label, status, name, source))
                except ContractError as error:
                    raise ContractError(f"{path}: {label} {status}: link {name}: {error}") from error
    return tuple(found)


@lru_cache(maxsize=1)
def shipped_links() -> tuple[Link, ...]:
    """Return the links that ship with the package.

    Raises:
        ContractError: the file is malformed.
    """
    return load_links(folder("contracts") / "links.yaml", load_contract().document)


class _Reader:
    """Reads the links of a document and compares them with the declarations of its operations."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.operations = {
            f"{method.upper()} {path}": item[method]
            for path, item in document["paths"].items()
            for method in METHODS
            if method in item
        }
        self._labels = {operation["operationId"]: label for label, operation in self.operations.items()}

    def followed(self, node: Document) -> Document:
        """Return the node, or the target of its reference."""
        while "$ref" in node:
            node = resolve(self._document, node["$ref"])
        return node

    def link(self, label: str, status: str, name: str, source: Document) -> Link:
        """Return a link, validated.

        Raises:
            ContractError: it names something undeclared.
        """
        declared = self._object(source)
        if declared.operation_id not in self._labels:
            raise ContractError(f"operationId: expected a declared one, got {declared.operation_id}")
        target = self._labels[declared.operation_id]
        locations = self._parameters(target)
        expressions = {
            text: self._checked(label, status, text)
            for text in (*declared.parameters.values(), *declared.body.values(), *declared.when)
        }
        for parameter in declared.parameters:
            if parameter not in locations:
                known = ", ".join(locations) or "none"
                raise ContractError(f"parameters/{parameter}: {target} has none of that name, only {known}")
        for parameter in _IN_PATH.findall(target):
            if parameter not in declared.parameters:
                raise ContractError(f"parameters: {target} cannot be called without {parameter}")
        for pointer in declared.body:
            if not self._can_have(self._bodies(self.operations[target].get("requestBody")), pointer):
                raise ContractError(f"x-request-body: {target} has no {pointer} in its body")
        filled = {name: expressions[text] for name, text in declared.parameters.items()}
        return Link(
            source=label,
            status=status,
            name=name,
            target=target,
            path={name: one for name, one in filled.items() if locations[name] == "path"},
            query={name: one for name, one in filled.items() if locations[name] == "query"},
            body={pointer: expressions[text] for pointer, text in declared.body.items()},
            when={expressions[text]: tuple(values) for text, values in declared.when.items()},
            made=declared.made,
        )

    def _object(self, source: Document) -> _LinkObject:
        # A document may have links of its own, which are not from the overlay.
        try:
            return msgspec.convert(source, _LinkObject)
        except msgspec.ValidationError as error:
            raise ContractError(str(error)) from error

    def _parameters(self, label: str) -> dict[str, str]:
        """Return the location (path or query) of each parameter of an operation."""
        declared = map(self.followed, self.operations[label].get("parameters", ()))
        return {one["name"]: one["in"] for one in declared if one["in"] in {"path", "query"}}

    def _checked(self, label: str, status: str, text: str) -> Expression:
        expression = parse_expression(text)
        operation = self.operations[label]
        match expression.side:
            case "request.path" | "request.query":
                side = expression.side.partition(".")[2]
                known = self._parameters(label).get(expression.tokens[0]) == side
            case "request.body":
                known = self._has(self._bodies(operation.get("requestBody")), expression.tokens)
            case "response.body":
                known = self._has(self._bodies(operation["responses"][status]), expression.tokens)
        if not known:
            raise ContractError(f"{text}: expected a value that {label} declares")
        return expression

    def _bodies(self, source: Document | None) -> list[Document]:
        """Return the schemas of the JSON bodies of a request or a response."""
        content = self.followed(source or {}).get("content", {})
        return [media["schema"] for name, media in content.items() if "json" in name and "schema" in media]

    def _can_have(self, schemas: list[Document], pointer: str) -> bool:
        try:
            location = parse_location(pointer)
        except ValueError as error:
            raise ContractError(f"x-request-body: {error}") from error
        return location.single and bool(location.tokens) and self._has(schemas, location.tokens)

    def _has(self, schemas: list[Document], tokens: tuple[str, ...]) -> bool:
        """Return whether one of the schemas declares a value at the tokens of a pointer."""
        if not tokens:
            return bool(schemas)
        found = [below for schema in schemas for below in self._below(schema, tokens[0])]
        return self._has(found, tokens[1:])

    def _below(self, schema: Document, token: str) -> Iterator[Document]:
        schema = self.followed(schema)
        for word in ("allOf", "oneOf", "anyOf"):
            for part in schema.get(word, ()):
                yield from self._below(part, token)
        if token in schema.get("properties", {}):
            yield schema["properties"][token]
        elif isinstance(free := schema.get("additionalProperties"), dict):
            yield free
        if _INDEX.fullmatch(token) and isinstance(schema.get("items"), dict):
            yield schema["items"]
