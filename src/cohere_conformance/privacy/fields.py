"""Redacts credentials in header fields and URLs."""

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
"""Minimum characters of a cookie that may be a credential."""
_SHORTEST_COOKIE = 16
"""Minimum characters of a cookie to search for elsewhere: shorter ones are settings, dates and numbers."""


@functools.lru_cache(maxsize=4096)
def _may_hold_credential(name: str) -> bool:
    return is_header(name) or name in _CARRIES_URL or name in _CARRIES_TEXT


def headers(fields: Headers, seen: set[str] | None = None) -> Headers:
    """Return the fields with the value of each that is a credential replaced; names and order stay.

    Args:
        fields: as they were sent.
        seen: receives the credentials.
    """
    if not any(_may_hold_credential(name) for name, _ in fields):
        return fields
    found: set[str] = set() if seen is None else seen
    return tuple(
        (name, _value(name, value, found) if _may_hold_credential(name) else value) for name, value in fields
    )


def _value(name: str, value: str, seen: set[str]) -> str:
    if is_header(name):
        cleaned, credentials = _credential(name.lower(), value)
        seen |= credentials
        return cleaned
    return url(value, seen) if name in _CARRIES_URL else text(value, seen)


@functools.lru_cache(maxsize=1024)
def _credential(name: str, value: str) -> tuple[str, frozenset[str]]:
    """Return the value of a field that holds a credential without it, and the credential itself."""
    if _is_no_credential(name, value):
        return value, frozenset()
    return REDACTED, frozenset(one for one in _credentials(name, value) if not is_masked(one))


def _is_no_credential(name: str, value: str) -> bool:
    """Return whether the value of a field is obviously no credential."""
    if name == "cookie":
        return all(len(pair.rpartition("=")[2].strip()) < _SHORTEST_SECRET for pair in value.split(";"))
    words = value.split()
    if words and words[0].lower() in _SCHEMES:
        words = words[1:]
    return name == "authorization" and all(map(is_no_secret, words))


def _credentials(name: str, value: str) -> list[str]:
    """Return the secret parts of the value of a field."""
    if "cookie" in name:
        pairs = value.split(";")[:1] if name.startswith("set-") else value.split(";")
        values = [pair.partition("=")[2].strip().strip('"') for pair in pairs]
        return [one for one in values if len(one) >= _SHORTEST_COOKIE]
    scheme, _, rest = value.strip().partition(" ")
    if not rest or scheme.lower() not in _SCHEMES:
        return [value.strip()]
    pair = basic(rest.strip()) if scheme.lower() == "basic" else None
    # A key may also be sent as the user, without a password.
    return [rest.strip()] if pair is None else [rest.strip(), pair[1] or pair[0]]


def url(value: str, seen: set[str] | None = None) -> str:
    """Return the URL without the credentials in its query, and without `user:password@`.

    Everything else stays byte for byte, including unusual encodings.

    Args:
        value: the URL, absolute or not.
        seen: receives the credentials.
    """
    cleaned, found = _url(value)
    if seen is not None:
        seen |= found
    return cleaned


@functools.lru_cache(maxsize=1024)
def _url(value: str) -> tuple[str, frozenset[str]]:
    """Return a URL without credentials, and these; recordings have the same one many times."""
    found: set[str] = set()
    rest, hash_sign, fragment = value.partition("#")
    rest, question_mark, query = rest.partition("?")
    scheme, slashes, rest = rest.partition("//")
    host, slash, path = rest.partition("/")
    if "@" in host and (not scheme or scheme.endswith(":")):
        # Removed, not replaced: brackets before the host would look like an IPv6 address.
        user, _, host = host.rpartition("@")
        found.add(unquote(user.partition(":")[2] or user))
    parts = (
        scheme, slashes, host, slash, path, question_mark, _query(query, found), hash_sign,
        _query(fragment, found),
    )  # fmt: skip
    # A URL may contain another one.
    return text("".join(parts), found), frozenset(found)


def _query(query: str, seen: set[str]) -> str:
    return "&".join(_parameter(one, seen) for one in query.split("&")) if "=" in query else query


def _parameter(parameter: str, seen: set[str]) -> str:
    name, equals, value = parameter.partition("=")
    if not equals or not is_parameter(unquote_plus(name)):
        return parameter
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
