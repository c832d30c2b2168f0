"""The shell command that repeats a request, byte for byte where a shell and curl can.

It is one line of printable characters for any POSIX shell, and can be pasted from a terminal, a page or a
log. Nothing in the request can make the shell run another command.
"""

from __future__ import annotations

import base64
import re
import shlex
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit

from cohere_conformance.access import DIRECT, Access, pieces
from cohere_conformance.names import REDACTED, is_token
from cohere_conformance.repetition import Run, runs

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

KEY_VARIABLE = "CO_API_KEY"
"""The environment variable with the key of the run."""

_FRAMING = frozenset({"content-length", "transfer-encoding"})
_OWN = ("Accept", "User-Agent")
"""Header fields that curl adds by itself."""
_LONGEST_ARGUMENT = 100_000
"""Bytes that a shell can surely pass as one argument."""
_LONGEST_WRITTEN = 2048
"""Bytes of a body above which the command generates what the body repeats."""
_EXPECT_FROM = 1024
"""Above this many bytes of a body, some versions of curl send `Expect: 100-continue`."""
_SECONDS_FOR_HEAD = 10
# curl may split or rewrite other paths: those are passed with --request-target.
_PLAIN_TARGET = re.compile(r"[A-Za-z0-9_.~!$&'()*+,;=:@/?%\[\]{}-]*")
_DOTS = re.compile(r"/(?:\.|%2e){1,2}(?:[/?]|\Z)", re.IGNORECASE)
_BEARER = re.compile(
    r"Bearer [^\s]+|\W{0,4}(?:x+|redacted|hidden|masked|filtered|removed)\W{0,4}", re.IGNORECASE
)
_SHOWS_REDACTION = re.compile(r"\[redacted\]|%5Bredacted%5D|(?:[=]|%3d|://)redacted(?![\w-])", re.IGNORECASE)
# Redaction replaces a number by zero, so that the value keeps its type.
_ZERO = re.compile(
    rb"(?i)(?:key|secret|passw(?:or)?d|passphrase|pwd|authorization|cookie|credentials?)\\*[\"']\s*:\s*0(?![\d.])"
)
_MARKER = re.compile(r"#(?=#\w*\[)|:(?=:[A-Za-z])")
"""What CI services interpret as the beginning of a command in a log."""


class Command(NamedTuple):
    """A command, and what of the request it cannot repeat.

    Attributes:
        line: for a shell.
        inexact: why it sends something else than the request, for a reader; empty if it does not.
    """

    line: str
    inexact: tuple[str, ...]


def command(
    method: str,
    url: str,
    headers: Sequence[tuple[str, str]],
    body: bytes | None,
    *,
    has_key: bool = True,
    key_variable: str = KEY_VARIABLE,
    access: Access = DIRECT,
) -> Command:
    """Return the command that sends a request again.

    Args:
        method: as it was sent.
        url: absolute URL.
        headers: in order; a key is redacted, or obviously no key.
        body: the bytes as they were sent; `None` if there was no body.
        has_key: whether to add the key, if the headers contain no authorization.
        key_variable: name of the environment variable with the key; empty if there is none.
        access: how the server is reached besides its URL.
    """
    inexact: list[str] = []
    names = {name for name, _ in headers}
    if not is_token(method):
        inexact.append("its method is not an HTTP token")
    parts = ["curl", "-sS"]
    parts += ["--head"] if method == "HEAD" and not body else ["-X", _quoted(method)]
    parts += _address(method, url, inexact)
    parts += _access(access, names)
    if has_key and "authorization" not in names:
        parts += _key(key_variable)
    for name, value in headers:
        if name == "authorization" and value == REDACTED and not has_key:
            continue
        parts += _field(name, value, key_variable, url, inexact)
    parts += _coding(headers, body, inexact)
    sent = _body(method, headers, body, inexact)
    unasked = (*_OWN, "Content-Type") if sent is not None else _OWN
    parts += [part for name in unasked if name.lower() not in names for part in ("-H", f"{name}:")]
    line = _with_body(method, parts, sent)
    return Command(line, tuple(dict.fromkeys(inexact)))


