"""Redacts the credentials of a complete exchange: under their names, then wherever else they are quoted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.privacy.bodies import clean
from cohere_conformance.privacy.fields import headers, text, url
from cohere_conformance.privacy.forms import SHORTEST, forms_of
from cohere_conformance.privacy.split import without_known, without_named
from cohere_conformance.privacy.words import is_masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.model import Exchange, StreamEvent

_SHORTEST_WORD = 16
"""Minimum characters of a value of lower-case letters only, or digits only, that is in no text by chance."""


def exchange(original: Exchange) -> Exchange:
    """Return the exchange without any credential; everything else stays byte for byte.

    Values with the name of a credential are redacted in header fields, URLs, bodies and events. Then these
    values are searched for in the rest: a server that receives a key may quote it anywhere, in any form.
    """
    return cleaned(original)[0]


def cleaned(original: Exchange) -> tuple[Exchange, Callable[[str], str]]:
    """Return the exchange as `exchange` does, and a function that does the same to a text about it."""
    seen: set[str] = set()
    named = _named(original, seen)
    known = [forms_of(value) for value in sorted(filter(_is_distinctive, seen), key=len, reverse=True)]
    if known:
        named = replace(named, response=without_known(named.response, known))
    for forms in known:
        named = forms.clean(named)

    def clean_text(about: str) -> str:
        for forms in known:
            about = forms.scrub_text(about)
        return about

    return named, clean_text


def body(data: bytes) -> bytes:
    """Return a body of any kind without credentials; it may be broken."""
    return clean(data, set())


def _named(original: Exchange, seen: set[str]) -> Exchange:
    """Return the exchange without the values that have the name of a credential."""
    request, response = original.request, without_named(original.response, seen)
    content = response.body and clean(response.body, seen)
    return replace(
        original,
        request=replace(
            request,
            url=url(request.url, seen),
            headers=headers(request.headers, seen),
            body=request.body and clean(request.body, seen),
        ),
        response=replace(
            response,
            headers=headers(response.headers, seen),
            body=content,
            events=response.events and tuple(_event(event, seen) for event in response.events),
            # The counts belong to the original bytes.
            arrivals=response.arrivals if content == response.body else (),
        ),
    )


def _event(event: StreamEvent, seen: set[str]) -> StreamEvent:
    data = text(event.data, seen)
    return event if data is event.data else replace(event, data=data)


def _is_distinctive(value: str) -> bool:
    chance = value.isdecimal() or (value.isalpha() and value.islower())
    return len(value) >= (_SHORTEST_WORD if chance else SHORTEST) and not is_masked(value)
