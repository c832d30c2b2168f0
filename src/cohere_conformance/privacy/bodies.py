"""Redacts credentials in bodies of any format, valid or broken, without parsing them.

Wherever the name of a credential is followed by a quote or an equals sign, the value after it is redacted.
That covers JSON at any depth and inside strings, JSON Lines, events, forms, multipart bodies and URLs, and
also text that no parser accepts. Bodies without such a name are only searched for bytes, which is far cheaper
than parsing them.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_plus

from cohere_conformance.privacy.words import (
    REDACTED,
    REDACTED_IN_URL,
    is_masked,
    is_no_secret,
    is_parameter,
    is_property,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS = b'key|token(?!s")|s(?:ecret|ig)|p(?:ass|wd)|a(?:uth|ccessid)|c(?:ookie|redential)'
"""Parts of the names of credentials, in lower case. No credential has a name that ends with `tokens`.

Each letter begins one alternative: a text of one letter, or of any language, takes half the time then.
"""
_LONGEST_NAME = 96
_NAME = re.compile(rb"(?:%s)[\w-]{0,64}?(\\*[\"']|=|%%3d|\\+u003d)" % _WORDS)
"""A part of a name, the rest of it, and what shows that it is one."""
_OPENED = re.compile(rb"\[\s*")
_COLON = re.compile(rb"\s*:\s*")
_QUOTE = re.compile(rb"(\\*)([\"'])")
_NEXT = re.compile(rb"\\*[\"']\s*,\s*(?=\\*[\"'])")
_NUMBER = re.compile(rb"-?\d[\d.eE+-]*")
_PART = re.compile(rb"[^\r\n]*\r?\n(?:[^\r\n]+\r?\n){0,8}\r?\n")
_PARAMETER = re.compile(
    rb"(?:.*(?:[?&#]|&amp;|\\u0026|%3[Ff]|%26|%23)|\A)([\w.%+\[\]-]*)\Z", re.DOTALL | re.IGNORECASE
)
_VALUE = re.compile(rb"[^\s&\"'\\<>#`|^{}]*")
_ENCODED_VALUE = re.compile(rb"(?:(?!%26|%23)[^\s&\"'\\<>#`|^{}])*", re.IGNORECASE)
_USER = re.compile(rb":(?:\\*/){2}([^\s/?#\"'<>\\]{1,256})@")
_SCHEME = re.compile(rb"(?:\s|%20|\+)+([\w.~+/=-]{12,})")
_SHORTEST_USER = 8
"""Minimum characters of a user without a password that may be a key; a shorter one is a name like `git`."""
_SHORTEST_BEARER = 16
_MOST_PASSES = 8
"""Maximum searches of one body; only tests have needed more than three."""
# A piece of generated text is also called a token; its probability is next to it.
_LIKELY = rb"(?:likelihood|log_?prob|prob|score|bytes|token_id|id|rank)"
_LIKELY_AFTER = re.compile(rb"\\*[\"']\s*,\s*\\*[\"']" + _LIKELY + rb"\\*[\"']")
_LIKELY_BEFORE = re.compile(_LIKELY + rb"\\*[\"']\s*:\s*[-+.\deE]+\s*,\s*\\*[\"']\Z")


class Span(NamedTuple):
    """A span to replace, and its replacement."""

    start: int
    end: int
    instead: str


def clean(data: bytes, seen: set[str]) -> bytes:
    """Return the data without credentials; everything else stays byte for byte.

    Args:
        data: a body, or any text of an exchange.
        seen: receives the credentials, without escapes.
    """
    # A redacted value may have hidden the name of another one, so the result is searched again. Most bodies
    # contain no credential and are searched once.
    for _ in range(_MOST_PASSES):
        cleaned = _cleaned_once(data, seen)
        if cleaned == data:
            break
        data = cleaned
    return data


def _cleaned_once(data: bytes, seen: set[str]) -> bytes:
    found = spans(data, seen)
    if not found:
        return data
    parts: list[bytes] = []
    done = 0
    for start, end, instead in found:
        if start >= done:
            parts += [data[done:start], instead.encode()]
        # Two that overlap are both redacted: half of a credential is a secret as well.
        done = max(done, end)
    return b"".join((*parts, data[done:]))


def spans(data: bytes, seen: set[str]) -> list[Span]:
    """Return where the credentials are, in order; some may overlap.

    Args:
        data: as for `clean`.
        seen: as for `clean`.
    """
    lowered = data.lower()
    return sorted((*_named(data, lowered, seen), *_users(data, seen), *_schemes(data, lowered, seen)))


def _named(data: bytes, lowered: bytes, seen: set[str]) -> Iterator[Span]:
    """Yield the values with the name of a credential."""
    taken: list[Span] = []
    for match in _NAME.finditer(lowered):
        start = match.start(1)
        # Text inside a redacted value is no name. Other names may be between the name of a form part and its
        # content.
        taken = [span for span in taken if span.end > start]
        if any(span.start <= start for span in taken):
            continue
        for span in _valued(data, lowered, start, match, seen):
            taken.append(span)
            yield span


def _valued(data: bytes, lowered: bytes, end: int, match: re.Match[bytes], seen: set[str]) -> Iterator[Span]:
    """Yield the values of what may be a name that ends at `end`."""
    before = max(0, end - _LONGEST_NAME)
    quote = match[1][-1:]
    if quote not in {b'"', b"'"}:
        window = lowered[before:end]
        named = _PARAMETER.match(window)
        # Without a separator before it, the name must be at the beginning of a form.
        if named is None or (before and named.start(1) == 0):
            return
        if is_parameter(unquote_plus(named[1].decode("latin-1"))):
            yield from _parameter(data, match, seen)
        return
    start = lowered.rfind(quote, before, end) + 1
    name = lowered[start:end].decode("latin-1")
    if not start or not is_property(name):
        return
    if (colon := _COLON.match(data, match.end())) is not None:
        generated = name == "token" and _LIKELY_BEFORE.search(lowered[max(0, start - 80) : start])
        if not generated:
            yield from _values(data, colon.end(), name, seen)
    elif lowered[:start].endswith((b'name="', b"name='")):
        yield from _part(data, match.end(), seen)


def _values(data: bytes, at: int, name: str, seen: set[str]) -> Iterator[Span]:
    """Yield the string or number at an offset, or the strings of an array there."""
    if (opened := _OPENED.match(data, at)) is not None:
        at = opened.end()
        while (quote := _QUOTE.match(data, at)) is not None:
            end = _end_of_string(data, quote)
            yield from _quoted(data, quote.end(), end, len(quote[1]), seen)
            following = _NEXT.match(data, end)
            if following is None:
                return
            at = following.end()
        return
    if (quote := _QUOTE.match(data, at)) is not None:
        end = _end_of_string(data, quote)
        if name != "token" or _LIKELY_AFTER.match(data, end) is None:
            yield from _quoted(data, quote.end(), end, len(quote[1]), seen)
    elif name != "token" and (number := _NUMBER.match(data, at)) is not None and number[0] != b"0":
        # A token that is a number is a piece of generated text, not a credential.
        seen.add(number[0].decode())
        yield Span(at, number.end(), "0")


def _end_of_string(data: bytes, quote: re.Match[bytes]) -> int:
    """Return where the text of a string ends, at the latest with its line.

    A string inside of strings has one, three, seven backslashes before its quotes; twice as many and one
    more are a quote that belongs to its text.
    """
    depth, at, start = len(quote[1]), quote.end(), quote.end()
    while (at := data.find(quote[2], at)) >= 0:
        slashes = at
        while slashes > start and data[slashes - 1] == 0x5C:
            slashes -= 1
        run = (at - slashes) % (2 * depth + 2)
        if run != 2 * depth + 1:
            end = at - min(run, depth)
            break
        at += 1
    else:
        end = len(data)
    line = data.find(b"\n", start, end)
    end = end if line < 0 else line
    return end - 1 if data[start:end].endswith(b"\r") else end


def _quoted(data: bytes, start: int, end: int, depth: int, seen: set[str]) -> Iterator[Span]:
    value = data[start:end].decode("utf-8", "replace")
    for _ in range((depth + 1).bit_length()):
        try:
            # Control characters are accepted: the string may be broken.
            value = json.loads(f'"{value}"', strict=False)
        except ValueError:
            break
    if not is_masked(value):
        seen.add(value)
        yield Span(start, end, REDACTED)


def _part(data: bytes, at: int, seen: set[str]) -> Iterator[Span]:
    """Yield the content of a part of a form whose name ends at an offset."""
    if (head := _PART.match(data, at)) is None:
        return
    start = head.end()
    end = data.find(b"\n--", start)
    end = len(data) if end < 0 else end - (data[end - 1 : end] == b"\r")
    value = data[start:end].decode("utf-8", "replace")
    if start < end and not is_masked(value):
        seen.add(value)
        yield Span(start, end, REDACTED)


def _parameter(data: bytes, match: re.Match[bytes], seen: set[str]) -> Iterator[Span]:
    """Yield the value of a URL parameter or of a form field."""
    found = (_VALUE if match[1] == b"=" else _ENCODED_VALUE).match(data, match.end())
    written = "" if found is None else found[0].decode("utf-8", "replace")
    value = unquote_plus(written)
    if not is_masked(value):
        seen.update((value, written))
        yield Span(match.end(), match.end() + len(found[0] if found else b""), REDACTED_IN_URL)


def _users(data: bytes, seen: set[str]) -> Iterator[Span]:
    """Yield the user and password before the host of a URL."""
    if b"@" not in data:
        return
    for sign in (b"://", b":\\/"):
        at = data.find(sign)
        while at >= 0:
            if (match := _USER.match(data, at)) is not None:
                written = match[1].decode("utf-8", "replace")
                user, colon, password = written.partition(":")
                if written != REDACTED_IN_URL and (colon or len(user) >= _SHORTEST_USER):
                    seen.add(unquote_plus(password if colon else user))
                    yield Span(*match.span(1), REDACTED_IN_URL)
            at = data.find(sign, at + len(sign))


def _schemes(data: bytes, lowered: bytes, seen: set[str]) -> Iterator[Span]:
    """Yield the credentials that follow the words Bearer and Basic."""
    for scheme, is_credential in ((b"bearer", _is_bearer), (b"basic", _is_basic)):
        at = lowered.find(scheme)
        while at >= 0:
            match = _SCHEME.match(data, at + len(scheme))
            if match is not None and is_credential(match[1]):
                seen.add(match[1].decode())
                yield Span(*match.span(1), REDACTED)
            at = lowered.find(scheme, at + len(scheme))


def _is_bearer(value: bytes) -> bool:
    return len(value) >= _SHORTEST_BEARER and any(0x30 <= byte <= 0x39 for byte in value)


def _is_basic(value: bytes) -> bool:
    text = value.decode("utf-8", "replace")
    return basic(text) is not None and not is_no_secret(text)


def basic(value: str) -> tuple[str, str] | None:
    """Return user and password of basic credentials; `None` if the text is something else."""
    try:
        decoded = base64.b64decode(value, validate=True).decode("utf-8")
    except (ValueError, binascii.Error):
        return None
    user, colon, password = decoded.partition(":")
    return (user, password) if colon and decoded.isprintable() else None
