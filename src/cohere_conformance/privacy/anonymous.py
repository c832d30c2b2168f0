"""Replaces everything in an exchange that identifies its sender, before it is stored in a cassette.

Each id of an organisation, a person or a single call becomes a pseudonym of the same form, the same one for
every occurrence, so that equal values stay equal and every schema still holds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from msgspec.structs import replace

from cohere_conformance.privacy import redact
from cohere_conformance.privacy.words import is_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cohere_conformance.model import Exchange, Headers, StreamEvent

LEFT_OUT = frozenset(
    {
        "accept-encoding", "alt-svc", "connection", "content-encoding", "content-length", "date", "host",
        "keep-alive", "server", "transfer-encoding", "user-agent", "via",
        "cf-connecting-ip", "forwarded", "true-client-ip", "x-client-ip", "x-forwarded-for", "x-real-ip",
    }
)  # fmt: skip
"""Header fields about framing, or about the time, software or location of one machine."""

_HEADER = re.compile(
    r"(?:[\w-]*-)?(?:trace|request|correlation|span|organi[sz]ation|org|account|tenant|user|owner|project)-?id"
    r"|(?:[\w-]+-)?organi[sz]ation|openai-project|cf-ray|traceparent|tracestate|sentry-trace|baggage|x-b3-\w+"
    r"|x-cloud-trace-context|x-amz-(?:cf-id|id-2)|x-amzn-requestid"
)
_NAMES = (
    r"(?:organi[sz]ation|org|owner|user|creator|author|member|customer|account|tenant|team|principal|trace"
    r"|debug[_-]?trace|request|correlation|span)[_-]?id|(?:created|updated|invited)[_-]?by|\w*e[_-]?mail"
)
_STRING = re.compile(rf"(?i:(\\*)\"(?:{_NAMES})\1\"\s*:\s*\1\")([^\"\\]+)")
_NUMBER = re.compile(rf"(?i:(\\*)\"(?:{_NAMES})\1\"\s*:\s*)(\d+)(?![\d.eE])")
_PARAMETER = re.compile(rf"(?i:([?&])(?:{_NAMES})=)([^&#\s\"\\]+)")
# These may hold a value that is no id: the name of a role, a text.
_EMAIL_ONLY = re.compile(r"(?i:(\\*)\"(?:user|owner|creator|author)\1\"\s*:\s*\1\")([^\"\\@]+@[^\"\\@]+)")
_PLACES = (_STRING, _NUMBER, _PARAMETER, _EMAIL_ONLY)

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s@\"<>]+@[^\s@\"<>]+")
_RUN = re.compile(r"[0-9A-Za-z]+")
_LONG_RUN = re.compile(r"[0-9A-Za-z]{6,}")
_SHORTEST = 8
"""Minimum characters of an id to search for without its name; a shorter one is in many texts by chance."""


def anonymous(exchange: Exchange) -> Exchange:
    """Return the exchange without credentials, persons, organisations and trace ids.

    Pseudonyms are numbered in the order of the values; doing it twice changes nothing.
    """
    return anonymised(exchange)[0]


def anonymised(exchange: Exchange) -> tuple[Exchange, Callable[[str], str]]:
    """Return the exchange as `anonymous` does, and a function that does the same to a text about it."""
    exchange = redact.exchange(exchange)
    request, response = exchange.request, exchange.response
    sent, received = _without_frame(request.headers), _without_frame(response.headers)
    names = _Pseudonyms(_values(exchange, sent, received))
    body = names.body(response.body)
    return (
        replace(
            exchange,
            request=replace(
                request,
                url=names.text(request.url),
                headers=names.fields(sent),
                body=names.body(request.body),
            ),
            response=replace(
                response,
                headers=names.fields(received),
                body=body,
                events=response.events and tuple(names.event(event) for event in response.events),
                # The counts belong to the original bytes.
                arrivals=response.arrivals if body == response.body or names.keep_lengths else (),
            ),
        ),
        names.text,
    )


def _without_frame(headers: Headers) -> Headers:
    # A cassette does not depend on the invalid key of its request, which the case specifies.
    return tuple(
        (name, redact.REDACTED if is_header(name) else value)
        for name, value in headers
        if name not in LEFT_OUT
    )


def _values(exchange: Exchange, sent: Headers, received: Headers) -> Iterator[str]:
    """Yield every value that identifies somebody, in the order of the exchange."""
    request, response = exchange.request, exchange.response
    yield from _placed(request.url)
    for headers, body in ((sent, request.body), (received, response.body)):
        for name, value in headers:
            if _is_identifying(name, value):
                yield from _units(value)
            else:
                yield from _placed(value)
        yield from _placed(_decoded(body or b""))
    for event in response.events or ():
        yield from _placed(event.data)


def _is_identifying(name: str, value: str) -> bool:
    return value not in {"", redact.REDACTED} and _HEADER.fullmatch(name) is not None


def _placed(text: str) -> Iterator[str]:
    found = ((match.start(2), unquote(match[2])) for location in _PLACES for match in location.finditer(text))
    for _, value in sorted(found):
        if redact.REDACTED not in value:
            yield from _units(value)


def _units(value: str) -> Iterator[str]:
    """Yield the ids in a value: some values hold several, or words around one."""
    runs = [] if _kind(value) != "id" else _LONG_RUN.findall(value)
    yield from runs or [value]


def _decoded(body: bytes) -> str:
    return body.decode("utf-8", "surrogateescape")


class _Pseudonyms:
    """Pseudonyms of values.

    Args:
        values: in the order in which they get their numbers.

    Attributes:
        keep_lengths: whether every pseudonym has as many characters as its value.
    """

    def __init__(self, values: Iterator[str]) -> None:
        self._names: dict[str, str] = {}
        counts: dict[str, int] = {}
        for value in dict.fromkeys(values):
            kind = _kind(value)
            counts[kind] = counts.get(kind, 0) + 1
            self._names[value] = _made(value, counts[kind])
        self.keep_lengths = all(len(value) == len(name) for value, name in self._names.items())
        self._anywhere = {
            form: made
            for value, name in self._names.items()
            if _is_unmistakable(value)
            for form, made in ((value, name), (quote(value, safe=""), quote(name, safe="")))
        }
        longest_first = sorted(self._anywhere, key=lambda form: (-len(form), form))
        either = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(rf"(?<![0-9A-Za-z])(?:{either})(?![0-9A-Za-z])") if either else None

    def text(self, text: str) -> str:
        """Return the text with pseudonyms."""
        for location in _PLACES:
            text = location.sub(self._at_place, text)
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: self._anywhere[match[0]], text)

    def _at_place(self, match: re.Match[str]) -> str:
        return match[0][: -len(match[2])] + self._renamed(match[2])

    def _renamed(self, value: str) -> str:
        """Return the value with pseudonyms for short ids, which `text` does not replace elsewhere."""
        for unit in _units(unquote(value)):
            if not _is_unmistakable(unit):
                value = value.replace(unit, self._names.get(unit, unit))
        return value

    def fields(self, headers: Headers) -> Headers:
        """Return the fields with pseudonyms."""
        return tuple(
            (name, self.text(self._renamed(value) if _is_identifying(name, value) else value))
            for name, value in headers
        )

    def body(self, body: bytes | None) -> bytes | None:
        """Return the body with pseudonyms."""
        return body and self.text(_decoded(body)).encode("utf-8", "surrogateescape")

    def event(self, event: StreamEvent) -> StreamEvent:
        """Return the event with pseudonyms."""
        return replace(event, data=self.text(event.data))


def _kind(value: str) -> str:
    if _UUID.fullmatch(value):
        return "uuid"
    return "person" if _EMAIL.fullmatch(value) else "id"


def _is_unmistakable(value: str) -> bool:
    mixed = any(character.isdigit() for character in value) and not value.isdecimal()
    return _kind(value) != "id" or (len(value) >= _SHORTEST and mixed)


def _made(value: str, number: int) -> str:
    """Return the pseudonym of that number for a value: same length, same kind of characters."""
    match _kind(value):
        case "uuid":
            return f"00000000-0000-4000-8000-{number:012x}"
        case "person":
            return f"person-{number}@example.invalid"
    return _RUN.sub(lambda match: _filled(match[0], number), value)


def _filled(run: str, number: int) -> str:
    if run.isdecimal():
        # A number does not begin with a zero.
        return f"1{number:0{len(run) - 1}}" if len(run) > 1 else str(number)
    if not run.isalpha():
        # With a letter, so that it does not become a number.
        return f"{'A' if run.isupper() else 'a'}{number:0{len(run) - 1}}"
    letters = ""
    while number:
        number, letter = divmod(number, 26)
        letters = chr(ord("a") + letter) + letters
    filled = letters.rjust(len(run), "a")
    return filled.upper() if run.isupper() else filled
