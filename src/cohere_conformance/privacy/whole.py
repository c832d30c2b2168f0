"""Takes credentials out of a whole exchange: where their names stand, then wherever else they are quoted."""

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
"""Characters of a value of small letters only, or of digits only, that stands in no text by chance."""


def exchange(told: Exchange) -> Exchange:
    """Return the exchange without any credential that it shows; everything else stays byte for byte.

    Header fields, addresses, bodies and events lose what stands under the name of a credential. What was
    found so is then looked for in the rest: a server that is sent a key may quote it anywhere, in any form.
    """
    return cleaned(told)[0]


def cleaned(told: Exchange) -> tuple[Exchange, Callable[[str], str]]:
    """Return the exchange as `exchange` does, and what cleans a text about it in the same way."""
    seen: set[str] = set()
    named = _named(told, seen)
    known = [forms_of(value) for value in sorted(filter(_is_looked_for, seen), key=len, reverse=True)]
    named = replace(named, response=without_known(named.response, known))
    for forms in known:
        named = forms.clean(named)

    def say(about: str) -> str:
        for forms in known:
            about = forms.scrub_text(about)
        return about

    return named, say


def body(data: bytes) -> bytes:
    """Return a body without credentials, of whatever kind and however broken it is."""
    return clean(data, set())


def _named(told: Exchange, seen: set[str]) -> Exchange:
    """Return the exchange without what stands under the name of a credential."""
    request, response = told.request, without_named(told.response, seen)
    content = response.body and clean(response.body, seen)
    return replace(
        told,
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
            # Counts of other bytes than these would tell wrong times.
            arrivals=response.arrivals if content == response.body else (),
        ),
    )


def _event(event: StreamEvent, seen: set[str]) -> StreamEvent:
    data = text(event.data, seen)
    return event if data is event.data else replace(event, data=data)


def _is_looked_for(value: str) -> bool:
    chance = value.isdecimal() or (value.isalpha() and value.islower())
    return len(value) >= (_SHORTEST_WORD if chance else SHORTEST) and not is_masked(value)
