"""A key that nothing shows: what holds it has no text, and what quotes it is cleaned."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from msgspec.structs import replace

from cohere_conformance.errors import UsageError
from cohere_conformance.exchanges.redact import REDACTED

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange, Headers

_SHORTEST = 8
"""Characters that a key has to be looked for: a shorter one is a mock's, and stands in answers by chance."""
_SENDABLE = re.compile(r"[\x21-\x7e]+")


class Secret:
    """Holds a key; only `reveal` hands it out.

    Args:
        value: the key; space around it, as the line end of a file, does not count.

    Raises:
        UsageError: it is empty, or has characters that no header can carry.
    """

    __slots__ = ("_pattern", "_value")

    def __init__(self, value: str) -> None:
        value = value.strip()
        if not _SENDABLE.fullmatch(value):
            what = "a key with spaces or characters beyond ASCII" if value else "an empty one"
            raise UsageError(
                f"expected a key of visible ASCII characters, got {what}: look at where it is set"
            )
        self._value = value
        # Longest first, so that no form is cut by a shorter one that it begins with.
        forms = sorted(_forms(value), key=lambda form: (-len(form), form)) if len(value) >= _SHORTEST else []
        self._pattern = re.compile(b"|".join(map(re.escape, forms))) if forms else None

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"

    def __str__(self) -> str:
        return REDACTED

    def __reduce__(self) -> str:
        raise TypeError("a key is not written anywhere: hand over the name of what holds it")

    def reveal(self) -> str:
        """Return the key itself."""
        return self._value

    def scrub(self, data: bytes) -> bytes:
        """Return the bytes without the key: plain, encoded for a URL, or in base64."""
        return data if self._pattern is None else self._pattern.sub(REDACTED.encode(), data)

    def scrub_text(self, text: str) -> str:
        """Return the text without the key, as `scrub` does."""
        if self._pattern is None:
            return text
        return self.scrub(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def _forms(value: str) -> set[bytes]:
    raw = value.encode("ascii")
    encoded = {base64.b64encode(raw), base64.urlsafe_b64encode(raw)}
    quoted = {quote(value, safe="").encode(), quote_plus(value).encode()}
    return {raw, *quoted, *encoded, *(form.rstrip(b"=") for form in encoded)}


def scrubbed(exchange: Exchange, key: Secret) -> Exchange:
    """Return the exchange without the key, wherever a server that echoes it put it."""
    request, response, failure = exchange.request, exchange.response, exchange.response.failure
    body = _body(key, response.body)
    return replace(
        exchange,
        request=replace(
            request,
            url=key.scrub_text(request.url),
            headers=_fields(key, request.headers),
            body=_body(key, request.body),
        ),
        response=replace(
            response,
            headers=_fields(key, response.headers),
            body=body,
            failure=failure and replace(failure, detail=key.scrub_text(failure.detail)),
            # Counts of other bytes than these would tell wrong times.
            arrivals=response.arrivals if body == response.body else (),
        ),
    )


def _fields(key: Secret, headers: Headers) -> Headers:
    return tuple((key.scrub_text(name), key.scrub_text(value)) for name, value in headers)


def _body(key: Secret, data: bytes | None) -> bytes | None:
    return None if data is None else key.scrub(data)
