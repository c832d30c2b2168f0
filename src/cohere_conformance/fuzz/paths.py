"""Requests with other ids in the path, chosen so that no existing resource is harmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.contract.tiers import Effect, shipped_policies
from cohere_conformance.fuzz.candidate import Expected, GenerationMode, ViolatedRule, literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.cases import RequestTemplate
    from cohere_conformance.contract import Operation
    from cohere_conformance.fuzz.candidate import Anchor, Candidate

NOBODY = "conformance-nobody"
"""An id that nothing has, with the prefix of what this tool creates."""
_HARMLESS = frozenset({Effect.READS, Effect.COMPUTES})
_UNKNOWN_UUID = "00000000-0000-4000-8000-000000000000"
_SUFFIXES = {
    "2,000 characters": "a" * 2000,
    "with a slash": "/a",
    "with a backslash": "\\a",
    "with a blank": " a",
    "with a dot": ".json",
    "with a colon": ":a",
    "with a question mark": "?a=1",
    "with a number sign": "#a",
    "with a semicolon": ";a=1",
    "with a percent sign": "%2e",
    "with quotes": "'\"`<>",
    "with letters beyond ASCII": "\u00e4\u6f22",
    "with an emoji": "\U0001f680",
    "with NUL": "\0a",
    "with a line break": "\r\na: b",
}
"""Suffixes of an id that nothing has, by their description."""
_BARE = {
    "empty": "",
    "a blank": " ",
    "a dot": ".",
    "two dots": "..",
    "two dots and a slash": "../a",
    "an asterisk": "*",
    "0": "0",
    "-1": "-1",
    "null": "null",
}
"""Ids for operations that read: a lax server may take them for the collection, or for its first item."""


def harmless(label: str) -> bool:
    """Return whether an operation neither creates nor changes nor deletes anything."""
    return shipped_policies()[label].effect in _HARMLESS


def of_nobody(template: RequestTemplate) -> RequestTemplate:
    """Return a request for something that does not exist."""
    return msgspec.structs.replace(template, path=dict.fromkeys(template.path, NOBODY))


def any_path(operation: Operation, anchor: Anchor) -> Iterator[Candidate]:
    """Yield requests for unusual ids that do not exist; what a server does with them is not declared.

    Args:
        operation: what is called.
        anchor: the case that is changed.
    """
    odd = {says: f"{NOBODY}{suffix}" for says, suffix in _SUFFIXES.items()}
    if harmless(operation.label):
        odd |= _BARE
    for name in anchor.template.path:
        for says, text in odd.items():
            yield anchor.candidate(
                GenerationMode.POSITIVE,
                _with(anchor, name, str(literal(text))),
                location=f"path:{name}",
                says=f"an id, {says}",
                expected=Expected.EITHER,
            )


def unknown_path(operation: Operation, anchor: Anchor) -> Iterator[Candidate]:
    """Yield requests for what does not exist.

    Args:
        operation: what is called.
        anchor: the case that is changed.
    """
    for name, own in anchor.template.path.items():
        unknown = {"a name that nothing has": NOBODY}
        if harmless(operation.label):
            unknown["a UUID that nothing has"] = _UNKNOWN_UUID
            unknown["an id with a character too many"] = f"{own}0"
        for says, text in unknown.items():
            yield anchor.candidate(
                GenerationMode.NEGATIVE,
                _with(anchor, name, text),
                location=f"path:{name}",
                says=says,
                expected=Expected.REFUSED,
                rule=ViolatedRule(f"path:{name}", "unknown", "it has to be there"),
                statuses=(400, 404),
            )


def _with(anchor: Anchor, name: str, text: str) -> RequestTemplate:
    return msgspec.structs.replace(anchor.template, path={**anchor.template.path, name: text})