def _address(method: str, url: str, inexact: list[str]) -> Iterator[str]:
    """Yield the URL, with the options that keep curl from interpreting it in any other way."""
    if _SHOWS_REDACTION.search(url):
        inexact.append("its URL is redacted")
    if "@" in re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]:
        inexact.append("its URL contains a user")
    origin, target = _split(url)
    if not origin:
        inexact.append("its URL is not an HTTP URL")
        # Nothing is sent: curl would interpret a text without a scheme as the name of a host.
        yield from ("--proto", "=http,https", "--proto-default", "file", "--url", _quoted(url))
        return
    if _PLAIN_TARGET.fullmatch(target) is None:
        yield from (_quoted(f"{origin}/"), "--request-target", _quoted(target))
    else:
        yield _quoted(origin + target)
        if _DOTS.search(target.partition("?")[0]):
            yield "--path-as-is"
    if set("[]{}") & set(origin + target):
        yield "--globoff"
    if origin.startswith("https:"):
        yield "--http1.1"


def _split(url: str) -> tuple[str, str]:
    """Return scheme with authority, and the target as a client sends it; or two empty texts.

    A client encodes characters that a URL cannot contain, and sends neither a fragment nor a user.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "", ""
    scheme, slashes, rest = url.partition("://")
    if scheme.lower() not in {"http", "https"} or not slashes or not host or port == 0:
        return "", ""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    target = rest[len(authority) :].partition("#")[0]
    authority = authority.rpartition("@")[2]
    if not authority.isprintable() or re.search(r"[\s\"'<>\\^`{|}@]", authority):
        return "", ""
    target = quote(target if target.startswith("/") else f"/{target}", safe=_PRINTED, errors="surrogatepass")
    return f"{scheme.lower()}://{authority}", target


_PRINTED = "".join(map(chr, range(0x21, 0x7F)))


def _access(access: Access, given: Container[str]) -> Iterator[str]:
    """Yield the options that reach the server as the request did, and the fields that it got in addition."""
    named = (
        ("--unix-socket", access.socket),
        ("--cacert", access.ca_file),
        ("--cert", access.client_cert),
        ("--key", access.client_key),
    )
    for option, value in named:
        if value:
            yield from (option, _quoted(value))
    if not access.tls_verify:
        yield "--insecure"
    for name, value in access.headers:
        if name not in given and is_token(name):
            # One word: the texts in quotes, the variables in double quotes.
            words = (
                (_quoted(text) if text else "") + (f'"${{{variable}}}"' if variable else "")
                for text, variable in pieces(f"{name}: {value}")
            )
            yield from ("-H", "".join(words))


def _field(name: str, value: str, key_variable: str, url: str, inexact: list[str]) -> Iterator[str]:
    """Yield the option for one header field."""
    value = value.strip(" \t")
    if name in _FRAMING or (name == "host" and value.lower() == _authority(url)):
        return
    if name == "authorization" and value == REDACTED and key_variable:
        yield from _key(key_variable)
        return
    if not is_token(name):
        inexact.append("it has a header field whose name is not an HTTP token")
        return
    if set("\r\n\0") & set(value):
        inexact.append(f"the header {name} has a line break or NUL")
        return
    if _SHOWS_REDACTION.search(value):
        inexact.append(f"the header {name} is redacted")
    yield from ("-H", _quoted(f"{name}: {value}" if value else f"{name};"))
    if name == "accept-encoding":
        # This only makes curl decode the response; the field above is what is sent.
        yield "--compressed"


def _authority(url: str) -> str:
    return _split(url)[0].partition("://")[2].lower()


def _key(key_variable: str) -> tuple[str, str]:
    name = key_variable if re.fullmatch(r"[A-Z][A-Z0-9_]*", key_variable) else KEY_VARIABLE
    return "-H", f'"Authorization: Bearer ${name}"'


def variable_of(headers: Sequence[tuple[str, str]]) -> str:
    """Return the variable with the key of a recorded request; empty if it was sent with other credentials.

    Args:
        headers: before redaction.
    """
    given = [value for name, value in headers if name == "authorization"]
    return KEY_VARIABLE if all(map(_BEARER.fullmatch, given)) else ""


def _coding(headers: Sequence[tuple[str, str]], body: bytes | None, inexact: list[str]) -> tuple[str, ...]:
    """Return the option for a body that is sent in chunks."""
    codings = [value.strip().lower() for name, value in headers if name == "transfer-encoding"]
    if not codings:
        return ()
    if codings != ["chunked"] or body is None:
        inexact.append("its transfer coding cannot be repeated")
        return ()
    return "-H", "'Transfer-Encoding: chunked'"


def _body(
    method: str, headers: Sequence[tuple[str, str]], body: bytes | None, inexact: list[str]
) -> bytes | None:
    """Return the bytes to send; `None` if there is no body, not even an empty one."""
    lengths = [value.strip() for name, value in headers if name == "content-length"]
    if body and (_SHOWS_REDACTION.search(body.decode("latin-1")) or _ZERO.search(body)):
        inexact.append("its body is redacted")
    elif lengths and lengths[0] != str(len(body or b"")):
        inexact.append("its body was not recorded as it was sent")
    elif not lengths and any(name == "content-encoding" for name, _ in headers):
        inexact.append("its body was recorded without its content coding")
    chunked = any(name == "transfer-encoding" for name, _ in headers)
    creates = method in {"POST", "PUT", "PATCH"}
    empty = bool(lengths) or chunked or (not headers and body is not None and creates)
    return body if body else b"" if empty and method != "HEAD" else None


def _with_body(method: str, parts: list[str], body: bytes | None) -> str:
    """Return the command with its body, which is piped into it if it cannot be an argument."""
    if body is None:
        return " ".join(parts)
    if method == "HEAD":
        # curl waits for a body that no response to HEAD has.
        parts += ["--max-time", str(_SECONDS_FOR_HEAD)]
    if len(body) > _EXPECT_FROM:
        parts += ["-H", "Expect:"]
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    pieces = [Run(text, 1)] if len(body) <= _LONGEST_WRITTEN or "\0" in text else list(runs(text))
    if pieces == [Run(text, 1)] and text.isprintable() and len(body) <= _LONGEST_ARGUMENT:
        return " ".join([*parts, "--data-raw", _quoted(text)])
    if "\0" in text:
        before = f"echo {base64.b64encode(body).decode('ascii')} | base64 -d"
    else:
        printing = [_repeating(one) if one.times > 1 else f"printf {_format(one.unit)}" for one in pieces]
        before = printing[0] if len(printing) == 1 else f"{{ {'; '.join(printing)}; }}"
    return " ".join([before, "|", *parts, "--data-binary", "@-"])


def _repeating(run: Run) -> str:
    """Return the command that prints a text as often as it is repeated."""
    # Of the tools of POSIX only awk does that for any text; `%` is doubled, as awk reads escapes first.
    unit = _format(run.unit, further='"')[1:-1].replace("\\045", "%%")
    return f"awk 'BEGIN {{ while (i++ < {run.times}) printf \"{unit}\" }}'"


def _quoted(text: str) -> str:
    """Return the text as one word of a shell, in printable characters on one line."""
    if text.isprintable():
        # Two quotes in a row end a quoted text and begin the next one, with nothing in between.
        return _MARKER.sub(r"\g<0>''", shlex.quote(text))
    return f'"$(printf {_format(text, further="!$`" + chr(34))})"'


def _format(text: str, further: str = "") -> str:
    """Return the text as a format of `printf`."""
    escaped = set("'\\%" + further)
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    written = "".join(
        short.get(character) or (_octal(character) if character in escaped else character)
        if character.isprintable() or character in short
        else _octal(character)
        for character in text
    )
    if written.startswith("-"):
        # printf would interpret it as an option.
        written = "\\055" + written[1:]
    written = _MARKER.sub(lambda marker: _octal(marker[0]), written)
    return f"'{written}'"


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogatepass"))
