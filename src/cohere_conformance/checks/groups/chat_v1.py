"""Chat, version 1: the returned history, citations, tool calls, and streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.frame import cut, shown
from cohere_conformance.checks.registry import Breach, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence, Json


def maps(value: Any) -> list[Json]:
    """Return the objects of a list; none if it is not a list, as in an invalid request."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


@check("v1.chat.stream-asked")
def stream_asked(evidence: Evidence) -> Iterator[Breach]:
    """The response is a stream if and only if the request has stream set (CH1-R05)."""
    asked = evidence.sent.get("stream")
    if evidence.sent and asked in (None, False) and evidence.streamed:
        yield Breach("", "no stream, as stream is not set", "a stream")
    if asked is True and not evidence.streamed:
        yield Breach("", "a stream, as stream is set", "no stream")


@check("v1.chat.accepts", streams=True)
def accepts(evidence: Evidence) -> Iterator[Breach]:
    """The request header Accepts makes the stream one of server-sent events (CH1-T02)."""
    reported = evidence.header("content-type") or ""
    wanted = (evidence.sent_header("accepts") or "").strip().lower() == "text/event-stream"
    if wanted and evidence.streamed and reported and not reported.lower().startswith("text/event-stream"):
        yield Breach("", "server-sent events, as the header Accepts asks for them", reported)


@check("v1.chat.history-turns", returns="chat_history")
def history_turns(evidence: Evidence) -> Iterator[Breach]:
    """The chat_history of a response is that of the request, the turn of the user or the tools, and the
    reply (CH1-S02).
    """
    sent, history = evidence.sent, maps(evidence.response.get("chat_history"))
    if not sent or not history:
        return
    kept = sent.get("conversation_id")
    before = maps(sent.get("chat_history"))
    length = len(before) + 2
    if len(history) < length or (len(history) > length and not kept):
        yield Breach("/chat_history", f"{length} turns", f"{len(history)} turns", "length")
        return
    if not kept:
        for location, (asked, reported) in enumerate(zip(before, history, strict=False)):
            role = str(asked.get("role")).upper()
            if (reported.get("role"), reported.get("message")) != (role, asked.get("message")):
                yield Breach(
                    "/chat_history/*", "the turns of the request", f"another turn {location}", "past"
                )
                return
    if not _is_turn(sent, history[-2]):
        yield Breach("/chat_history/*", "the message, or the tool results, of the request", "another", "turn")


def _is_turn(sent: Json, reported: Json) -> bool:
    """Return whether a turn is that of the request: the message of the user, or the results of tools."""
    if sent.get("message"):
        return bool(reported.get("role") == "USER" and reported.get("message") == sent["message"])
    return reported.get("role") == "TOOL" or not sent.get("tool_results")


@check("v1.chat.history-reply", returns="chat_history")
def history_reply(evidence: Evidence) -> Iterator[Breach]:
    """The last turn of chat_history has the text and the tool calls of the reply (CH1-S03)."""
    response = evidence.response
    history = maps(response.get("chat_history"))
    if not history:
        return
    last = history[-1]
    if last.get("role") != "CHATBOT" or last.get("message") != response.get("text"):
        yield Breach("/chat_history/*/message", "the text of the reply in the last turn", "another", "text")
    if (last.get("tool_calls") or []) != (response.get("tool_calls") or []):
        yield Breach(
            "/chat_history/*/tool_calls", "the calls of the response in the last turn", "others", "calls"
        )


@check("v1.chat.api-version", returns="meta")
def api_version(evidence: Evidence) -> Iterator[Breach]:
    """The api_version of a response is 1 (CH1-S04)."""
    reported = ((evidence.response.get("meta") or {}).get("api_version") or {}).get("version")
    if reported not in (None, "1"):
        yield Breach("/meta/api_version/version", "1", str(reported))


@check("v1.chat.citation-slice", returns="citations")
def citation_slice(evidence: Evidence) -> Iterator[Breach]:
    """The text of a citation equals the text of the reply from start to end, counted in code points.

    Source: CH1-S07.
    """
    text = evidence.response.get("text") or ""
    for citation in maps(evidence.response.get("citations")):
        # JSON has one kind of number: 12.0 is an integer, too.
        quoted = text[max(int(citation["start"]), 0) : max(int(citation["end"]), 0)]
        if citation.get("type") != "PLAN" and quoted != citation["text"]:
            yield Breach(
                "/citations/*/text",
                f"{cut(quoted)!r}, from start to end",
                cut(repr(citation["text"])),
            )
            return


