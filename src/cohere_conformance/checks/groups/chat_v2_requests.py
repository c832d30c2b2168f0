"""Chat, version 2: invalid combinations that must be refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.checks.evidence import once
from cohere_conformance.checks.groups.chat_v2_parts import functions, items, json_schema, messages, part
from cohere_conformance.checks.registry import Breach, check

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.checks.evidence import Evidence, Json

_MOST_IMAGES, _MOST_FIELDS = 20, 200


def _served(why: str) -> Breach:
    return Breach("", f"400 or 422: {why}", "a reply")


@once
def _about_calls(evidence: Evidence) -> list[Json]:
    """Return the messages with tool calls, or with the result of one."""
    return [one for one in messages(evidence) if "tool_calls" in one or "tool_call_id" in one]


@check("v2.chat.messages-empty", sends="messages")
def messages_are_not_empty(evidence: Evidence) -> Iterator[Breach]:
    """A request with an empty list of messages is refused (CH2-R01)."""
    if evidence.sent.get("messages") == []:
        yield _served("there is no message")


@check("v2.chat.tool-result-of-call", ids=True, sends="messages", sends_anywhere="tool_call")
def results_are_of_calls(evidence: Evidence) -> Iterator[Breach]:
    """A tool message is refused unless an earlier assistant message has the tool call (CH2-R04)."""
    made: set[object] = set()
    for one in _about_calls(evidence):
        made |= {call["id"] for call in items(one.get("tool_calls")) if isinstance(call.get("id"), str)}
        reported = one.get("tool_call_id")
        if one.get("role") == "tool" and isinstance(reported, str) and reported not in made:
            yield _served(f"nobody has made the call {reported}")
            return


@check("v2.chat.tool-calls-distinct", ids=True, sends="messages", sends_anywhere="tool_call")
def calls_are_distinct(evidence: Evidence) -> Iterator[Breach]:
    """A conversation with two tool calls of the same id is refused (CH2-R04)."""
    made = (call.get("id") for one in _about_calls(evidence) for call in items(one.get("tool_calls")))
    yield from _repeated(made, "calls")


@check("v2.chat.documents-distinct", ids=True, sends="documents")
def documents_are_distinct(evidence: Evidence) -> Iterator[Breach]:
    """A request with two documents of the same id is refused (CH2-R09)."""
    yield from _repeated((one.get("id") for one in items(evidence.sent.get("documents"))), "documents")


def _repeated(ids: Iterable[object], what: str) -> Iterator[Breach]:
    seen: set[str] = set()
    for one in ids:
        if isinstance(one, str) and one:
            if one in seen:
                yield _served(f"two {what} have the id {one}")
                return
            seen.add(one)


@check("v2.chat.strict-tools", sends="strict_tools")
def strict_tools_are_bounded(evidence: Evidence) -> Iterator[Breach]:
    """With strict_tools, a tool without required parameters is refused, and so are more than 200 parameters
    (CH2-R07).
    """
    if evidence.sent.get("strict_tools") is not True:
        return
    schemas = [part(function.get("parameters")) for function in functions(evidence)]
    if any(not schema.get("required") for schema in schemas):
        yield _served("a strict tool has no required parameter")
    elif sum(len(part(schema.get("properties"))) for schema in schemas) > _MOST_FIELDS:
        yield _served(f"strict tools have more than {_MOST_FIELDS} parameters")


@check("v2.chat.json-mode-alone", sends="response_format")
def json_mode_is_alone(evidence: Evidence) -> Iterator[Breach]:
    """JSON mode in combination with tools or documents is refused (CH2-R11)."""
    if part(evidence.sent.get("response_format")).get("type") != "json_object":
        return
    if beside := [name for name in ("tools", "documents") if evidence.sent.get(name)]:
        yield _served(f"JSON mode does not go together with {beside[0]}")


@check("v2.chat.json-schema-object", sends="response_format")
def json_schema_is_of_an_object(evidence: Evidence) -> Iterator[Breach]:
    """A JSON schema that does not describe an object is refused (CH2-R11)."""
    form = part(evidence.sent.get("response_format"))
    schema = json_schema(evidence)
    if form.get("type") == "json_object" and isinstance(schema, dict) and schema.get("type") != "object":
        yield _served("the schema for the reply describes no object")


@check("v2.chat.images-limited", sends="messages", sends_anywhere="image_url")
def images_are_limited(evidence: Evidence) -> Iterator[Breach]:
    """More than 20 images in one request are refused (CH2-R16)."""
    count = sum(
        block.get("type") == "image_url" for one in messages(evidence) for block in items(one.get("content"))
    )
    if count > _MOST_IMAGES:
        yield _served(f"there are {count} images, more than {_MOST_IMAGES}")
