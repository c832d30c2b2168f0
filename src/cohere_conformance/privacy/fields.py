"""Takes credentials out of header fields and addresses."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus

from cohere_conformance.privacy.bodies import basic, clean
from cohere_conformance.privacy.words import REDACTED, is_header, is_masked, is_no_secret, is_parameter

if TYPE_CHECKING:
    from cohere_conformance.model import Headers

_CARRIES_URL = frozenset({"location", "content-location", "referer"})
_CARRIES_TEXT = frozenset({"link", "refresh", "www-authenticate", "x-forwarded-uri", "x-original-url"})
_SCHEMES = frozenset({"basic", "bearer", "token", "apikey", "key"})
_SHORTEST_SECRET = 2
"""Characters of a cookie that may be one."""
_SHORTEST_COOKIE = 16
"""Characters of a cookie that is looked for elsewhere: shorter ones are settings, dates and numbers."""


@functools.lru_cache(maxsize=4096)
def _may_tell(name: str) -> bool:
    return is_header(name) or name in _CARRIES_URL or name in _CARRIES_TEXT


def headers(fields: Headers, seen: set[str] | None = None) -> Headers:
    """Return the fields with the value of each that is a credential replaced; names and order stay.

    Args:
        fields: as they were sent.
        seen: the credentials are added to it.
    """
    if not any(_may_tell(name) for name, _ in fields):
        return fields
    told: set[str] = set() if seen is None else seen
    return tuple((name, _value(name, value, told)) for name, value in fields)


def _value(name: str, value: str, seen: set[str]) -> str:
    if is_header(name):
        if _is_no_credential(name.lower(), value):
            return value
        seen.update(one for one in _credentials(name.lower(), value) if not is_masked(one))
        return REDACTED
    if name in _CARRIES_URL:
        return url(value, seen)
    return text(value, seen) if name in _CARRIES_TEXT else value


def _is_no_credential(name: str, value: str) -> bool:
    """Tell whether the value of a field is sent although, or because, it is no credential."""
    if name == "cookie":
        return all(len(pair.rpartition("=")[2].strip()) < _SHORTEST_SECRET for pair in value.split(";"))
    words = value.split()
    if words and words[0].lower() in _SCHEMES:
        words = words[1:]
    return name == "authorization" and all(map(is_no_secret, words))


def _credentials(name: str, value: str) -> list[str]:
    """Return what of the value of a field is secret, without what stands around it."""
    if "cookie" in name:
        pairs = value.split(";")[:1] if name.startswith("set-") else value.split(";")
        told = [pair.partition("=")[2].strip().strip('"') for pair in pairs]
        return [one for one in told if len(one) >= _SHORTEST_COOKIE]
    scheme, _, rest = value.strip().partition(" ")
    if not rest or scheme.lower() not in _SCHEMES:
        return [value.strip()]
    pair = basic(rest.strip()) if scheme.lower() == "basic" else None
    # A key is sent as the user, too, and then without a password.
    return [rest.strip()] if pair is None else [rest.strip(), pair[1] or pair[0]]


def url(value: str, seen: set[str] | None = None) -> str:
    """Return the address without the credentials in its query, and without `user:password@`.

    Everything else stays byte for byte, odd encodings included: they are part of what was sent.

    Args:
        value: the address, absolute or not.
        seen: the credentials are added to it.
    """
    told: set[str] = set() if seen is None else seen
    rest, hash_sign, fragment = value.partition("#")
    rest, question_mark, query = rest.partition("?")
    scheme, slashes, rest = rest.partition("//")
    host, slash, path = rest.partition("/")
    if "@" in host and (not scheme or scheme.endswith(":")):
        # Dropped, not replaced: brackets before the host would read as an IPv6 address.
        user, _, host = host.rpartition("@")
        told.add(unquote(user.partition(":")[2] or user))
    parts = (
        scheme, slashes, host, slash, path, question_mark, _query(query, told), hash_sign,
        _query(fragment, told),
    )  # fmt: skip
    # An address may hold another one.
    return text("".join(parts), told)


def _query(told: str, seen: set[str]) -> str:
    return "&".join(_parameter(one, seen) for one in told.split("&")) if "=" in told else told


def _parameter(told: str, seen: set[str]) -> str:
    name, equals, value = told.partition("=")
    if not equals or not is_parameter(unquote_plus(name)):
        return told
    seen.update(one for one in (value, unquote_plus(value)) if not is_masked(one))
    return f"{name}{equals}{REDACTED}"


def text(value: str, seen: set[str] | None = None) -> str:
    """Return text that was part of an exchange without credentials.

    Args:
        value: the text.
        seen: the credentials are added to it.
    """
    raw = value.encode("utf-8", "surrogatepass")
    cleaned = clean(raw, set() if seen is None else seen)
    return value if cleaned is raw else cleaned.decode("utf-8", "surrogatepass")
