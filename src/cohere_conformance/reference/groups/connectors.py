"""Connectors (retired): register, list, change, delete and authorise search sources. None is ever called."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from cohere_conformance.reference.common import refuse_retired
from cohere_conformance.reference.datasets.record import identifier
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, operation
from cohere_conformance.reference.state import stamp

if TYPE_CHECKING:
    from datetime import datetime

    from cohere_conformance.reference.handling import Call

SECRET_RETURNED = fault("connectors.secret-returned", "The client secret is part of the connector.")
TOKEN_RETURNED = fault(
    "connectors.token-returned", "The token of a service is part of the connector's description."
)
PATCH_CLEARS = fault("connectors.patch-clears", "What an update does not name goes back to its default.")
PATCH_IGNORED = fault(
    "connectors.patch-ignored", "An update changes nothing but the time of the last change."
)
UNSORTED = fault("connectors.unsorted", "Connectors are listed from the oldest on.")
TOTAL_WRONG = fault("connectors.total-wrong", "The total is the number of connectors on the page.")
LIMIT_IGNORED = fault("connectors.limit-ignored", "A page holds every connector, whatever its limit.")
ANY_URL = fault("connectors.any-url", "Any text is accepted as the address of a connector.")
BOTH_ACCEPTED = fault("connectors.both-auths", "OAuth and a service's token can be set together.")
DELETE_KEEPS = fault("connectors.delete-keeps", "A deleted connector can still be read.")
NO_REDIRECT = fault("connectors.redirect-missing", "Authorising does not tell where to send the user.")
INACTIVE = fault("connectors.inactive", "A connector must not be used where nobody says whether it may be.")
AUTHORIZED = fault("connectors.authorized-at-once", "A connector is authorised when it is created.")
GET_DIFFERS = fault("connectors.get-differs", "A connector that is read has its name in capital letters.")
ZERO_REFUSED = fault("connectors.limit-zero-refused", "A limit of 0 is refused with 400.")
OFFSET_IGNORED = fault("connectors.offset-ignored", "Every page of the list is the first one.")
ID_UNRELATED = fault("connectors.id-unrelated", "The id of a connector has nothing of its name.")

_RETIRED = "Connectors API was removed on September 15, 2025"
_PAGE, _LARGEST_PAGE = 30, 100
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_LONGEST_HOST = 253
_OAUTH = ("client_id", "client_secret", "authorize_url", "token_url", "scope")
"""What is kept of OAuth settings; the rest is ignored, as unknown fields are on version 1."""
_VALID = timedelta(hours=1)
"""How long an authorisation holds."""


@dataclass(frozen=True)
class Connector:
    """One connector as it was registered and changed.

    Attributes:
        id: its name with a suffix.
        name: to show.
        url: of its search.
        created_at: when it was made.
        updated_at: when it was last changed.
        description: what it holds; `None` where nobody said.
        excludes: fields of its documents that no model must see; `None` where nobody said.
        active: whether it may be used.
        continue_on_failure: whether a chat goes on when it fails.
        oauth: OAuth settings, secrets included.
        token: the token of a service.
        authorized_at: when the caller was last sent to authorise it.
    """

    id: str
    name: str
    url: str
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    excludes: tuple[str, ...] | None = None
    active: bool = True
    continue_on_failure: bool = False
    oauth: dict[str, str] | None = None
    token: str | None = None
    authorized_at: datetime | None = None


@dataclass(frozen=True)
class _Deleted:
    connector: Connector


@operation("POST /v1/connectors")
def create(call: Call) -> JsonResponse:
    """Register a connector."""
    refuse_retired(call, _RETIRED)
    body = call.body
    connector = Connector(
        id=identifier("" if call.faulty(ID_UNRELATED) else body["name"], "connector"),
        name=body["name"],
        url=body["url"],
        created_at=call.now,
        updated_at=call.now,
        description=body.get("description"),
        active=not call.faulty(INACTIVE),
    )
    connector = _changed(call, connector)
    if call.faulty(AUTHORIZED):
        connector = replace(connector, authorized_at=call.now)
    call.account.shelf(Connector)[connector.id] = connector
    return JsonResponse({"connector": _shown(call, connector)})


@operation("PATCH /v1/connectors/{id}")
def update(call: Call) -> JsonResponse:
    """Change what is sent and nothing else."""
    refuse_retired(call, _RETIRED)
    connector = _connector(call)
    changed = _changed(call, connector)
    if call.faulty(PATCH_IGNORED):
        changed = connector
    if call.faulty(PATCH_CLEARS):
        cleared = replace(connector, excludes=None, active=True, continue_on_failure=False, description=None)
        changed = _changed(call, cleared)
    changed = replace(changed, updated_at=call.now)
    call.account.shelf(Connector)[connector.id] = changed
    return JsonResponse({"connector": _shown(call, changed)})


def _changed(call: Call, connector: Connector) -> Connector:
    """Return a connector with what the body says.

    Raises:
        ApiError: 400, the address is none, or there are two ways of authorisation (CON-R01, CON-R02).
    """
    body = call.body
    oauth, service = body.get("oauth"), body.get("service_auth")
    if oauth is not None and service is not None and not call.faulty(BOTH_ACCEPTED):
        raise ApiError(400, "invalid request: oauth and service_auth exclude each other")
    if "url" in body and not call.faulty(ANY_URL):
        _check(body["url"])
    changed = replace(
        connector,
        name=body.get("name", connector.name),
        url=body.get("url", connector.url),
        active=body.get("active", connector.active),
        continue_on_failure=body.get("continue_on_failure", connector.continue_on_failure),
    )
    if "excludes" in body:
        changed = replace(changed, excludes=tuple(body["excludes"]))
    if oauth is not None:
        settings = {name: oauth[name] for name in _OAUTH if oauth.get(name) is not None}
        changed = replace(changed, oauth=settings, token=None, authorized_at=None)
    if service is not None:
        changed = replace(changed, token=service["token"], oauth=None, authorized_at=None)
    return changed


def _check(url: str) -> None:
    """Refuse an address that cannot be one; a host with `unreachable` in its name does not answer."""
    if not url.endswith("/search"):
        raise ApiError(400, "invalid request: the url must end with the path /search")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port
    except ValueError:
        host, port = "", None
    well_formed = 0 < len(host) <= _LONGEST_HOST and (_HOST.fullmatch(host) or ":" in host) and port != 0
    if not well_formed or parts.scheme not in {"http", "https"} or "unreachable" in host:
        raise ApiError(400, f"connector not reachable at {url}")


@operation("GET /v1/connectors")
def listed(call: Call) -> JsonResponse:
    """List connectors, newest first; the live service still had the list when the rest was gone."""
    limit, offset = call.query.get("limit", _PAGE), call.query.get("offset", 0)
    least = 1 if call.faulty(ZERO_REFUSED) else 0
    if not isinstance(limit, int) or not least <= limit <= _LARGEST_PAGE:
        raise ApiError(400, f"invalid query parameter limit: expected 0 to {_LARGEST_PAGE}")
    if not isinstance(offset, int) or offset < 0:
        raise ApiError(400, "invalid query parameter offset: expected a whole number from 0 on")
    found = list(reversed(call.account.shelf(Connector).values()))
    if call.faulty(UNSORTED):
        found.reverse()
    if call.faulty(OFFSET_IGNORED):
        offset = 0
    shown = found[offset:] if call.faulty(LIMIT_IGNORED) else found[offset : offset + limit]
    total = len(shown) if call.faulty(TOTAL_WRONG) else len(found)
    return JsonResponse(
        {"connectors": [_shown(call, connector) for connector in shown], "total_count": total}
    )


@operation("GET /v1/connectors/{id}")
def get(call: Call) -> JsonResponse:
    """Show one connector, without its secrets."""
    refuse_retired(call, _RETIRED)
    deleted = call.account.shelf(_Deleted).get(call.path["id"])
    if deleted is not None and call.faulty(DELETE_KEEPS):
        return JsonResponse({"connector": _shown(call, deleted.connector)})
    shown = _shown(call, _connector(call))
    if call.faulty(GET_DIFFERS):
        shown["name"] = shown["name"].upper()
    return JsonResponse({"connector": shown})


@operation("DELETE /v1/connectors/{id}")
def delete(call: Call) -> JsonResponse:
    """Delete a connector."""
    refuse_retired(call, _RETIRED)
    connector = _connector(call)
    del call.account.shelf(Connector)[connector.id]
    if call.faulty(DELETE_KEEPS):
        call.account.shelf(_Deleted)[connector.id] = _Deleted(connector)
    return JsonResponse({})


@operation("POST /v1/connectors/{id}/oauth/authorize")
def authorize(call: Call) -> JsonResponse:
    """Tell where the user gives consent; here nobody needs to go there for it to be given."""
    refuse_retired(call, _RETIRED)
    connector = _connector(call)
    if connector.oauth is None:
        raise ApiError(400, f"connector {connector.id} has no oauth settings")
    call.account.shelf(Connector)[connector.id] = replace(connector, authorized_at=call.now)
    if call.faulty(NO_REDIRECT):
        return JsonResponse({})
    asked = {
        "client_id": connector.oauth["client_id"],
        "redirect_uri": f"{call.base_url}/v1/connectors/oauth/token",
        "response_type": "code",
        "scope": connector.oauth.get("scope", ""),
        "state": call.query.get("after_token_redirect", ""),
    }
    told = urlencode({name: text for name, text in asked.items() if text})
    separator = "&" if "?" in connector.oauth["authorize_url"] else "?"
    return JsonResponse({"redirect_url": f"{connector.oauth['authorize_url']}{separator}{told}"})


def _connector(call: Call) -> Connector:
    connector = call.account.shelf(Connector).get(call.path["id"])
    if connector is None:
        raise ApiError(404, f"connector not found, id = {call.path['id']}")
    return connector


def _shown(call: Call, connector: Connector) -> dict[str, Any]:
    """Return a connector as it stands now."""
    shown: dict[str, Any] = {
        "id": connector.id,
        "organization_id": call.account.organization_id,
        "name": connector.name,
        "url": connector.url,
        "created_at": stamp(connector.created_at),
        "updated_at": stamp(connector.updated_at),
        "active": connector.active,
        "continue_on_failure": connector.continue_on_failure,
    }
    if connector.description is not None:
        shown["description"] = connector.description
    if connector.excludes is not None:
        shown["excludes"] = list(connector.excludes)
    if connector.token is not None:
        shown["auth_type"] = "service_auth"
        if call.faulty(TOKEN_RETURNED):
            shown["description"] = f"{connector.description or ''} {connector.token}".strip()
    if connector.oauth is not None:
        shown["auth_type"] = "oauth"
        hidden = frozenset() if call.faulty(SECRET_RETURNED) else frozenset({"client_secret"})
        shown["oauth"] = {name: text for name, text in connector.oauth.items() if name not in hidden}
    if connector.authorized_at is not None:
        valid = call.now - connector.authorized_at < _VALID
        shown["auth_status"] = "valid" if valid else "expired"
    return shown
