"""Chat, version 2: the text and the sources of citations."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from cohere_conformance.checks.groups.chat_v2_parts import (
    blocks,
    citations,
    items,
    message,
    messages,
    part,
    said,
)
from cohere_conformance.checks.registry import Breach, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence
    from cohere_conformance.checks.groups.chat_v2_parts import Json

_SOURCES = "/message/citations/*/sources/*"
_POSITION = re.compile(r"doc:([0-9]+)")
_NUMBERED = re.compile(r"(?::[0-9]+)*")


@check("v2.chat.citation-slice", returns="message/citations")
def citations_quote(evidence: Evidence) -> Iterator[Breach]:
    """The text of a citation equals the text of its block from start to end (CH2-O07, CH2-S06)."""
    content = blocks(evidence) if citations(evidence) else []
    for citation in citations(evidence):
        start, end, reported = (citation.get(name) for name in ("start", "end", "text"))
        if not isinstance(start, int) or not isinstance(end, int) or not isinstance(reported, str):
            continue
        number = citation.get("content_index") or 0
        if citation.get("type") == "PLAN":
            whole = str(message(evidence).get("tool_plan") or "")
        elif not isinstance(number, int) or not 0 <= number < len(content):
            yield Breach("/message/citations/*/content_index", "the number of a block", str(number))
            return
        else:
            whole = said(content[number])
        # A negative start would count from the end.
        quoted = whole[start:end] if 0 <= start <= end else ""
        if quoted != reported:
            yield Breach(
                "/message/citations/*/text", f"{quoted[:60]!r}, from {start} to {end}", repr(reported[:60])
            )
            return


@check("v2.chat.citations-ordered", returns="message/citations")
def citations_are_ordered(evidence: Evidence) -> Iterator[Breach]:
    """The citations of a block are ordered by start and do not overlap (CH2-O08)."""
    reached: defaultdict[str, int] = defaultdict(int)
    for citation in citations(evidence):
        start, end = citation.get("start"), citation.get("end")
        if not isinstance(start, int) or not isinstance(end, int):
            continue
        block = f"{citation.get('content_index') or 0} {citation.get('type') == 'PLAN'}"
        if start < reached[block]:
            yield Breach("/message/citations/*/start", f"{reached[block]} or more", str(start))
            return
        reached[block] = end


@check("v2.chat.citation-source-known", ids=True, returns="message/citations")
def sources_are_known(evidence: Evidence) -> Iterator[Breach]:
    """Every source of a citation is a document or a tool result of the request (CH2-O09, CH2-S07)."""
    cited = _sources(evidence) if evidence.sent else []
    if not cited:
        return
    documents = evidence.sent.get("documents")
    count = len(documents) if isinstance(documents, list) else 0
    ids = [document.get("id") for document in items(documents)]
    called = []
    for result in messages(evidence):
        if isinstance(name := result.get("tool_call_id"), str):
            called.append(name)
        ids += [part(block.get("document")).get("id") for block in items(result.get("content"))]
    for source in cited:
        reported = source.get("id")
        if not isinstance(reported, str) or reported in ids:
            continue
        position = _POSITION.fullmatch(reported)
        if position is not None and int(position[1]) < count:
            continue
        if not any(reported.startswith(name) and _NUMBERED.fullmatch(reported, len(name)) for name in called):
            yield Breach(f"{_SOURCES}/id", "a document or a result of the request", reported)
            return


@check("v2.chat.citation-document-id", ids=True, returns="message/citations")
def documents_hold_their_id(evidence: Evidence) -> Iterator[Breach]:
    """The document in a citation source contains the id of the source (CH2-S07)."""
    for source in _sources(evidence):
        document = source.get("document")
        if source.get("type") != "document" or not isinstance(document, dict) or not source.get("id"):
            continue
        if document.get("id") != source["id"]:
            yield Breach(f"{_SOURCES}/document/id", str(source["id"]), str(document.get("id", "nothing")))
            return


@check("v2.chat.citations-off", sends="citation_options", returns="message/citations")
def citations_are_off(evidence: Evidence) -> Iterator[Breach]:
    """With citation mode OFF or DISABLED, the response has no citations (CH2-O10, CH2-R10)."""
    if _mode(evidence) in {"OFF", "DISABLED"} and citations(evidence):
        yield Breach("/message/citations", "none, since they are switched off", str(len(citations(evidence))))


@check("v2.chat.citations-last", sends="citation_options", streams=True)
def accurate_citations_come_last(evidence: Evidence) -> Iterator[Breach]:
    """In a stream with accurate citations, citations follow the text of their block (CH2-T04)."""
    if not evidence.streamed or _mode(evidence) != "ACCURATE":
        return
    cited = False
    for event in evidence.events:
        match event.get("type"):
            case "citation-start":
                cited = True
            case "content-end":
                cited = False
            case "content-delta" if cited:
                yield Breach("<content-delta>", "no text after a citation of its block", "text")
                return


def _mode(evidence: Evidence) -> str:
    return str(part(evidence.sent.get("citation_options")).get("mode")).upper()


def _sources(evidence: Evidence) -> list[Json]:
    return [source for citation in citations(evidence) for source in items(citation.get("sources"))]
