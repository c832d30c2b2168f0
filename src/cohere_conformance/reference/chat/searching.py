"""Searches of version 1 (retired in 2025): queries from the message, and results of connectors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.chat import words
from cohere_conformance.reference.chat.prompt import Passage, fields_of
from cohere_conformance.reference.chat.rules import refuse
from cohere_conformance.reference.handling import new_id
from cohere_conformance.reference.profile import Profile

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

FAILING = "failing-"
"""The prefix of the ids of connectors that fail."""
_RETIRED = ("connectors", "search_queries_only")
_REMOVED = "September 15 2025"
_PARTS = re.compile(r"[?.!;\n]+|,? (?:and|or) (?=when|what|who|where|why|how|which|is|are|do|does)")
_MOST_QUERIES = 3


@dataclass(frozen=True)
class Search:
    """The searches of a request and their results.

    Attributes:
        queries: as in the response.
        results: as in the response, one for each query and connector.
        passages: the documents found.
        warnings: notices about retired parameters.
    """

    queries: list[dict[str, Any]]
    results: list[dict[str, Any]]
    passages: tuple[Passage, ...]
    warnings: tuple[str, ...]


def search(call: Call) -> Search:
    """Return the queries of a request with documents or connectors, and the results of the connectors.

    Raises:
        ApiError: 400, a connector without continue_on_failure failed, or searches have been removed.
    """
    body = call.body
    used = [name for name in _RETIRED if body.get(name)]
    if used and call.profile is Profile.LIVE_2026:
        refuse(f"{used[0]} was removed on {_REMOVED}")
    warnings = tuple(f"'{name}' is deprecated and will be removed {_REMOVED}." for name in used)
    connectors = [] if body.get("search_queries_only") else body.get("connectors") or []
    if not (used or body.get("documents")):
        return Search([], [], (), ())
    generation = new_id()
    queries = [{"text": text, "generation_id": generation} for text in _queries(body.get("message") or "")]
    results: list[dict[str, Any]] = []
    found: list[Passage] = []
    for connector in connectors:
        for query in queries:
            result, passages = _searched(connector, query)
            results.append(result)
            found += passages
    distinct = {passage.id: passage for passage in found}
    return Search(queries, results, tuple(distinct.values()), warnings)


def _queries(message: str) -> list[str]:
    """Return the queries: one for each part of the message with a topic."""
    parts = [" ".join(words.topics(part)) for part in _PARTS.split(message)]
    return [part for part in dict.fromkeys(parts) if part][:_MOST_QUERIES]


def _searched(connector: dict[str, Any], query: dict[str, Any]) -> tuple[dict[str, Any], list[Passage]]:
    """Return the result of a connector: two documents generated from the query."""
    name = connector["id"]
    result: dict[str, Any] = {"search_query": query, "connector": {"id": name}, "document_ids": []}
    if name.startswith(FAILING):
        problem = f"the connector {name} cannot be reached"
        if not connector.get("continue_on_failure"):
            refuse(f"{problem}, and continue_on_failure is off")
        return {**result, "error_message": problem, "continue_on_failure": True}, []
    site = (connector.get("options") or {}).get("site") or "example.com"
    about = query["text"]
    slug = "-".join(words.words(about.lower()))
    texts = (
        f"This page is about {about}. It was last checked in {2000 + words.draw(name, about) % 25}.",
        f"Readers who look for {about} find an overview here.",
    )
    passages = []
    for number, text in enumerate(texts):
        identity = f"{name}_{words.draw(name, about) % 10_000}:{number}"
        content = {"title": about.capitalize(), "snippet": text, "url": f"https://{site}/{slug}/{number}"}
        passages.append(Passage(identity, "document", fields_of(content), {**content, "id": identity}))
    return {**result, "document_ids": [passage.id for passage in passages]}, passages
