"""Searches for secrets in data before it is written to disk.

It shares no code with the redaction before it: what one of them overlooks, the other may find.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cohere_conformance.privacy.secret import Secret

_NOT_SHOWN = rb"(?!\[?redacted|\W{0,3}(?:redacted|hidden|masked|filtered|removed|xx+)\b|[*.#]+)"
# YAML doubles an apostrophe in a quoted text, and HTML writes a quote as an entity.
_QUOTE = rb"(?:\\*\"|\\*'{1,2}|&quot;|&#34;|&#x27;|&#39;)"
_SECRETS: dict[str, re.Pattern[bytes]] = {
    "a bearer token": re.compile(
        rb"(?i:\bbearer)(?:\s|%20|\+)+" + _NOT_SHOWN + rb"(?=[\w.~+/-]*\d)[\w.~+/-]{16,}=*"
    ),
    "a JSON web token": re.compile(rb"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"),
    "a private key": re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    "a key of AWS": re.compile(rb"(?<![A-Za-z0-9+/])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9+/])"),
    "a key of Google": re.compile(
        rb"(?<![\w/+-])(?:AIza[\w-]{35}(?![\w/+])|GOCSPX-[\w-]{20,}|ya29\.[\w-]{20,})"
    ),
    "a token of GitHub": re.compile(rb"(?<![\w/+-])(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{40,})"),
    "a token of GitLab": re.compile(rb"(?<![\w/+-])glpat-[\w-]{20,}"),
    "a token of Slack": re.compile(
        rb"(?<![\w/+-])xox[abeoprs]-[\w-]{10,}|hooks\.slack\.com/services/T\w+/B\w+/"
    ),
    "a token of Hugging Face": re.compile(rb"(?<![\w/+-])hf_[A-Za-z0-9]{30,}"),
    "a key of OpenAI or Anthropic": re.compile(rb"(?<![\w/+-])sk-(?=[\w-]{0,60}\d)[\w-]{20,}"),
    "a signature of an address": re.compile(
        rb"(?i)(?:x-(?:goog|amz)-(?:signature|credential|security-token)|awsaccesskeyid|googleaccessid"
        rb"|[?&;](?:sig|signature))=" + _NOT_SHOWN + rb"[^\s&\"'\\<>]{8,}"
    ),
    "a password in an address": re.compile(
        rb":(?:\\*/){2}" + _NOT_SHOWN + rb"[^\s/?#\"'<>\\:@]*:" + _NOT_SHOWN + rb"[^\s/?#\"'<>\\@]+@"
    ),
    "a key in a query": re.compile(
        rb"(?i)[?&;](?:(?:x[_-]|co[_-])?api[_-]?key|(?:access|auth|refresh|id)[_-]?token|client[_-]?secret|password)="
        + _NOT_SHOWN
        + rb"[^\s&\"'\\<>]{6,}"
    ),
    "a value under the name of a credential": re.compile(
        rb"(?i)" + _QUOTE + rb"(?:\w*api[_-]?key"
        rb"|\w*(?:access|auth|refresh|id|bearer|session|security)[_-]?token"
        rb"|\w*secret|secret[_-]?(?:access[_-]?)?key|private[_-]?key|access[_-]?key|\w*password|passwd"
        rb"|(?:proxy-)?authorization)" + _QUOTE + rb"\s*:\s*" + _QUOTE + _NOT_SHOWN + rb"[^\"'\\&]{6,}"
    ),
    "a header field that is a credential": re.compile(
        rb"(?im)(?:^[ \t]*|[\"'])(?:(?:proxy-)?authorization|(?:set-)?cookie|x-api-key|x-[\w-]*token)"
        rb"(?:[\"']?:\s*-?|[\"'],)[ \t]*[\"']?(?:(?:bearer|basic)[ ]+)?" + _NOT_SHOWN
        + rb"[^\s\"'\[\]-][^\s\"']{5,}"
    ),
    "a token under its name": re.compile(
        rb"(?i)" + _QUOTE + rb"token" + _QUOTE + rb"\s*:\s*" + _QUOTE + _NOT_SHOWN
        + rb"(?=[\w.+/=-]*\d)[\w.+/=-]{12,}" + _QUOTE
    ),
    "a part of a form under the name of a credential": re.compile(
        rb"(?i)name=" + _QUOTE + rb"(?:\w*api[_-]?key|\w*token|\w*secret|\w*password|authorization)" + _QUOTE
        + rb"(?:\\r|\r)?(?:\\n|\n)\s*(?:\\r|\r)?(?:\\n|\n)\s*" + _NOT_SHOWN + rb"[^\s\\]{6,}"
    ),
}  # fmt: skip
_BASIC = re.compile(rb"(?i:\bbasic)(?:\s|%20|\+)+([A-Za-z0-9+/_-]{8,}={0,2})")
_BINARY = re.compile(rb"!!binary \|[^\n]*\n((?:[ \t]+[A-Za-z0-9+/=]+(?:\n|\Z))+)")
_CODED = re.compile(rb"\"base64\": \"([A-Za-z0-9+/=]+)\"")
_VALUE = re.compile(rb"(\\*)\"([^\"\\]{1,60})\1\"\s*:\s*\1\"((?:[^\"\\]|\\+[^\"\\])*)\1\"")
# YAML continues a long text in the next line, either after a space or, in quotes, after a backslash.
_FOLD = re.compile(rb"(\\)?\r?\n[ \t]+\\?")


def leaks(data: bytes, keys: Iterable[Secret] = ()) -> list[str]:
    """Return the kinds of secrets in the data, without quoting them.

    Args:
        data: to be written: a cassette, a line of a journal, a report.
        keys: known keys, which are searched for in every form in which a server may quote them.
    """
    known, found = tuple(keys), set[str]()
    for text in _variants(data):
        if any(key.forms.found(text) for key in known):
            found.add("the key of the run")
        found |= {what for what, pattern in _SECRETS.items() if pattern.search(text)}
        if any(_is_basic(match[1]) for match in _BASIC.finditer(text)):
            found.add("a user with a password")
    return sorted(found)


def _variants(data: bytes) -> Iterator[bytes]:
    """Yield the data itself, the data with folded lines joined, and decoded base64 in it."""
    yield data
    if _FOLD.search(data):
        yield _FOLD.sub(lambda match: b"" if match[1] else b" ", data)
    yield from _joined(data)
    for block in (*_BINARY.finditer(data), *_CODED.finditer(data)):
        yield _plain(b"".join(block[1].split()))


def _joined(data: bytes) -> Iterator[bytes]:
    """Yield the values of each name together, as a client joins the deltas of a stream."""
    values: dict[bytes, list[bytes]] = {}
    for match in _VALUE.finditer(data):
        values.setdefault(match[2], []).append(match[3])
    yield from (b"".join(pieces) for pieces in values.values() if len(pieces) > 1)


def _plain(coded: bytes) -> bytes:
    try:
        return base64.b64decode(coded + b"=" * (-len(coded) % 4))
    except ValueError:
        return b""


def _is_basic(coded: bytes) -> bool:
    decoded = _plain(coded.replace(b"-", b"+").replace(b"_", b"/"))
    return b":" in decoded and decoded.isascii() and decoded.decode("ascii").isprintable()
