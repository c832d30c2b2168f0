"""Fuzzing: what several replies, transcripts and parsed pages have in common, with generated inputs.

The relations are those of the other groups, which check them with one input each.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from cohere_conformance.suites.audio import test_relations as audio
from cohere_conformance.suites.chat import test_relations as chat
from cohere_conformance.suites.chat import test_relations_v1 as chat_v1
from cohere_conformance.suites.generate import test_relations as generate
from cohere_conformance.suites.parse import test_relations as parse
from cohere_conformance.suites.summarize import test_relations as summarize
from hypothesis import strategies

from cohere_conformance.fuzz.relations import check_relation
from cohere_conformance.fuzz.texts import TEXT, TWO_TEXTS, WORDS

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

keys = import_module("cohere_conformance.suites.check-api-key.test_relations")
"""A folder whose name is no identifier cannot be imported in another way."""

SUBJECTS = ["the tides of the North Sea", "bicycles", "a lighthouse", "bread", "the moon"]
PROMPTS = strategies.sampled_from(SUBJECTS).map(lambda subject: f"Three sentences about {subject}.")
HARBOURS = strategies.sampled_from(["Vlissingen", "Esbjerg", "Dover", "Bergen"])
CALLS = strategies.integers(0, 10**12 - 1).map("tide_table_{:012}".format)
OPTIONAL = strategies.lists(WORDS, min_size=1, max_size=3, unique=True)
OBJECT = {"type": "object", "properties": {"fruit": {"type": "string"}}, "required": ["fruit"]}
NO_OBJECTS = [chat.NO_OBJECT, {"type": "string"}, {"type": "integer"}, {"type": "array", "items": OBJECT}]
HIDDEN = strategies.lists(
    strategies.sampled_from(["remark", "author", "pages"]), min_size=1, max_size=3, unique=True
)
VOLUMES = strategies.integers(6_000, 24_000)
"""Of audible tones."""
PRINTED = strategies.lists(strategies.sampled_from(parse.WORDS), min_size=3, unique=True)
"""Words of a page."""


@pytest.mark.operations(generate.GENERATE)
def test_generate_same_end(api: Api) -> None:
    """`stop_sequences` keeps the sequence in the text, and `end_sequences` cuts it off."""
    check_relation(api, PROMPTS, generate.require_same_end)


@pytest.mark.operations(generate.GENERATE)
def test_generate_same_stream(api: Api) -> None:
    """The generation is the same with and without streaming."""
    check_relation(api, PROMPTS, generate.require_same_stream)


@pytest.mark.operations(summarize.SUMMARIZE)
def test_summarize_length_order(api: Api) -> None:
    """A short summary is not longer than a long one."""
    texts = strategies.permutations(summarize.SENTENCES).map(" ".join)
    check_relation(api, texts, summarize.require_length_order)


@pytest.mark.operations(chat.CHAT)
def test_chat_repeatable(api: Api) -> None:
    """The same request gets the same text twice, with temperature 0 and a seed."""
    check_relation(api, PROMPTS, chat.require_repeatable)


@pytest.mark.operations(chat.CHAT)
def test_chat_same_stream(api: Api) -> None:
    """A stream says the same as the response without streaming."""
    messages = TEXT.map(lambda text: chat.user(f"Repeat exactly: {text}"))
    check_relation(
        api,
        messages,
        lambda api, message: chat.require_same_stream(api, message, max_tokens=60, **chat.REPEATABLE),
    )


@pytest.mark.operations(chat.CHAT)
def test_chat_same_call(api: Api) -> None:
    """A streamed tool call is the one of the response without streaming."""
    check_relation(api, HARBOURS, chat.require_same_call)


@pytest.mark.operations(chat.CHAT)
def test_chat_usage_grows(api: Api) -> None:
    """A conversation counts at least as many input tokens as each of its messages."""
    drawn = strategies.tuples(TEXT, TEXT, TEXT)
    check_relation(api, drawn, lambda api, drawn: chat.require_usage_grows(api, *drawn))


@pytest.mark.operations(chat.CHAT)
def test_chat_cut_reported(api: Api) -> None:
    """A text that `max_tokens` cuts short has the finish reason `MAX_TOKENS`."""
    drawn = strategies.tuples(PROMPTS, strategies.integers(1, 12))
    check_relation(api, drawn, lambda api, drawn: chat.require_cut_reported(api, *drawn))


@pytest.mark.operations(chat.CHAT)
def test_chat_no_call(api: Api) -> None:
    """With `tool_choice` NONE the model calls no tool."""
    check_relation(api, HARBOURS, chat.require_no_call)


@pytest.mark.operations(chat.CHAT)
def test_chat_tokens_refused(api: Api) -> None:
    """More `max_tokens` than any model can generate are rejected."""
    check_relation(api, strategies.integers(1_000_000, 2**31 - 1), chat.require_tokens_refused)


@pytest.mark.operations(chat.CHAT)
def test_chat_repeated_call_refused(api: Api) -> None:
    """A history in which two tool calls have the same id is rejected."""
    check_relation(api, CALLS, chat.require_repeated_call_refused)


@pytest.mark.operations(chat.CHAT)
def test_chat_unknown_call_refused(api: Api) -> None:
    """A tool result of no tool call is rejected."""
    check_relation(api, CALLS, chat.require_unknown_call_refused)


@pytest.mark.operations(chat.CHAT)
def test_chat_optional_refused(api: Api) -> None:
    """`strict_tools` without a required parameter is rejected."""
    check_relation(api, OPTIONAL, chat.require_optional_refused)


@pytest.mark.operations(chat.CHAT)
def test_chat_json_refused(api: Api) -> None:
    """JSON mode together with tools is rejected, with and without a schema."""
    further = strategies.sampled_from([{}, {"json_schema": OBJECT}])
    check_relation(api, further, chat.require_json_refused)


@pytest.mark.operations(chat.CHAT)
def test_chat_schema_refused(api: Api) -> None:
    """A JSON schema for the response that describes no object is rejected."""
    check_relation(api, strategies.sampled_from(NO_OBJECTS), chat.require_schema_refused)


@pytest.mark.operations(chat.CHAT)
def test_chat_images_refused(api: Api) -> None:
    """A message with more than 20 images is rejected."""
    check_relation(api, strategies.integers(21, 40), chat.require_images_refused)


@pytest.mark.operations(chat_v1.CHAT)
def test_chat_v1_same_stream(api: Api) -> None:
    """The text and the finish reason are the same with and without streaming."""
    check_relation(api, PROMPTS, chat_v1.require_same_stream)


@pytest.mark.operations(chat_v1.CHAT)
def test_chat_v1_hidden(api: Api) -> None:
    """Properties of a document that are hidden from the model are still in the response."""
    check_relation(api, HIDDEN, chat_v1.require_hidden_returned)


@pytest.mark.operations(chat_v1.CHAT)
@pytest.mark.parametrize("what", chat_v1.REFUSED)
def test_chat_v1_refused(api: Api, what: str) -> None:
    """A combination of options that the documentation rules out is rejected, whatever the message."""
    check_relation(api, TEXT, lambda api, message: chat_v1.require_refused(api, what, message))


@pytest.mark.operations(chat_v1.CHAT)
def test_chat_v1_role_case(api: Api) -> None:
    """Roles of a history may be written in another case."""
    check_relation(api, TWO_TEXTS, chat_v1.require_role_case)


@pytest.mark.operations(chat_v1.CHAT)
def test_chat_v1_continued(api: Api) -> None:
    """A second request with the same `conversation_id` continues the history."""
    check_relation(api, TWO_TEXTS, chat_v1.require_continued)


@pytest.mark.operations(keys.LABEL)
def test_check_api_key_same_owner(api: Api) -> None:
    """Several calls with one key report the same owner."""
    check_relation(api, strategies.integers(2, 4), keys.require_same_owner)


@pytest.mark.operations(keys.LABEL)
def test_check_api_key_body_ignored(api: Api) -> None:
    """A request body, which the operation does not declare, does not matter."""
    values = strategies.booleans() | TEXT | strategies.none()
    bodies = strategies.dictionaries(WORDS, values, min_size=1, max_size=3)
    check_relation(api, bodies, keys.require_body_ignored)


@pytest.mark.operations(audio.TRANSCRIBE)
def test_audio_repeatable(api: Api) -> None:
    """A recording that is sent twice has the same text."""
    check_relation(api, VOLUMES, audio.require_repeatable)


@pytest.mark.operations(audio.TRANSCRIBE)
def test_audio_container(api: Api) -> None:
    """The same samples as WAV and as FLAC have the same text."""
    check_relation(api, VOLUMES, audio.require_container_ignored)


@pytest.mark.operations(audio.TRANSCRIBE)
def test_audio_silence(api: Api) -> None:
    """Silence has no long text, whatever the file format."""
    check_relation(api, strategies.sampled_from(list(audio.CONTAINERS)), audio.require_silence)


@pytest.mark.operations(parse.PARSE)
def test_parse_repeatable(api: Api) -> None:
    """An image that is sent twice has the same Markdown, with the words that are on it."""
    check_relation(api, PRINTED, parse.require_repeatable)


@pytest.mark.operations(parse.PARSE)
def test_parse_forms(api: Api) -> None:
    """The words and the images of the blocks of an image are in its Markdown as well."""
    check_relation(api, PRINTED, parse.require_forms_agree)