@check("v1.chat.citation-documents", ids=True, returns="citations")
def citation_documents(evidence: Evidence) -> Iterator[Breach]:
    """Every document id of a citation is one of the returned documents (CH1-S07)."""
    known = {document.get("id") for document in maps(evidence.response.get("documents"))}
    for citation in maps(evidence.response.get("citations")):
        if not known.issuperset(citation["document_ids"]):
            reported = ", ".join(str(name) for name in citation["document_ids"] if name not in known)
            yield Breach("/citations/*/document_ids", "ids of documents of the response", cut(reported))
            return


@check("v1.chat.documents-whole", ids=True, sends="documents", returns="documents")
def documents_whole(evidence: Evidence) -> Iterator[Breach]:
    """A returned document has every key that was sent, including excluded ones (CH1-R07)."""
    documents = maps(evidence.sent.get("documents"))
    sent = {one["id"]: one for one in documents if isinstance(one.get("id"), str)}
    if len(sent) < len(documents):
        return  # the documents of the response cannot be assigned to them
    for document in maps(evidence.response.get("documents")):
        for name, value in sent.get(document.get("id") or "", {}).items():
            if name != "_excludes" and isinstance(value, str) and document.get(name) != value:
                yield Breach("/documents/*", f"the key {name} as it was sent", shown(document.get(name)))
                return


@check("v1.chat.search-queries-only", sends="search_queries_only")
def search_queries_only(evidence: Evidence) -> Iterator[Breach]:
    """With search_queries_only, the response has search queries, or states that no search is required, and
    no reply (CH1-S06).
    """
    response = evidence.response
    if evidence.sent.get("search_queries_only") is not True:
        return
    if response.get("text"):
        yield Breach("/text", "no reply", cut(repr(response["text"])), "reply")
    if not response.get("search_queries") and response.get("is_search_required") is not False:
        yield Breach("/search_queries", "queries, or that no search is needed", "neither", "queries")


@check("v1.chat.tool-known", returns="tool_calls")
def tool_known(evidence: Evidence) -> Iterator[Breach]:
    """A called tool is one of the tools of the request (CH1-R08)."""
    known = [tool.get("name") for tool in maps(evidence.sent.get("tools"))]
    for call in maps(evidence.response.get("tool_calls")) if evidence.sent else ():
        if call["name"] not in known:
            yield Breach("/tool_calls/*/name", f"one of {sorted(map(str, known))}", str(call["name"]))
            return


@check("v1.chat.max-tokens", sends="max_tokens")
def max_tokens(evidence: Evidence) -> Iterator[Breach]:
    """The number of billed output tokens does not exceed max_tokens (CH1-R06)."""
    most = evidence.sent.get("max_tokens")
    billed = ((evidence.response.get("meta") or {}).get("billed_units") or {}).get("output_tokens")
    if isinstance(most, int) and most > 0 and billed is not None and billed > most:
        yield Breach("/meta/billed_units/output_tokens", f"at most {most}", str(billed))


@check("v1.chat.cut-finish", sends="max_tokens")
def cut_finish(evidence: Evidence) -> Iterator[Breach]:
    """A reply with exactly max_tokens billed output tokens does not finish with COMPLETE (CH1-R06)."""
    most, response = evidence.sent.get("max_tokens"), evidence.response
    if not isinstance(most, int) or most <= 0 or response.get("finish_reason") != "COMPLETE":
        return
    billed = ((response.get("meta") or {}).get("billed_units") or {}).get("output_tokens")
    if billed == most and not response.get("tool_calls"):
        yield Breach("/finish_reason", f"MAX_TOKENS, as {billed:g} of {most} are billed", "COMPLETE")


@check("v1.chat.stream-citations", streams=True)
def stream_citations(evidence: Evidence) -> Iterator[Breach]:
    """The citation events of a stream equal the citations of the final response (CH1-T05)."""
    if not evidence.streamed:
        return
    whole = maps(evidence.response.get("citations"))
    reported = [
        citation
        for event in evidence.events
        if event.get("event_type") == "citation-generation"
        for citation in maps(event.get("citations"))
    ]
    if sorted(map(_of_citation, reported)) != sorted(map(_of_citation, whole)):
        yield Breach("/citations", f"the {len(reported)} citations of the events", f"{len(whole)} citations")


def _of_citation(citation: Json) -> tuple[int, int, str]:
    return citation["start"], citation["end"], citation["text"]


@check("v1.chat.stream-tool-calls", streams=True)
def stream_tool_calls(evidence: Evidence) -> Iterator[Breach]:
    """The tool call events of a stream equal the tool calls of the final response (CH1-T05)."""
    for event in evidence.events:
        if event.get("event_type") == "tool-calls-generation":
            whole = evidence.response.get("tool_calls") or []
            if event.get("tool_calls") != whole:
                yield Breach("/tool_calls", "the calls of the events", f"{len(whole)} calls, not these")
            return
