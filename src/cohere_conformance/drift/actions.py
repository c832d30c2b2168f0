"""The Overlay actions that close one gap of the contract, as far as they can be derived.

What would make the contract stricter is never carried out by itself: it is a suggestion, which a person may
turn into an action. What cannot be derived is a note that says what to do by hand.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cohere_conformance.drift.compare import ADDED, REQUIRED
from cohere_conformance.drift.facts import ANY, operation_key
from cohere_conformance.drift.severity import effect
from cohere_conformance.drift.written import MOST_LOCATIONS
from cohere_conformance.errors import DescriptionError
from cohere_conformance.pointer import MISSING, tokens_of, value_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cohere_conformance.contract.documents import Document
    from cohere_conformance.drift.compare import Change
    from cohere_conformance.drift.written import Writer

_BY_HAND = "add it by hand"
_LIMITS = {
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems",
    "maxItems", "minProperties", "maxProperties",
}  # fmt: skip
_PATH = re.compile(r"/[!-~]*")


@dataclass(frozen=True)
class ProposedStep:
    """One action on the bundled document.

    Attributes:
        target: the keys and indexes that lead to the object or the array.
        update: what is added to it: the keys of an object, or one item of an array.
        replaces: the present values of keys that are replaced.
        stricter: something that is valid now would no longer be; only a person decides that.
    """

    target: tuple[str | int, ...]
    update: Any
    replaces: Mapping[str, Any] = field(default_factory=dict)
    stricter: bool = False


class NoActionError(Exception):
    """There is no action that can be derived; the message says why."""


def steps_of(change: Change, document: Document, writer: Writer, taken: set[str]) -> list[ProposedStep]:
    """Return the actions for one change.

    Args:
        change: from our contract to a witness.
        document: our contract.
        writer: of what the witness shows.
        taken: the `operationId` of every operation; a new one is added to it.

    Raises:
        NoActionError: none can be derived.
    """
    planner = _Planner(change, document, writer, taken)
    try:
        return list(planner.added() if change.what == ADDED else planner.changed())
    except DescriptionError as error:
        raise NoActionError(f"it has more than {MOST_LOCATIONS:,} locations or too many levels") from error
    except RecursionError as error:
        raise NoActionError("it has too many levels") from error


class _Planner:
    def __init__(self, change: Change, document: Document, writer: Writer, taken: set[str]) -> None:
        self._change = change
        self._document = document
        self._writer = writer
        self._taken = taken

    def _at(self, *steps: str | int) -> Any:
        return value_at(self._document, map(str, steps))

    def _owner(self) -> tuple[str | int, ...]:
        """Return the location of the declaration that the change is in."""
        return _steps(self._document, self._change.old)

    def added(self) -> Iterator[ProposedStep]:
        """Yield the actions for something that is new."""
        change = self._change
        if not change.path:
            yield self._operation()
            return
        step = change.path[-1]
        if len(change.path) == 1:
            yield self._part(step)
        elif step.startswith("."):
            owner = self._owner()
            yield self._within(owner, "properties", {step[1:]: self._writer.schema(change.node)})
        elif step.startswith("<"):
            yield from self._alternative(step)
        else:
            raise NoActionError("no single schema of the contract declares this location")

    def _operation(self) -> ProposedStep:
        change = self._change
        method, _, path = change.operation.partition(" ")
        if not _PATH.fullmatch(path) or set("?#\\") & set(path):
            raise NoActionError("its path is no path of OpenAPI")
        same = [
            known
            for known in self._document["paths"]
            if operation_key(method, known) == operation_key(method, path)
        ]
        path = same[0] if same else path
        label = f"{method} {path}"
        if change.node is not None:
            operation = self._writer.operation(label, change.node, self._taken)
        else:
            operation = self._writer.unknown_operation(label, self._taken)
        if same:
            return ProposedStep(("paths", path), {method.lower(): operation})
        return ProposedStep(("paths",), {path: {method.lower(): operation}})

    def _part(self, step: str) -> ProposedStep:
        """Return the action for a parameter, a body or a status of an operation."""
        kind, _, name = step.partition(".")
        node, owner = self._change.node, self._owner()
        if kind in {"query", "header", "cookie"}:
            return self._within(owner, "parameters", self._writer.parameter(step, node))
        if kind == "request":
            return ProposedStep(owner, {"requestBody": self._writer.request(node)})
        if kind == "error":
            return self._within(owner, "responses", {name: self._writer.error(name, node)})
        if kind == "response header":
            return self._within(
                (*owner, "responses", self._status(owner)),
                "headers",
                {name: {"schema": self._writer.schema(node)}},
            )
        if kind == "events":
            raise NoActionError("a stream needs a grammar in streams.yaml, too")
        raise NoActionError(f"a new {kind} parameter is another path")

    def _status(self, owner: tuple[str | int, ...]) -> str:
        responses = self._at(*owner, "responses")
        found = [name for name in responses if name.startswith("2")] if isinstance(responses, dict) else []
        if len(found) != 1 or "$ref" in responses[found[0]]:
            raise NoActionError("the operation has not exactly one 2xx response")
        return str(found[0])

    def _within(self, owner: tuple[str | int, ...], word: str, addition: Any) -> ProposedStep:
        """Return the action that adds to what an object has under a keyword, or adds the keyword."""
        holder = self._at(*owner)
        if not isinstance(holder, dict):
            raise NoActionError("no single schema of the contract declares this location")
        if not isinstance(holder.get(word), (dict, list)):
            return ProposedStep(owner, {word: [addition] if word == "parameters" else addition})
        return ProposedStep((*owner, word), addition)

    def _alternative(self, step: str) -> Iterator[ProposedStep]:
        """Yield the actions for a new alternative of a union: schema, branch and discriminator."""
        change, owner = self._change, self._owner()
        union = self._at(*owner)
        word = next((word for word in ("oneOf", "anyOf") if isinstance(union, dict) and word in union), "")
        discriminator = union.get("discriminator") if word else None
        if not word or change.node is None:
            raise NoActionError("what is in it is not known" if word else "no single union declares it")
        value = step[1:-1]
        tag = discriminator["propertyName"] if discriminator else _only_tag(self._document, union[word])
        if not tag:
            raise NoActionError("nothing in the contract says which property distinguishes the alternatives")
        schema = self._writer.alternative(tag, step, change.node)
        if not discriminator:
            yield ProposedStep((*owner, word), schema)
            return
        words = re.findall(r"[A-Za-z0-9]+", f"{owner[2]} {value}" if len(owner) > 2 else value)
        name = "".join(one[0].upper() + one[1:] for one in words)
        while self._at("components", "schemas", name) is not MISSING:
            name += "New"
        reference = f"#/components/schemas/{name}"
        yield ProposedStep(("components", "schemas"), {name: schema})
        yield ProposedStep((*owner, word), {"$ref": reference})
        if isinstance(discriminator.get("mapping"), dict):
            yield ProposedStep((*owner, "discriminator", "mapping"), {value: reference})

    def changed(self) -> Iterator[ProposedStep]:
        """Yield the actions for another value of an attribute."""
        what, before, after = self._change.what, self._change.before, self._change.after
        if what == REQUIRED:
            yield self._required()
        elif what == "enum":
            yield from self._values(before, after)
        elif what == "types":
            yield from self._types(before, after)
        elif what == "nullable":
            yield from self._nullable()
        elif what == "media":
            yield from self._media(before, after)
        elif what == "statuses":
            assert isinstance(before, frozenset)
            assert isinstance(after, frozenset)
            owner = _operation_steps(self._document, self._change.operation)
            for status in sorted(after - before):
                yield ProposedStep((*owner, "responses"), {status: {"description": f"Status {status}."}})
        elif what in {"items", "additionalProperties"}:
            owner = self._schema_at()
            yield ProposedStep(owner, {what: self._writer.schema(self._change.node)}, stricter=True)
        elif what == "closed":
            yield ProposedStep(self._schema_at(), {"additionalProperties": False}, stricter=True)
        elif what in {"style", "terminator", "requires", "mapped"}:
            raise NoActionError(_BY_HAND)
        else:
            yield self._keyword(what, before, after)

    def _schema_at(self) -> tuple[str | int, ...]:
        """Return the location of the schema that declares what has changed."""
        owner = self._owner()
        holder = self._at(*owner)
        if not isinstance(holder, dict) or (holder.keys() & {"responses", "content"}):
            raise NoActionError("no single schema of the contract declares this location")
        return owner

    def _keyword(self, what: str, before: object, after: object) -> ProposedStep:
        owner = self._owner()
        holder = self._at(*owner)
        if not isinstance(holder, dict):
            raise NoActionError("no single schema of the contract declares this location")
        if what != "deprecated" and {"in", "schema"} <= holder.keys():
            owner, holder = (*owner, "schema"), holder["schema"]
        value = json.loads(after) if what == "default" and isinstance(after, str) else after
        narrower = what not in {"deprecated", "default"} and (
            what not in _LIMITS or effect(what, before, after)[0]
        )
        replaces = {what: holder[what]} if what in holder else {}
        return ProposedStep(owner, {what: value}, replaces, stricter=narrower)

    def _required(self) -> ProposedStep:
        path = self._change.path
        owner = self._owner()
        holder = self._at(*owner)
        if not isinstance(holder, dict):
            raise NoActionError("no single schema of the contract declares this location")
        if not path[-1].startswith("."):
            replaces = {"required": holder["required"]} if "required" in holder else {}
            return ProposedStep(owner, {"required": True}, replaces, stricter=True)
        name = path[-1][1:]
        if isinstance(holder.get("required"), list):
            return ProposedStep((*owner, "required"), name, stricter=True)
        return ProposedStep(owner, {"required": [name]}, stricter=True)

    def _values(self, before: object, after: object) -> Iterator[ProposedStep]:
        if not isinstance(after, frozenset):
            raise NoActionError(_BY_HAND)
        owner = self._schema_at()
        if {"in", "schema"} <= self._at(*owner).keys():
            owner = (*owner, "schema")
        if before is None:
            yield ProposedStep(owner, {"enum": [json.loads(value) for value in sorted(after)]}, stricter=True)
            return
        if not isinstance(self._at(*owner, "enum"), list):
            raise NoActionError("no single enumeration of the contract declares it")
        for value in sorted(after - (before if isinstance(before, frozenset) else frozenset())):
            yield ProposedStep((*owner, "enum"), json.loads(value))

    def _types(self, before: object, after: object) -> Iterator[ProposedStep]:
        if not isinstance(before, frozenset) or not isinstance(after, frozenset):
            raise NoActionError(_BY_HAND)
        owner = self._schema_at()
        schema = self._at(*owner)
        if ANY in (before, after) or "type" not in schema:
            raise NoActionError(_BY_HAND)
        more = after - before - ({"integer"} if "number" in before else frozenset())
        if more:
            yield from self._with_types(owner, sorted(more))
        else:
            yield ProposedStep(owner, {"type": sorted(after)}, {"type": schema["type"]}, stricter=True)

    def _with_types(self, owner: tuple[str | int, ...], more: list[str]) -> Iterator[ProposedStep]:
        present = self._at(*owner, "type")
        if isinstance(present, list):
            yield from (ProposedStep((*owner, "type"), one) for one in more if one not in present)
        elif isinstance(present, str):
            yield ProposedStep(owner, {"type": [present, *more]}, {"type": present})
        else:
            raise NoActionError(_BY_HAND)

    def _nullable(self) -> Iterator[ProposedStep]:
        owner = self._schema_at()
        if {"in", "schema"} <= self._at(*owner).keys():
            owner = (*owner, "schema")
        yield from self._with_types(owner, ["null"])
        if isinstance(self._at(*owner, "enum"), list):
            yield ProposedStep((*owner, "enum"), None)

    def _media(self, before: object, after: object) -> Iterator[ProposedStep]:
        if not isinstance(after, frozenset):
            raise NoActionError(_BY_HAND)
        before = before if isinstance(before, frozenset) else frozenset()
        owner = _operation_steps(self._document, self._change.operation)
        if self._change.path[0] == "request":
            owner = (*owner, "requestBody")
        else:
            owner = (*owner, "responses", self._status(owner))
        content = self._at(*owner, "content")
        if (
            not isinstance(content, dict)
            or len(known := [one for one in content.values() if "schema" in one]) != 1
        ):
            raise NoActionError("it is not clear which schema the new media type has")
        for name in sorted(after - before):
            yield ProposedStep((*owner, "content"), {name: {"schema": known[0]["schema"]}})


def _steps(document: Document, pointer: str) -> tuple[str | int, ...]:
    """Return the keys and indexes of a pointer, such as `#/paths/~1v2~1chat/post/parameters/0`.

    Raises:
        NoActionError: it leads to nothing.
    """
    found: list[str | int] = []
    node: Any = document
    for token in tokens_of(pointer.removeprefix("#")) if pointer.startswith("#/") else ("",):
        found.append(int(token) if isinstance(node, list) and token.isdigit() else token)
        node = value_at(node, (token,))
        if node is MISSING:
            raise NoActionError("no single schema of the contract declares this location")
    return tuple(found)


def _operation_steps(document: Document, label: str) -> tuple[str | int, ...]:
    method, _, path = label.partition(" ")
    for known, item in document["paths"].items():
        if operation_key(method, known) == operation_key(method, path) and method.lower() in item:
            return ("paths", known, method.lower())
    raise NoActionError("the operation is not declared")


def _only_tag(document: Document, branches: list[Any]) -> str:
    """Return the property that has one value in each alternative, if there is exactly one such property."""
    names: set[str] | None = None
    for branch in branches:
        while isinstance(branch, dict) and isinstance(branch.get("$ref"), str):
            branch = value_at(document, tokens_of(branch["$ref"].removeprefix("#")))
        properties = branch.get("properties", {}) if isinstance(branch, dict) else {}
        single = {
            name
            for name, one in properties.items()
            if isinstance(one, dict) and len(one.get("enum", ())) == 1
        }
        names = single if names is None else names & single
    return next(iter(names)) if names is not None and len(names) == 1 else ""
