"""Takes credentials out of what was recorded, so that nothing downstream ever sees a key."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from cohere_conformance.model import Headers

REDACTED = "[redacted]"

_HEADER = re.compile(
    r"(?:^|[-_])(?:authorization|cookie2?|api[-_]?key|(?:subscription|functions)[-_]key|token|secret|password"
    r"|signature)$",
    re.IGNORECASE,
)
_CARRIES_URL = frozenset({"location", "content-location", "referer"})

# Compared without `-` and `_`. `page_token` is paging, not a credential, hence whole names.
_PARAMETER = re.compile(
    r"(?:x|co)?(?:api)?key|(?:access|auth|bearer|id|refresh|session|xamzsecurity)?token|auth|authorization"
    r"|(?:client)?secret|passw(?:or)?d|sig|(?:xamz|xgoog)?signature|(?:xamz|xgoog)credential"
    r"|awsaccesskeyid|googleaccessid"
)


@functools.lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    return _HEADER.search(name) is not None


@functools.lru_cache(maxsize=4096)
def _may_tell(name: str) -> bool:
    return _is_secret(name) or name in _CARRIES_URL


def headers(fields: Headers) -> Headers:
    """Return the fields with the value of each that is a credential replaced; names and order stay."""
    if not any(_may_tell(name) for name, _ in fields):
        return fields
    return tuple((name, _value(name, value)) for name, value in fields)


def _value(name: str, value: str) -> str:
    if _is_secret(name):
        return REDACTED
    return url(value) if name in _CARRIES_URL else value


def url(value: str) -> str:
    """Return the address without the credentials in its query, and without `user:password@`.

    Everything else stays byte for byte, odd encodings included: they are part of what was sent.
    """
    rest, hash_sign, fragment = value.partition("#")
    rest, question_mark, query = rest.partition("?")
    scheme, slashes, rest = rest.partition("//")
    host, slash, path = rest.partition("/")
    if "@" in host and (not scheme or scheme.endswith(":")):
        # Dropped, not replaced: brackets before the host would read as an IPv6 address.
        host = host.rpartition("@")[2]
    return "".join(
        (scheme, slashes, host, slash, path, question_mark, _query(query), hash_sign, _query(fragment))
    )


def _query(text: str) -> str:
    return "&".join(map(_parameter, text.split("&"))) if "=" in text else text


def _parameter(text: str) -> str:
    name, equals, _ = text.partition("=")
    plain = unquote_plus(name).lower().replace("-", "").replace("_", "")
    return f"{name}{equals}{REDACTED}" if equals and _PARAMETER.fullmatch(plain) else text
