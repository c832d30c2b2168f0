"""The API key of a run: it has no text representation, and everything that quotes it is redacted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.errors import UsageError
from cohere_conformance.privacy.fragments import SHORTEST_OF_KEY
from cohere_conformance.privacy.redact import REDACTED, Forms
from cohere_conformance.privacy.split import without_known

if TYPE_CHECKING:
    from cohere_conformance.model import Exchange

_SENDABLE = re.compile(r"[\x21-\x7e]+")


class Secret:
    """Holds a key; only `reveal` returns it.

    Args:
        value: the key; space around it, such as the line end of a file, is ignored.

    Attributes:
        forms: every form in which the key can be quoted.

    Raises:
        UsageError: it is empty, or has characters that no header can contain.
    """

    __slots__ = ("_value", "forms")

    def __init__(self, value: str) -> None:
        value = value.strip()
        if not _SENDABLE.fullmatch(value):
            what = "a key with spaces or characters beyond ASCII" if value else "an empty one"
            raise UsageError(f"expected a key of visible ASCII characters, got {what}; check where it is set")
        self._value = value
        self.forms = Forms((value,), shortest=SHORTEST_OF_KEY)

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"

    def __str__(self) -> str:
        return REDACTED

    def __reduce__(self) -> str:
        raise TypeError("a key is never pickled: pass the name of its environment variable")

    def reveal(self) -> str:
        """Return the key itself."""
        return self._value

    def scrub(self, data: bytes) -> bytes:
        """Return the bytes without the key: plain, escaped, encoded for a URL, in hex or in base64."""
        return self.forms.scrub(data)

    def scrub_text(self, text: str) -> str:
        """Return the text without the key, as `scrub` does."""
        return self.forms.scrub_text(text)


def scrubbed(exchange: Exchange, key: Secret) -> Exchange:
    """Return the exchange without the key, wherever and in however many parts a server has echoed it."""
    joined = replace(exchange, response=without_known(exchange.response, [key.forms]))
    return key.forms.clean(joined)
