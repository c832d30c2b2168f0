"""Chat, version 1: invalid combinations that must be refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.checks.groups.chat_v1 import maps
from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.contract.models import known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence, Json

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_STOPS = 5


def _beside(sent: Json, *names: str) -> str:
    return ", ".join(name for name in names if sent.get(name))


def _answered(expected: str) -> Iterator[Breach]:
    yield Breach("", f"400: {expected}", "a reply")


@check("v1.chat.message-or-results", sends="tool_results")
def message_or_results(evidence: Evidence) -> Iterator[Breach]:
    """A message beside tool_results is refused, unless force_single_step is set (CH1-R01)."""
    sent = evidence.sent
    if sent.get("message") and sent.get("tool_results") and sent.get("force_single_step") is not True:
        yield from _answered("tool results without a message")


@check("v1.chat.one-history", sends="conversation_id")
def one_history(evidence: Evidence) -> Iterator[Breach]:
    """conversation_id in combination with chat_history is refused (CH1-R04)."""
    if evidence.sent.get("conversation_id") and evidence.sent.get("chat_history"):
        yield from _answered("conversation_id or chat_history, not both")


@check("v1.chat.sampling-range", sends="frequency_penalty presence_penalty stop_sequences")
def sampling_range(evidence: Evidence) -> Iterator[Breach]:
    """A penalty outside 0 to 1 is refused, and so are more than five stop sequences (CH1-R06)."""
    sent = evidence.sent
    for name in ("frequency_penalty", "presence_penalty"):
        value = sent.get(name)
        if isinstance(value, (int, float)) and not 0 <= value <= 1:
            yield from _answered(f"{name} between 0 and 1, not {value}")
            return
    stops = sent.get("stop_sequences")
    if isinstance(stops, list) and len(stops) > _MOST_STOPS:
        yield from _answered(f"at most {_MOST_STOPS} stop sequences, not {len(stops)}")


@check("v1.chat.document-ids", ids=True, sends="documents")
def document_ids(evidence: Evidence) -> Iterator[Breach]:
    """Two documents with the same id are refused (CH1-R07)."""
    sent = maps(evidence.sent.get("documents"))
    names = [name for document in sent if isinstance(name := document.get("id"), str) and name]
    if len(set(names)) < len(names):
        yield from _answered("documents with ids of their own")


@check("v1.chat.tool-name", sends="tools")
def tool_name(evidence: Evidence) -> Iterator[Breach]:
    """A tool name that starts with a digit, or has characters other than letters, digits and underscores, is
    refused (CH1-R08).
    """
    for tool in maps(evidence.sent.get("tools")):
        name = tool.get("name")
        if isinstance(name, str) and not _NAME.fullmatch(name):
            yield from _answered(f"a name of letters, digits and underscores for the tool {name!r}")
            return


@check("v1.chat.results-of-tools", sends="tool_results")
def results_of_tools(evidence: Evidence) -> Iterator[Breach]:
    """tool_results without tools are refused (CH1-R08)."""
    if evidence.sent.get("tool_results") and not evidence.sent.get("tools"):
        yield from _answered("tools beside the tool results")


@check("v1.chat.json-alone", sends="response_format")
def json_alone(evidence: Evidence) -> Iterator[Breach]:
    """JSON mode in combination with connectors, documents, tools or tool_results is refused (CH1-R09)."""
    form = evidence.sent.get("response_format")
    beside = _beside(evidence.sent, "connectors", "documents", "tools", "tool_results")
    if isinstance(form, dict) and form.get("type") == "json_object" and beside:
        yield from _answered(f"no JSON mode beside {beside}")


@check("v1.chat.safety-none", sends="safety_mode")
def safety_none(evidence: Evidence) -> Iterator[Breach]:
    """Models since command-r7b refuse the safety mode NONE (CH1-R10)."""
    model = evidence.sent.get("model")
    found = known(model)
    newer = found is not None and not found.before_r7b and "safety_modes" in (found.features or ())
    if newer and evidence.sent.get("safety_mode") == "NONE":
        yield from _answered(f"no safety_mode NONE for the model {model}")


@check("v1.chat.raw-alone", sends="raw_prompting")
def raw_alone(evidence: Evidence) -> Iterator[Breach]:
    """raw_prompting in combination with connectors, documents, tools or search_queries_only is refused.

    Source: CH1-R11.
    """
    beside = _beside(evidence.sent, "connectors", "documents", "search_queries_only", "tools")
    if evidence.sent.get("raw_prompting") is True and beside:
        yield from _answered(f"no raw_prompting beside {beside}")
