"""Finds known credentials in every form in which a server may quote them."""

from __future__ import annotations

import base64
import functools
import html
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from msgspec.structs import replace

from cohere_conformance.privacy.fragments import SHORTEST_OF_OTHERS, Fragments, Span, merged
from cohere_conformance.privacy.words import REDACTED, REDACTED_IN_URL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.model import Exchange, Headers, StreamEvent

SHORTEST = 8
"""Minimum characters of a credential to search for: a shorter one is in responses by chance."""
_LONGEST_URL = 4096
_URL_ENDS = (b" ", b"\n", b'"', b"'", b"<", b">")
_ESCAPE = re.compile(r"%[0-9A-F]{2}")


class Forms:
    """Redacts values wherever they are quoted: plain, escaped, encoded for a URL, in hex or in base64.

    Args:
        values: credentials; those of fewer than `SHORTEST` characters are ignored.
        shortest: minimum characters of a part of a value that is redacted as well.
    """

    __slots__ = ("_cores", "_forms", "_pattern", "fragments")

    def __init__(self, values: Iterable[str], *, shortest: int = SHORTEST_OF_OTHERS) -> None:
        forms: set[bytes] = set()
        self.fragments: list[Fragments] = []
        for value in values:
            if len(value) >= SHORTEST:
                forms |= _forms(value)
                self.fragments.append(Fragments(value, shortest))
        # Longest first, so that no form is cut by a shorter one that it begins with.
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern: re.Pattern[bytes] | None = None
        self._cores: list[bytes] = []
        for form in reversed(self._forms):
            if not any(core in form for core in self._cores):
                self._cores.append(form)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def found(self, data: bytes) -> bool:
        """Return whether one of the values is in the data, or a part of one."""
        return bool(self.spans(data))

    def spans(self, data: bytes) -> list[Span]:
        """Return where the values and parts of them are in the data."""
        pieces = [span for fragments in self.fragments for span in fragments.spans(data)]
        for core in self._cores:
            if core in data:
                break
        else:
            return merged(pieces)
        if self._pattern is None:
            # Compiled only if needed: that costs more than a search, and most responses quote nothing.
            self._pattern = re.compile(b"|".join(map(re.escape, self._forms)))
        return merged([*pieces, *(match.span() for match in self._pattern.finditer(data))])

    def scrub(self, data: bytes) -> bytes:
        """Return the data without the values; the rest stays byte for byte."""
        found = self.spans(data)
        if not found:
            return data
        parts: list[bytes] = []
        done = 0
        for start, end in found:
            parts += [data[done:start], _replacement(data, start)]
            done = end
        return b"".join((*parts, data[done:]))

    def scrub_text(self, text: str) -> str:
        """Return the text without the values, as `scrub` does."""
        if not self._forms:
            return text
        raw = text.encode("utf-8", "surrogatepass")
        clean = self.scrub(raw)
        return text if clean == raw else clean.decode("utf-8", "surrogatepass")

    def clean(self, exchange: Exchange) -> Exchange:
        """Return the exchange without the values, wherever a server has echoed them."""
        if not self._forms:
            return exchange
        request, response, failure = exchange.request, exchange.response, exchange.response.failure
        body = self._body(response.body)
        return replace(
            exchange,
            request=replace(
                request,
                url=self.scrub_text(request.url),
                headers=self._fields(request.headers),
                body=self._body(request.body),
            ),
            response=replace(
                response,
                headers=self._fields(response.headers),
                body=body,
                events=response.events and tuple(map(self._event, response.events)),
                failure=failure and replace(failure, detail=self.scrub_text(failure.detail)),
                # The counts belong to the original bytes.
                arrivals=response.arrivals if body == response.body else (),
            ),
        )

    def _fields(self, headers: Headers) -> Headers:
        together = "\n".join([text for field in headers for text in field])
        if not self.found(together.encode("utf-8", "surrogatepass")):
            return headers
        return tuple((self.scrub_text(name), self.scrub_text(value)) for name, value in headers)

    def _body(self, data: bytes | None) -> bytes | None:
        return None if data is None else self.scrub(data)

    def _event(self, event: StreamEvent) -> StreamEvent:
        name = None if event.event is None else self.scrub_text(event.event)
        return replace(event, data=self.scrub_text(event.data), event=name)


@functools.lru_cache(maxsize=256)
def forms_of(value: str) -> Forms:
    """Return the forms of one credential; most recordings contain the same one many times."""
    return Forms((value,))


def _replacement(data: bytes, at: int) -> bytes:
    before = data[max(0, at - _LONGEST_URL) : at]
    start = max(before.rfind(end) for end in _URL_ENDS) + 1
    in_url = b"://" in before[start:] or b":\\/\\/" in before[start:]
    return (REDACTED_IN_URL if in_url else REDACTED).encode()


def _forms(value: str) -> set[bytes]:
    raw = value.encode("utf-8", "surrogatepass")
    escaped = json.dumps(value)[1:-1]
    quoted = {quote(raw, safe=""), quote_plus(raw), quote(raw)}
    twice = {quote(one, safe="") for one in quoted}
    # The hex digits of an escape may be in upper or lower case.
    lowered = {_ESCAPE.sub(lambda match: match[0].lower(), one) for one in quoted}
    texts = {escaped, escaped.replace("/", "\\/"), html.escape(value), *quoted, *twice, *lowered}
    coded = set(_coded(raw))
    return {
        raw,
        raw.hex().encode(),
        raw.hex().upper().encode(),
        *(text.encode("utf-8", "surrogatepass") for text in texts),
        *coded,
        *(quote(form, safe="").encode() for form in coded),
    }


def _coded(raw: bytes) -> Iterable[bytes]:
    """Yield the value in base64, also as part of a longer text."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        encoded = encode(raw)
        yield encoded
        yield encoded.rstrip(b"=")
        for before in range(3):
            # A character that contains bits of a neighbour is left out, because it is unknown.
            first, last = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
            yield encode(bytes(before) + raw)[first:last]
