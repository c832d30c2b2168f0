"""JSON mode: the schemas that are accepted (CH2-R11), and the reply."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from cohere_conformance.reference.chat import schemas, words
from cohere_conformance.reference.handling import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.reference.chat.prompt import Prompt

_Schema = dict[str, Any]
_REFUSED = (
    "allOf", "oneOf", "not", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems",
    "maxItems", "uniqueItems", "minLength", "maxLength",
)  # fmt: skip
_FORMATS = frozenset({"date-time", "date", "time", "uuid"})
_LOOKING = re.compile(r"(?<!\\)\(\?[=!<]|(?:^\^)|(?<!\\)\$$")
_TYPED = ("type", "$ref", "anyOf", "enum", "const")
_KEYS = re.compile(r"\b(?:keys?|fields?|propert(?:y|ies)|attributes?)\b", re.IGNORECASE)


def check(schema: _Schema, where: str) -> None:
    """Reject a schema that the service does not support.

    Args:
        schema: of the reply.
        where: the name of the property of the request.

    Raises:
        ApiError: 400.
    """
    if schema.get("type") != "object":
        raise ApiError(400, f"invalid {where}: the top level of the schema must be an object")
    for path, node in _nodes(schema, where):
        problem = _problem(node)
        if problem:
            raise ApiError(400, f"invalid {where}: {path}: {problem}")


def check_parameters(schema: _Schema, where: str) -> None:
    """Reject parameters of a tool that are not an object, or have undeclared required properties.

    Raises:
        ApiError: 400.
    """
    if schema.get("type", "object") != "object":
        raise ApiError(400, f"invalid tool: {where}: the schema must be an object")
    if missing := _undeclared(schema):
        raise ApiError(400, f"invalid tool: {where}: the required property {missing} is not declared")


def _nodes(schema: object, path: str) -> Iterator[tuple[str, _Schema]]:
    """Yield every schema inside a schema, with its path."""
    pending = [(path, schema)]
    while pending:
        location, node = pending.pop()
        if not isinstance(node, dict):
            continue
        yield location, node
        for group in ("properties", "$defs", "definitions"):
            if isinstance(inner := node.get(group), dict):
                pending += [(f"{location}.{name}", below) for name, below in inner.items()]
        for group in ("items", "additionalProperties"):
            pending.append((f"{location}.{group}", node.get(group)))
        if isinstance(branches := node.get("anyOf"), list):
            pending += [(f"{location}.anyOf", branch) for branch in branches]


def _problem(node: _Schema) -> str:
    """Return the error in one schema, `""` if it is supported."""
    if found := [keyword for keyword in _REFUSED if keyword in node]:
        return f"the keyword {found[0]} is not supported"
    if isinstance(node.get("format"), str) and node["format"] not in _FORMATS:
        return f"the format {node['format']} is not supported"
    if isinstance(pattern := node.get("pattern"), str) and _LOOKING.search(pattern):
        return "look-around and anchors are not supported in patterns"
    if node.get("type") == "object" or "properties" in node:
        if not node.get("required"):
            return "an object needs at least one required property"
        if missing := _undeclared(node):
            return f"the required property {missing} is not declared"
    properties = node.get("properties")
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        if isinstance(inner, dict) and not any(keyword in inner for keyword in _TYPED):
            return f"the property {name} has no type"
    return ""


def _undeclared(schema: _Schema) -> str:
    properties, required = schema.get("properties") or {}, schema.get("required") or ()
    if not isinstance(properties, dict) or not isinstance(required, list | tuple):
        return ""
    return next((str(name) for name in required if name not in properties), "")


def reply(prompt: Prompt, schema: _Schema | None, body: str) -> str:
    """Return a JSON object as text.

    Args:
        prompt: the conversation.
        schema: of the object; `None` without a schema in the request.
        body: the reply as text.

    Raises:
        ApiError: 400, no object can be generated for the schema.
    """
    hints = schemas.Hints(prompt.question)
    value = _conforming(schema, hints) if schema else _free(prompt, hints, body)
    return json.dumps(value, ensure_ascii=False)


def _conforming(schema: _Schema, hints: schemas.Hints) -> Any:
    try:
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True, offline=True)
        value = schemas.instance(schema, hints)
        # A reply has to be valid; if none can be generated, the request is an error.
        if validator.is_valid(value):
            return value
        problem = "it asks for more than the reference server can make up"
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        problem = str(error).partition("\n")[0]
    raise ApiError(400, f"invalid json schema: {problem}")


def _free(prompt: Prompt, hints: schemas.Hints, body: str) -> dict[str, Any]:
    """Return an object without a schema, with the keys that the user or system message names."""
    request = next((text for text in (prompt.question, prompt.system) if _KEYS.search(text)), "")
    after = request[match.end() :] if (match := _KEYS.search(request)) else ""
    keys = words.quoted(after) or words.topics(after)[:5]
    if keys:
        return {key: hints.name() or body for key in keys[:20]}
    return {"answer": body, "topics": words.topics(prompt.question)[:5]}
