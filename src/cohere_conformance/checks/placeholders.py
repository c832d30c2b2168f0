"""Placeholders: what recorders and people replace ids with before they share a recording."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from cohere_conformance.checks.parsed import ParsedExchange

_ALWAYS = "redacted|scrubbed|saniti[sz]ed|anonymi[sz]ed|obfuscated|censored|placeholder|dummy"
_ALONE = f"{_ALWAYS}|filtered|masked|removed|hidden|stripped|elided|omitted|fake|secret|private"
_NAME = r"\s*[A-Za-z_][A-Za-z_\ .-]*[0-9]{0,3}\s*"
_PLACEHOLDER = re.compile(
    rf"""
    (?<![a-z]) (?i:{_ALWAYS}) (?![a-z])              # call_REDACTED_1
    | (?<![A-Z]) (?:FILTERED|MASKED|REMOVED|HIDDEN|STRIPPED) (?![A-Z])
    | \A \W* (?i:{_ALONE}) \W* \Z                    # [FILTERED]
    | (?<![A-Za-z]) (?: x{{3,}} | X{{3,}} ) (?![A-Za-z])   # xxx, XXXXXXXX-XXXX-XXXX
    | [*#•…?]{{3,}} | \.{{3,}} | …                   # ***
    | \A (?: < {_NAME} > | \[ {_NAME} \] | \$?\{{+ {_NAME} \}}+ | %\w+% ) \Z   # <id>, {{{{id}}}}
    | \A [0-]{{8,}} \Z                               # 00000000-0000-0000-0000-000000000000
    """,
    re.VERBOSE,
)
_LONGEST = 200
"""Maximum length of an id."""
_IDENTIFYING = re.compile(r"(?:^|_)(?:ids?|IDs?)$|[a-z]I[dD]s?$")


@lru_cache(maxsize=1024)
def is_placeholder(text: str) -> bool:
    """Return whether a text is the placeholder of an id."""
    return len(text) <= _LONGEST and _PLACEHOLDER.search(text) is not None


def ids_replaced(parsed: ParsedExchange) -> bool:
    """Return whether any id in the path or the bodies of an exchange was replaced by a placeholder."""
    path = urlsplit(parsed.exchange.request.url).path.split("/")
    if any(is_placeholder(unquote(part)) for part in path if part):
        return True
    pending: list[tuple[bool, object]] = [(False, parsed.request[0]), (False, parsed.response[0])]
    pending += [(False, piece.payload[0]) for piece in parsed.parsed_events()]
    while pending:
        named, value = pending.pop()
        match value:
            case str() if named and is_placeholder(value):
                return True
            case list():
                pending += [(named, inner) for inner in value]
            case dict():
                pending += [(_IDENTIFYING.search(name) is not None, inner) for name, inner in value.items()]
    return False
