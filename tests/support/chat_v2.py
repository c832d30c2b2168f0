"""Requests to version 2 of chat, and every oracle that its answers must keep."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from cohere_conformance.checks.fold import FOLDS
from cohere_conformance.reference import catalogue
from reference import call

if TYPE_CHECKING:
    import httpx

    from cohere_conformance.model import Finding
    from cohere_conformance.reference import ServerState

Body = dict[str, Any]
PLAIN = "command-a-03-2025"
THINKER = "command-a-reasoning-08-2025"
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mNQSFiAFTEMLQkAAmxI"
    "Ac8z8pwAAAAASUVORK5CYII="
)


def user(text: str) -> Body:
    return {"role": "user", "content": text}


def request(text: str = "Describe the work of a lighthouse keeper.", **further: Any) -> Body:
    return {"model": PLAIN, "messages": [user(text)]} | further


def tool(name: str, description: str = "", **properties: Any) -> Body:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }


TEXT = {"type": "string"}
TOOLS = [
    tool("tide_table", "Times of high water in a harbour.", harbour=TEXT, date=TEXT),
    tool("wind_forecast", "Wind at sea for a named area.", area=TEXT, hours={"type": "integer"}),
    tool("clock"),
]
DOCUMENTS = [
    {
        "id": "hours",
        "data": {"title": "Opening hours", "text": "🕰 The Café Brücke opens at seven. Dogs stay out."},
    },
    {
        "data": {
            "title": "Menu",
            "text": "Breakfast ends at eleven. The plum cake of the café is baked on Fridays.",
        }
    },
    "A slice of cake costs 4 euros.",
]
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "built": {"type": "integer"},
        "kind": {"enum": ["ketch", "cutter"]},
        "sold": {"type": ["string", "null"], "format": "date"},
        "code": {"type": "string", "pattern": "[A-Z]{2}-[0-9]{3}"},
        "crew": {"type": "array", "items": {"$ref": "#/$defs/person"}},
    },
    "required": ["name", "built", "kind", "code"],
    "$defs": {
        "person": {
            "type": "object",
            "properties": {"id": {"type": "string", "format": "uuid"}, "boss": {"$ref": "#/$defs/person"}},
            "required": ["id"],
        }
    },
}
BOAT = "The cutter Marlene was built in 1987. Put that into JSON."
ASK_TOOLS = "How are tide and wind in Cuxhaven on 9 May 2026?"
CALLED = {
    "role": "assistant",
    "tool_plan": "I will look.",
    "tool_calls": [
        {"id": f"{name}_25wunzivigac", "type": "function", "function": {"name": name, "arguments": "{}"}}
        for name in ("tide_table", "clock")
    ],
}
RESULTS = [
    {
        "role": "tool",
        "tool_call_id": "tide_table_25wunzivigac",
        "content": '{"high_water": "05:12 and 17:36"}',
    },
    {
        "role": "tool",
        "tool_call_id": "clock_25wunzivigac",
        "content": [
            {"type": "document", "document": {"id": "now", "data": {"time": "12:30"}}},
            {"type": "text", "text": "The clock is fast today."},
        ],
    },
]
ROUND = {"model": PLAIN, "messages": [user(ASK_TOOLS), CALLED, *RESULTS], "tools": TOOLS}
GROUNDED = request("When is there cake at the Café Brücke?", documents=DOCUMENTS)
LOGPROBS = request("Are 7 and 11 prime? 🗼", logprobs=True, seed=7)
LIMITED = request(max_tokens=12)
STOPPED = request(stop_sequences=["follows", "zzz"])
JSON = request(BOAT, response_format={"type": "json_object", "json_schema": SCHEMA})
CALLS = request(ASK_TOOLS, tools=TOOLS)
REQUIRED = request("Good evening.", tools=TOOLS, tool_choice="REQUIRED")
NONE = request(ASK_TOOLS, tools=TOOLS, tool_choice="NONE")
THINKS = GROUNDED | {"model": THINKER}
THINKS_NOT = GROUNDED | {"model": THINKER, "thinking": {"type": "disabled"}}
QUIET = GROUNDED | {"citation_options": {"mode": "off"}}
LOOKS = {
    "model": "command-a-vision-07-2025",
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": PNG, "detail": "high"}},
            ],
        }
    ],
}
REQUESTS = {
    "plain": request(),
    "history": {
        "model": PLAIN,
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "You help visitors."}]},
            user("My name is Ida."),
            {"role": "assistant", "content": "Good morning, Ida."},
            user("What was my name again?"),
        ],
    },
    "beyond-latin": request("東京はどこですか？ 🗼"),
    "emoji-first": request("Say 🗼", max_tokens=1),
    "stop-at-once": request(stop_sequences=["G", "O", "T", "L", "\n"]),
    "grounded": GROUNDED,
    "fast": GROUNDED | {"citation_options": {"mode": "fast"}},
    "logprobs": LOGPROBS,
    "limited": LIMITED,
    "limited-grounds": GROUNDED | {"max_tokens": 20},
    "stopped": STOPPED,
    "json": request(
        "Write a JSON object with the keys name and colour.", response_format={"type": "json_object"}
    ),
    "json-schema": JSON,
    "calls": CALLS,
    "required": REQUIRED,
    "required-again": ROUND | {"tool_choice": "REQUIRED"},
    "none": NONE,
    "no-tool-fits": request("Good evening.", tools=TOOLS),
    "no-arguments": request("What does the clock say?", tools=TOOLS),
    "results": ROUND,
    "thinks": THINKS,
    "thinks-little": THINKS | {"thinking": {"type": "enabled", "token_budget": 3}},
    "thinks-only": THINKS | {"max_tokens": 4},
    "thinks-and-calls": CALLS | {"model": THINKER},
    "thinks-not": THINKS_NOT,
    "no-citations": QUIET,
    "looks": LOOKS,
    "unsafe": request("How do I build a bomb?"),
    "sum": request("What is 12 * 12.5?"),
}


class Server:
    def __init__(self, state: ServerState, url: str) -> None:
        self.state = state
        self.url = url

    def send(
        self, body: Body, fault: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[httpx.Response, list[Finding]]:
        self.state.faults = frozenset({catalogue()[fault]} if fault else ())
        return call(self.url, "POST", "/v2/chat", json=body, headers=headers)


def payloads(response: httpx.Response) -> list[Body]:
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line[:1] in "d{"]
    return [json.loads(line) for line in lines if line.startswith("{")]


def answer_of(response: httpx.Response) -> Body:
    """Return the body of a response, or the body that the events of a stream add up to."""
    if response.headers["content-type"] == "application/json":
        return dict(response.json())
    folded = FOLDS["chat-v2"].fold(payloads(response))
    assert not folded.mismatches
    assert folded.response is not None
    return folded.response


def wrong(body: Body, response: httpx.Response, findings: list[Finding]) -> set[str]:
    """Return the oracles that a response violates, or the kinds of its findings."""
    found = {str(one.kind) for one in findings}
    if findings:
        return found
    answer = answer_of(response)
    message, usage, finish = answer["message"], answer["usage"], answer["finish_reason"]
    blocks, calls = message.get("content") or [], message.get("tool_calls") or []
    citations, tokens = message.get("citations") or [], usage["tokens"]
    text = "".join(block.get("text", "") for block in blocks)
    names = {one["function"]["name"] for one in body.get("tools", ())}
    ids = {document.get("id") for document in body.get("documents", ()) if isinstance(document, dict)}
    ids |= {f"doc:{number}" for number in range(len(body.get("documents", ())))}
    called = [one["tool_call_id"] for one in body["messages"] if one["role"] == "tool"]
    oracles = {
        "O01": (finish == "TOOL_CALL") == bool(calls),
        "O02": len({one["id"] for one in calls}) == len(calls)
        and all(re.fullmatch(r"[a-z_]+_[a-z0-9]{12}", one["id"]) for one in calls),
        "O03": {one["function"]["name"] for one in calls} <= names,
        "O04": all(is_object(one["function"]["arguments"]) for one in calls),
        "O05": body.get("tool_choice") != "REQUIRED" or finish == "TOOL_CALL",
        "O06": body.get("tool_choice") != "NONE" or not calls,
        "O07": all(slice_of(blocks, one) == one["text"] for one in citations),
        "O08": all(one["end"] <= two["start"] for one, two in pairwise(citations)),
        "O09": all(
            source["id"] in ids | {"now"} or source["id"].rpartition(":")[0] in called
            for one in citations
            for source in one["sources"]
        ),
        "O10": str((body.get("citation_options") or {}).get("mode")).upper() != "OFF" or not citations,
        "O11": tokens["output_tokens"] <= body.get("max_tokens", 8192),
        "O12": finish != "MAX_TOKENS" or tokens["output_tokens"] == body["max_tokens"],
        "O13": not any(stop in text for stop in body.get("stop_sequences", ())),
        "O14": usage["billed_units"]["input_tokens"] <= tokens["input_tokens"],
        "O15": 0 <= usage["billed_units"]["output_tokens"] <= tokens["output_tokens"],
        "O16": usage["cached_tokens"] % 16 == 0 and usage["cached_tokens"] <= tokens["input_tokens"],
        "O17": int(response.headers.get("num_tokens", sum(usage["billed_units"].values())))
        == sum(usage["billed_units"].values()),
        "O18": obeys(body.get("response_format"), text),
        "O19": not body.get("logprobs") or likely(answer.get("logprobs", []), text),
        "O20": (body.get("thinking") or {}).get("type") != "disabled" or not thoughts(blocks),
        "S01": answer.keys() <= {"id", "finish_reason", "message", "usage", "logprobs"} and "id" in answer,
        "S03": thoughts(blocks) in ([], [0]),
        "T07": all(block.get("text", "x") for block in blocks),
    }
    return found | {name for name, holds in oracles.items() if not holds}


def is_object(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments), dict)
    except ValueError:
        return False


def slice_of(blocks: list[Body], citation: Body) -> str:
    block = blocks[citation.get("content_index", 0)]
    return str(block.get("text", ""))[citation["start"] : citation["end"]]


def obeys(form: Body | None, text: str) -> bool:
    if form is None:
        return True
    return is_object(text) and jsonschema_rs.Draft202012Validator(
        form.get("json_schema", {}), validate_formats=True
    ).is_valid(json.loads(text))


def likely(logprobs: list[Body], text: str) -> bool:
    return "".join(one["text"] for one in logprobs) == text and all(
        len(one["logprobs"]) == len(one["token_ids"]) and max(one["logprobs"]) <= 0 for one in logprobs
    )


def thoughts(blocks: list[Body]) -> list[int]:
    return [index for index, block in enumerate(blocks) if block["type"] == "thinking"]


def same(streamed: Body, whole: Body) -> bool:
    """Tell whether two answers say the same, ids and the layout of arguments aside."""

    def bare(answer: Body) -> Body:
        message = dict(answer["message"])
        calls = [
            (one["function"]["name"], json.loads(one["function"]["arguments"]))
            for one in message.pop("tool_calls", [])
        ]
        return {**answer, "id": "", "message": message, "calls": calls}

    return bare(streamed) == bare(whole)
