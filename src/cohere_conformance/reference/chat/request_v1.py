"""The parser of requests of version 1: from a message and its history to a prompt and options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import models
from cohere_conformance.reference.chat import calling, jsonmode, rules, searching, words
from cohere_conformance.reference.chat.generation import GenerationOptions
from cohere_conformance.reference.chat.prompt import Passage, Prompt, Tool, Turn, as_text, fields_of
from cohere_conformance.reference.faults import fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.reference.chat.searching import Search
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.models import Model

MAX_TOKENS_IGNORED = fault("chat.v1.max-tokens-ignored", "max_tokens does not limit the reply.")
FORGOTTEN = fault("chat.v1.conversation-forgotten", "conversation_id does not continue the conversation.")
BOTH_ACCEPTED = fault(
    "chat.v1.message-with-results", "A message is accepted together with tool results in multi-step mode."
)
DOCUMENTS_UNCHECKED = fault("chat.v1.duplicate-documents", "Two documents with the same id are accepted.")

CASE_MATTERS = fault("chat.v1.roles-case-sensitive", "Roles in lower case are rejected.")
TWO_HISTORIES = fault("chat.v1.two-histories", "conversation_id is accepted together with chat_history.")
WITHOUT_TOOLS = fault("chat.v1.results-without-tools", "Tool results are accepted without their tools.")
RAW_BESIDE = fault(
    "chat.v1.raw-with-documents", "raw_prompting is accepted together with documents and tools."
)
JSON_BESIDE = fault("chat.v1.json-with-documents", "JSON mode is accepted together with documents and tools.")
SAFETY_UNCHECKED = fault("chat.v1.safety-none-accepted", "safety_mode NONE is accepted with every model.")
SAMPLING_UNCHECKED = fault(
    "chat.v1.sampling-unchecked", "Penalties and the number of stop sequences are not checked."
)
NAMES_UNCHECKED = fault("chat.v1.tool-names-unchecked", "The names of tools are not checked.")

_HIDDEN = "_excludes"
_OFF = frozenset({"OFF", "DISABLED"})
_MOST_CONVERSATIONS = 1000
_Turn = dict[str, Any]


@dataclass
class Conversation:
    """The turns that the service stores under a `conversation_id`."""

    turns: list[_Turn] = field(default_factory=list)


@dataclass(frozen=True)
class ChatRequest:
    """A parsed request.

    Attributes:
        prompt: the prompt of the model.
        options: the options of the generation.
        history: the earlier turns, as the response repeats them.
        turn: the turn of the request.
        search: the searches in connectors and their results.
        conversation: the stored turns; `None` without a conversation_id.
        fast: citations are sent between the texts of a stream.
    """

    prompt: Prompt
    options: GenerationOptions
    history: list[_Turn]
    turn: _Turn
    search: Search
    conversation: Conversation | None
    fast: bool


def parse(call: Call) -> ChatRequest:
    """Return a parsed request.

    Raises:
        ApiError: 400, the request is invalid.
    """
    body = call.body
    model = models.requested(body, "chat", call.state)
    _check(call, model)
    conversation = _conversation(call)
    history = [*(conversation.turns if conversation else ()), *_history(call)]
    results = body.get("tool_results") or []
    if results and not (body.get("message") or "").strip():
        turn: _Turn = {"role": "TOOL", "tool_results": [_result(one) for one in results]}
    else:
        turn = {"role": "USER", "message": body.get("message") or ""}
    search = searching.search(call)
    prompt = _prompt(call, model, [*history, turn], search)
    truncated = body.get("prompt_truncation") or ("AUTO" if body.get("connectors") else "OFF")
    room = min(model.context, body.get("max_input_tokens") or model.context)
    prompt = prompt.fitted(room, truncate=truncated != "OFF")
    quality = str(body.get("citation_quality") or "ENABLED").upper()
    return ChatRequest(
        prompt, _options(call, model, quality), history, turn, search, conversation, quality == "FAST"
    )


def _check(call: Call, model: Model) -> None:
    body = call.body
    tools, results, documents = (body.get(name) or [] for name in ("tools", "tool_results", "documents"))
    searches = [name for name in ("connectors", "search_queries_only") if body.get(name)]
    message = (body.get("message") or "").strip()
    if not message and not results:
        rules.refuse("message must be at least 1 token long or tool results must be specified")
    if message and results and not body.get("force_single_step") and not call.faulty(BOTH_ACCEPTED):
        rules.refuse("cannot specify both message and tool_results in multistep mode")
    if results and not tools and not call.faulty(WITHOUT_TOOLS):
        rules.refuse("tool_results need the tools that they are results of")
    if body.get("conversation_id") and body.get("chat_history") and not call.faulty(TWO_HISTORIES):
        rules.refuse("conversation_id and chat_history cannot be used together")
    if body.get("documents") == []:
        rules.refuse("documents must not be empty")
    beside = tools or documents or searches
    if body.get("raw_prompting") and beside and not call.faulty(RAW_BESIDE):
        rules.refuse(
            "raw_prompting is not supported with connectors, documents, search_queries_only or tools"
        )
    rules.tools([] if call.faulty(NAMES_UNCHECKED) else [tool["name"] for tool in tools], model)
    for tool in tools:
        if not (tool["description"].strip() or tool.get("parameter_definitions")):
            rules.refuse(f"tool {tool['name']} has neither a description nor parameter_definitions")
    if not call.faulty(DOCUMENTS_UNCHECKED):
        rules.distinct([document.get("id") or "" for document in documents], "document")
    form = body.get("response_format") or {}
    if form.get("type") == "json_object":
        beside = tools or results or documents or body.get("connectors")
        if beside and not call.faulty(JSON_BESIDE):
            rules.refuse(
                "response_format json_object is not supported with connectors, documents, tools or "
                "tool_results"
            )
        rules.json_mode(model, form.get("schema"))
        if form.get("schema") is not None:
            jsonmode.check(form["schema"], "response_format.schema")
    if not call.faulty(SAFETY_UNCHECKED):
        rules.safety(body.get("safety_mode"), "NONE", model)
    if not call.faulty(SAMPLING_UNCHECKED):
        rules.sampling(body, model)
    if (body.get("max_input_tokens") or 1) < 1:
        rules.refuse("max_input_tokens must be at least 1")


def _conversation(call: Call) -> Conversation | None:
    name = call.body.get("conversation_id")
    if not name or call.faulty(FORGOTTEN):
        return None
    shelf = call.account.shelf(Conversation)
    # Several threads may do this: each has a copy of the names, and another may have removed one.
    for oldest in list(shelf)[: len(shelf) + 1 - _MOST_CONVERSATIONS] if name not in shelf else ():
        shelf.pop(oldest, None)
    return shelf.setdefault(name, Conversation())


def _history(call: Call) -> list[_Turn]:
    turns: list[_Turn] = call.body.get("chat_history") or []
    for turn in turns:
        if call.faulty(CASE_MATTERS) and not turn["role"].isupper():
            rules.refuse(f"role {turn['role']!r} is not known")
    return [_turn(turn) for turn in turns]


def _turn(sent: _Turn) -> _Turn:
    """Return a turn as the response repeats it: with an upper-case role and declared properties only."""
    role = sent["role"].upper()
    if role == "TOOL":
        return {"role": role, "tool_results": [_result(one) for one in sent.get("tool_results") or ()]}
    turn: _Turn = {"role": role, "message": sent["message"]}
    if sent.get("tool_calls"):
        turn["tool_calls"] = [_made(one) for one in sent["tool_calls"]]
    return turn


def _made(sent: dict[str, Any]) -> dict[str, Any]:
    return {"name": sent["name"], "parameters": sent["parameters"]}


def _result(sent: dict[str, Any]) -> dict[str, Any]:
    return {"call": _made(sent["call"]), "outputs": sent["outputs"]}


def _prompt(call: Call, model: Model, turns: list[_Turn], search: Search) -> Prompt:
    body = call.body
    system = [turn["message"] for turn in turns if turn["role"] == "SYSTEM"]
    spoken = tuple(
        Turn({"CHATBOT": "assistant"}.get(turn["role"], turn["role"].lower()), _text(turn))
        for turn in turns
        if turn["role"] != "SYSTEM"
    )
    results = body.get("tool_results") or []
    # Results together with a message mean a single step, whose outputs are not numbered by turn.
    single = body.get("force_single_step") or (body.get("message") or "").strip()
    # A turn with results follows the turn with the calls, even if the history leaves that out.
    turn = None if single else max(len(turns) - 1, 1)
    return Prompt(
        model=model,
        system="\n".join(filter(None, [body.get("preamble") or "", *system])),
        turns=spoken,
        passages=(*_documents(call), *search.passages, *_results(results, turn)),
        tools=tuple(
            Tool(
                tool["name"],
                tool["description"],
                calling.schema_of(tool.get("parameter_definitions") or {}),
            )
            for tool in body.get("tools") or ()
        ),
        answered=bool(results),
        raw=bool(body.get("raw_prompting")),
    )


def _text(turn: _Turn) -> str:
    calls = [f"{one['name']} {as_text(one['parameters'])}" for one in turn.get("tool_calls") or ()]
    return "\n".join([turn.get("message") or "", *calls])


def _documents(call: Call) -> Iterator[Passage]:
    for number, document in enumerate(call.body.get("documents") or ()):
        name = document.get("id") or f"doc_{number}"
        echo = {key: value for key, value in document.items() if value is not None} | {"id": name}
        excludes = document.get(_HIDDEN) or ""
        hidden = {"id", _HIDDEN, excludes, *words.words(excludes)}
        shown = {key: value for key, value in echo.items() if key not in hidden}
        yield Passage(name, "document", fields_of(shown), echo)


def _results(results: list[dict[str, Any]], turn: int | None) -> Iterator[Passage]:
    """Yield the outputs of tools as documents, whose values are strings.

    Args:
        results: the calls with their outputs.
        turn: the index of their turn, which is part of their ids; `None` in a single step.
    """
    for number, result in enumerate(results):
        for turn_index, output in enumerate(result["outputs"]):
            position = (number, turn_index) if turn is None else (number, turn, turn_index)
            name = ":".join([result["call"]["name"], *map(str, position)])
            echo = {key: as_text(value) for key, value in output.items()} | {"id": name}
            yield Passage(name, "tool", fields_of(output), echo)


def _options(call: Call, model: Model, quality: str) -> GenerationOptions:
    body = call.body
    form = body.get("response_format") or {}
    limit = rules.length(body, model)
    return GenerationOptions(
        limit=model.output if call.faulty(MAX_TOKENS_IGNORED) else limit,
        stops=tuple(body.get("stop_sequences") or ()),
        json=form.get("type") == "json_object",
        schema=form.get("schema"),
        cite=quality not in _OFF,
        safety=body.get("safety_mode") or "CONTEXTUAL",
        seed=body.get("seed") or 0,
    )
