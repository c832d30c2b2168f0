"""Chat, version 2: the response, alone and compared with its request; streams are folded."""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import TYPE_CHECKING

import jsonschema_rs

from cohere_conformance.checks.groups.chat_v2_parts import (
    CUT,
    blocks,
    calls,
    finish,
    functions,
    items,
    json_schema,
    message,
    part,
    said,
    text,
    texts,
)
from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.checks.values import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence
    from cohere_conformance.checks.groups.chat_v2_parts import Json

_TEXT = "/message/content/*/text"
_CALLS = "/message/tool_calls"
_LOGPROBS = "/logprobs"
_UUID = re.compile("-".join(f"[0-9A-Fa-f]{{{length}}}" for length in (8, 4, 4, 4, 12)))
_SUFFIX = re.compile(r"_[a-z0-9]{12}")
_ROUNDED = 1e-6
"""Tolerance for log probabilities above 0, because of rounding."""


@check("v2.chat.id", ids=True, returns="id")
def id_is_uuid(evidence: Evidence) -> Iterator[Breach]:
    """The id of a response is a UUID; a stream has it in message-start (CH2-T06)."""
    reported = evidence.response.get("id")
    if isinstance(reported, str) and not _UUID.fullmatch(reported):
        yield Breach("/id", "a UUID", reported)


@check("v2.chat.text-not-empty", returns="message/content")
def text_is_not_empty(evidence: Evidence) -> Iterator[Breach]:
    """No text block of a complete reply is empty (CH2-T07)."""
    for block in blocks(evidence) if finish(evidence) == "COMPLETE" else ():
        if block.get("type") == "text" and block.get("text") == "":
            yield Breach(_TEXT, "some text", "none")
            return


@check("v2.chat.thinking-first", returns="message/content")
def thinking_is_first(evidence: Evidence) -> Iterator[Breach]:
    """A thinking block is the first block of the content (CH2-S03, CH2-T05)."""
    kinds = [block.get("type") for block in blocks(evidence)]
    if "thinking" in kinds[1:]:
        yield Breach(
            "/message/content", "thinking in the first block", f"blocks of {', '.join(map(str, kinds))}"
        )


@check("v2.chat.thinking-disabled", sends="thinking")
def thinking_is_disabled(evidence: Evidence) -> Iterator[Breach]:
    """With thinking disabled, the response has no thinking block and no reasoning tokens (CH2-O20)."""
    if part(evidence.sent.get("thinking")).get("type") != "disabled":
        return
    if any(block.get("type") == "thinking" and said(block) for block in blocks(evidence)):
        yield Breach("/message/content", "no thinking", "a block of thinking")
    if spent := number(part(part(evidence.response.get("usage")).get("tokens")).get("reasoning_tokens")):
        yield Breach("/usage/tokens/reasoning_tokens", "0", f"{spent:g}")


@check("v2.chat.stop-excluded", sends="stop_sequences", returns="finish_reason=STOP_SEQUENCE")
def stop_is_excluded(evidence: Evidence) -> Iterator[Breach]:
    """A reply that finishes with STOP_SEQUENCE contains no stop sequence (CH2-O13)."""
    if finish(evidence) == "STOP_SEQUENCE":
        yield from _stops(evidence)


@check("v2.chat.stop-obeyed", sends="stop_sequences")
def stop_is_obeyed(evidence: Evidence) -> Iterator[Breach]:
    """A reply that finishes with COMPLETE or MAX_TOKENS contains no stop sequence (CH2-O13)."""
    if finish(evidence) in {"COMPLETE", "MAX_TOKENS"}:
        yield from _stops(evidence)


def _stops(evidence: Evidence) -> Iterator[Breach]:
    stops = texts(evidence.sent.get("stop_sequences"))
    whole = text(evidence) if stops else ""
    if kept := [stop for stop in stops if stop in whole]:
        yield Breach(_TEXT, "no stop sequence", f"{kept[0]!r} in it")


@check("v2.chat.json-object", sends="response_format")
def json_is_object(evidence: Evidence) -> Iterator[Breach]:
    """A complete reply in JSON mode is one JSON object (CH2-O18)."""
    if (reported := _json(evidence)) is not None and not isinstance(reported, dict):
        yield Breach(_TEXT, "a JSON object", text(evidence)[:80])


