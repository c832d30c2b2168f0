"""The document and the SDKs that the command line of `contract drift` names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.drift.facts import DescriptionKind
from cohere_conformance.drift.fetching import fetched_facts, is_url
from cohere_conformance.drift.sources import facts_of
from cohere_conformance.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.drift.facts import Description

DOCUMENT = "document"
_WHEEL = re.compile(r"([^-]+)-([^-]+)-.*\.whl")


def described(document: str | None, sdks: Sequence[str]) -> list[tuple[str, Description]]:
    """Return the facts of a document and of SDKs, by the names that the lock has for them.

    Args:
        document: a file or a URL.
        sdks: in the forms of `contract diff`.

    Raises:
        DescriptionError: one of them cannot be read.
        UsageError: one of them is our contract.
    """
    found: dict[str, Description] = {}
    if document is not None:
        found[DOCUMENT] = fetched_facts(document) if is_url(document) else _facts(document)
        if found[DOCUMENT].kind not in {DescriptionKind.DOCUMENT, DescriptionKind.LAP}:
            raise UsageError(f"--document: expected an OpenAPI document, got {document}; use --sdk")
    for spec in dict.fromkeys(sdks):
        facts = _facts(spec)
        if facts.kind not in {DescriptionKind.SDK, DescriptionKind.NPM}:
            raise UsageError(f"--sdk: expected an SDK, got {spec}; use --document")
        wheel = _WHEEL.fullmatch(facts.name)
        found[f"{wheel[1]} {wheel[2]}" if wheel else facts.name] = facts
    return list(found.items())


def _facts(source: str) -> Description:
    if source.partition(":")[0] == "ours":
        raise UsageError(f"expected a witness other than our contract, got {source}")
    return facts_of(source)
