"""Connectors: refusals, responses without secrets, and pages."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cohere_conformance.checks.frame import shown
from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.checks.values import asked_number, every, moment, number
from cohere_conformance.privacy.words import REDACTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence, Json

_KEPT = ("name", "url", "description", "excludes", "active", "continue_on_failure")
_DEFAULTS = {"active": True, "continue_on_failure": False}
_PAGE, _LARGEST_PAGE = 30, 100
_SHORTEST_SECRET = 6
"""Minimum length of a secret that is searched for: a shorter one may be in responses by chance."""
_HIDDEN = re.compile(r"\W*(?:x+|redacted|hidden|masked)?\W*", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9]{3,20}(?= |$)")


def _shown(evidence: Evidence) -> Iterator[tuple[str, Json]]:
    """Yield every connector of a response with its location."""
    response = evidence.response
    listed, alone = response.get("connectors"), response.get("connector")
    if isinstance(alone, dict):
        yield "/connector", alone
    if isinstance(listed, list):
        yield from (("/connectors/*", one) for one in listed if isinstance(one, dict))


# -- refusals


@check("connectors.url-checked")
def url_checked(evidence: Evidence) -> Iterator[Breach]:
    """A connector url that does not end with /search is refused (CON-R01)."""
    url = evidence.sent.get("url")
    if not isinstance(url, str) or url.endswith("/search"):
        return
    try:
        path = urlsplit(url).path
    except ValueError:
        path = ""
    if not path.endswith("/search"):
        yield Breach("", "a refusal of an address that does not end with /search", f"{evidence.status}")


@check("connectors.one-authorization")
def one_authorization(evidence: Evidence) -> Iterator[Breach]:
    """oauth in combination with service_auth is refused (CON-R02)."""
    if evidence.sent.get("oauth") and evidence.sent.get("service_auth"):
        yield Breach("", "a refusal of oauth together with service_auth", f"{evidence.status}")


# -- responses


@check("connectors.echo")
def echo(evidence: Evidence) -> Iterator[Breach]:
    """A connector has the properties that it was created or changed with (CON-O01, CON-R03)."""
    names = _KEPT if evidence.parsed.exchange.request.method == "POST" else set(_KEPT) - {"description"}

    def differs(one: tuple[str, Json, str]) -> Iterator[Breach]:
        location, connector, name = one
        sent, reported = evidence.sent.get(name), connector.get(name)
        if sent is not None and reported is not None and sent != reported:
            yield Breach(f"{location}/{name}", f"{shown(sent)}, as it was sent", shown(reported))

    yield from every(
        ((location, connector, name) for location, connector in _shown(evidence) for name in sorted(names)),
        differs,
    )


@check("connectors.defaults")
def defaults(evidence: Evidence) -> Iterator[Breach]:
    """A new connector is active and does not continue on failure by default (CON-R03)."""
    for location, connector in _shown(evidence):
        for name, default in _DEFAULTS.items():
            if evidence.sent.get(name) is None and connector.get(name) is (not default):
                yield Breach(f"{location}/{name}", f"{shown(default)}, the default", shown(not default))


@check("connectors.id-from-name", ids=True)
def id_from_name(evidence: Evidence) -> Iterator[Breach]:
    """The id of a new connector contains its name (CON-S01)."""
    name = evidence.sent.get("name")
    word = _WORD.match(name) if isinstance(name, str) else None
    for location, connector in _shown(evidence):
        identity = connector.get("id")
        if word is not None and isinstance(identity, str) and word[0].lower() not in identity.lower():
            yield Breach(f"{location}/id", f"an id with {word[0].lower()!r} in it", repr(identity))


@check("connectors.not-authorized-yet")
def not_authorized_yet(evidence: Evidence) -> Iterator[Breach]:
    """A new connector has no auth_status (CON-S02)."""
    for location, connector in _shown(evidence):
        if connector.get("auth_status"):
            yield Breach(
                f"{location}/auth_status", "none before anybody has authorised", connector["auth_status"]
            )


@check("connectors.no-secrets")
def no_secrets(evidence: Evidence) -> Iterator[Breach]:
    """No response contains a client secret or a service token (CON-O02, CON-S01)."""
    secrets = tuple(_secrets(evidence.sent))
    # A value of an earlier request may contain a secret of this one by chance.
    changing = evidence.operation.label.startswith("PATCH")
    before = {"id", *(_KEPT if changing else ())} - evidence.sent.keys()
    for location, connector in _shown(evidence):
        oauth = connector.get("oauth")
        reported = oauth.get("client_secret") if isinstance(oauth, dict) else None
        # A redacted value was a secret: only the parsers of recordings write it like that.
        if isinstance(reported, str) and (reported == REDACTED or not _HIDDEN.fullmatch(reported)):
            yield Breach(
                f"{location}/oauth/client_secret", "no secret", f"a text of {len(reported)} characters"
            )
            continue
        for name, value in connector.items():
            if name not in before and any(secret in text for text in _texts(value) for secret in secrets):
                yield Breach(f"{location}/{name}", "no secret that was sent", "a secret of a request")
                break


def _secrets(sent: Json) -> Iterator[str]:
    """Yield the secrets of a request, except those that are also elsewhere in it."""
    oauth, service = sent.get("oauth"), sent.get("service_auth")
    found = (
        oauth.get("client_secret") if isinstance(oauth, dict) else None,
        service.get("token") if isinstance(service, dict) else None,
    )
    kept = (
        {name: value for name, value in (oauth or {}).items() if name != "client_secret"} if found[0] else {}
    )
    open_texts = [
        text for part in (kept, {name: sent[name] for name in _KEPT if name in sent}) for text in _texts(part)
    ]
    for secret in found:
        long = isinstance(secret, str) and len(secret) >= _SHORTEST_SECRET and not _HIDDEN.fullmatch(secret)
        if isinstance(secret, str) and long and not any(secret in text for text in open_texts):
            yield secret


def _texts(value: object) -> Iterator[str]:
    pending = [value]
    while pending:
        match pending.pop():
            case str() as text:
                yield text
            case list() as items:
                pending += items
            case dict() as members:
                pending += members.values()


@check("connectors.redirect")
def redirect(evidence: Evidence) -> Iterator[Breach]:
    """Authorizing a connector returns a redirect_url (CON-R05)."""
    reported = evidence.response.get("redirect_url")
    if not isinstance(reported, str) or not reported.lower().startswith(("https://", "http://")):
        yield Breach("/redirect_url", "an address to go to", shown(reported))


# -- listing


@check("connectors.newest-first")
def newest_first(evidence: Evidence) -> Iterator[Breach]:
    """Connectors are listed by creation time, newest first (CON-O03)."""
    reported = (moment(connector.get("created_at")) for _, connector in _shown(evidence))
    times = [one for one in reported if one is not None]
    for earlier, later in pairwise(times):
        if later > earlier:
            yield Breach(
                "/connectors/*/created_at", "no time after the one before", f"{later} after {earlier}"
            )
            return


@check("connectors.limit")
def limit(evidence: Evidence) -> Iterator[Breach]:
    """A page contains at most limit connectors, 30 by default, and never more than 100 (CON-R04)."""
    size = asked_number(evidence, "limit")
    if size is None and "limit" in evidence.query:
        return
    most = _PAGE if size is None else min(size, _LARGEST_PAGE)
    found = sum(1 for _ in _shown(evidence))
    if found > most:
        yield Breach("/connectors", f"at most {most:g} connectors", str(found))


@check("connectors.limit-zero", errors=True)
def limit_zero(evidence: Evidence) -> Iterator[Breach]:
    """A limit of 0 is not refused (CON-O03)."""
    alone = set(evidence.query) == {"limit"}
    if evidence.status in {400, 422} and alone and asked_number(evidence, "limit") == 0:
        yield Breach("", "no connectors and their total", f"{evidence.status} for a limit of 0")


@check("connectors.total")
def total(evidence: Evidence) -> Iterator[Breach]:
    """total_count is the number of connectors on all pages (CON-R04)."""
    reported = number(evidence.response.get("total_count"))
    found = sum(1 for _ in _shown(evidence))
    skipped = asked_number(evidence, "offset") or 0
    if reported is not None and found and reported < skipped + found:
        yield Breach("/total_count", f"at least {skipped + found:g}", f"{reported:g}")