@check("v2.chat.json-schema", sends="response_format")
def json_obeys_schema(evidence: Evidence) -> Iterator[Breach]:
    """A complete reply in JSON mode is valid against the JSON schema of the request (CH2-O18)."""
    schema = part(json_schema(evidence))
    if schema.get("type") != "object" or not isinstance(reported := _json(evidence), dict):
        return
    try:
        validator = jsonschema_rs.Draft202012Validator(schema, offline=True)
        found = next(iter(validator.iter_errors(reported)), None)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
        return  # an invalid schema
    if found is not None:
        where = "".join(f"/{step}" for step in found.instance_path)
        yield Breach(
            _TEXT, "what the schema of the request demands", f"{where or 'the object'}: {found.message[:80]}"
        )


def _json(evidence: Evidence) -> object:
    """Return the parsed reply of JSON mode, `False` if it is not JSON, `None` if JSON is not required."""
    if part(evidence.sent.get("response_format")).get("type") != "json_object":
        return None
    whole = text(evidence)
    if finish(evidence) != "COMPLETE" or calls(evidence):
        return None
    try:
        reported: object = json.loads(whole)
    except (ValueError, RecursionError):
        return False
    return False if reported is None else reported


# -- tool calls


@check("v2.chat.tool-call-finish", returns="finish_reason=TOOL_CALL message/tool_calls")
def finish_matches_calls(evidence: Evidence) -> Iterator[Breach]:
    """finish_reason is TOOL_CALL if and only if the response has tool calls (CH2-O01)."""
    reason, made = finish(evidence), calls(evidence)
    if not reason or reason in CUT or (reason == "TOOL_CALL") == bool(made):
        return
    expected = "TOOL_CALL, as there are tool calls" if made else "tool calls, or another finish reason"
    yield Breach("/finish_reason", expected, reason)


@check("v2.chat.tool-call-id-unique", ids=True, returns="message/tool_calls")
def call_ids_are_unique(evidence: Evidence) -> Iterator[Breach]:
    """The ids of the tool calls of a response are unique (CH2-O02)."""
    ids = [call["id"] for call in calls(evidence) if isinstance(call.get("id"), str)]
    if len(set(ids)) < len(ids):
        yield Breach(f"{_CALLS}/*/id", "an id of its own for each call", ", ".join(ids))


@check("v2.chat.tool-call-id-form", ids=True, returns="message/tool_calls")
def call_ids_name_the_function(evidence: Evidence) -> Iterator[Breach]:
    """The id of a tool call is the function name, an underscore and twelve lower-case letters or digits.

    Source: CH2-O02.
    """
    if any(True for _ in call_ids_are_unique(evidence)):
        return  # a repeated id cannot name two functions
    for call in calls(evidence):
        reported, name = call.get("id"), part(call.get("function")).get("name")
        if not isinstance(reported, str) or not isinstance(name, str):
            continue
        if not reported.startswith(name) or not _SUFFIX.fullmatch(reported, len(name)):
            yield Breach(f"{_CALLS}/*/id", f"{name}_ and twelve letters or digits", reported)
            return


@check("v2.chat.tool-known", returns="message/tool_calls")
def functions_are_known(evidence: Evidence) -> Iterator[Breach]:
    """A called function is one of the tools of the request (CH2-O03)."""
    if not evidence.sent:
        return  # the request was not recorded
    known = [name for function in functions(evidence) if isinstance(name := function.get("name"), str)]
    for call in calls(evidence):
        name = part(call.get("function")).get("name")
        if isinstance(name, str) and name not in known:
            yield Breach(
                f"{_CALLS}/*/function/name", f"one of {', '.join(known)}" if known else "no call", name
            )
            return


@check("v2.chat.arguments-object", returns="message/tool_calls")
def arguments_are_an_object(evidence: Evidence) -> Iterator[Breach]:
    """The arguments of a tool call are the JSON text of an object (CH2-O04, CH2-T08)."""
    if finish(evidence) in CUT:
        return
    for call in calls(evidence):
        reported = part(call.get("function")).get("arguments")
        if not isinstance(reported, str) or (evidence.streamed and not reported):
            continue
        try:
            value: object = json.loads(reported)
        except (ValueError, RecursionError):
            value = False
        if value is not None and not isinstance(value, dict):
            yield Breach(f"{_CALLS}/*/function/arguments", "a JSON object", reported[:80] or "nothing")
            return


@check("v2.chat.text-beside-calls", returns="message/tool_calls")
def no_text_beside_calls(evidence: Evidence) -> Iterator[Breach]:
    """A response with tool calls has no text block; the plan is in tool_plan or in a thinking block.

    Source: CH2-S02.
    """
    if calls(evidence) and (reported := text(evidence)):
        yield Breach("/message/content", "no text block beside tool calls", reported[:80])


@check("v2.chat.tool-choice-required", sends="tool_choice")
def choice_required(evidence: Evidence) -> Iterator[Breach]:
    """With tool_choice REQUIRED, the response has a tool call (CH2-O05)."""
    chosen = evidence.sent.get("tool_choice") == "REQUIRED" and functions(evidence)
    if chosen and finish(evidence) not in CUT and not calls(evidence):
        yield Breach(_CALLS, "a call, since tool_choice is REQUIRED", "none")


@check("v2.chat.tool-choice-none", sends="tool_choice")
def choice_none(evidence: Evidence) -> Iterator[Breach]:
    """With tool_choice NONE, the response has no tool call (CH2-O06)."""
    if evidence.sent.get("tool_choice") == "NONE" and (made := calls(evidence)):
        yield Breach(
            _CALLS, "none, since tool_choice is NONE", str(part(made[0].get("function")).get("name"))
        )


# -- log probabilities


@check("v2.chat.logprobs-given", sends="logprobs")
def logprobs_are_given(evidence: Evidence) -> Iterator[Breach]:
    """A text reply has log probabilities if the request asks for them (CH2-O19)."""
    if evidence.sent.get("logprobs") is True and _spoken(evidence) and not _logprobs(evidence):
        yield Breach(_LOGPROBS, "log probabilities of the reply", "none")


@check("v2.chat.logprobs-text", returns="logprobs")
def logprobs_join_to_text(evidence: Evidence) -> Iterator[Breach]:
    """The texts of the log probabilities join to the reply (CH2-O19)."""
    entries = _logprobs(evidence)
    if not entries or not all(isinstance(entry.get("text"), str) for entry in entries):
        return
    reported, spoken = "".join(entry["text"] for entry in entries), _spoken(evidence)
    if spoken and reported != spoken:
        yield Breach(f"{_LOGPROBS}/*/text", f"the reply: {spoken[:60]}", reported[:60])


@check("v2.chat.logprobs-length", returns="logprobs")
def logprobs_are_as_many_as_tokens(evidence: Evidence) -> Iterator[Breach]:
    """Each log probability entry has as many values as token ids (CH2-O19)."""
    for entry in _logprobs(evidence):
        ids, values = entry.get("token_ids"), entry.get("logprobs")
        if isinstance(ids, list) and isinstance(values, list) and len(ids) != len(values):
            yield Breach(f"{_LOGPROBS}/*/logprobs", f"{len(ids)} values", str(len(values)))
            return


@check("v2.chat.logprobs-negative", returns="logprobs")
def logprobs_are_not_above_0(evidence: Evidence) -> Iterator[Breach]:
    """No log probability is above 0 (CH2-O19)."""
    listed = (entry.get("logprobs") for entry in _logprobs(evidence))
    values = map(number, chain.from_iterable(value for value in listed if isinstance(value, list)))
    above = next((value for value in values if value is not None and value > _ROUNDED), None)
    if above is not None:
        yield Breach(f"{_LOGPROBS}/*/logprobs/*", "0 or less", f"{above:g}")


def _logprobs(evidence: Evidence) -> list[Json]:
    return items(evidence.response.get("logprobs"))


def _spoken(evidence: Evidence) -> str:
    """Return the reply if the model has generated nothing else."""
    plain = not calls(evidence) and all(block.get("type") == "text" for block in blocks(evidence))
    return text(evidence) if plain and not message(evidence).get("tool_plan") else ""
