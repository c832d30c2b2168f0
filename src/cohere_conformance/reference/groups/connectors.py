"""Connectors (retired): register, list, update, delete and authorize them. None is ever called."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from cohere_conformance.reference.connector import Connector
from cohere_conformance.reference.datasets.record import identifier
from cohere_conformance.reference.groups import connectors_faults as faults
from cohere_conformance.reference.handling import ApiError, JsonResponse, operation
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.state import stamp

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

_PAGE, _LARGEST_PAGE = 30, 100
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_LONGEST_HOST = 253
_OAUTH = ("client_id", "client_secret", "authorize_url", "token_url", "scope")
"""The OAuth settings that are stored; others are ignored, as unknown fields are on version 1."""
_VALID = timedelta(hours=1)
"""The lifetime of an authorization."""


@operation("POST /v1/connectors")
def create(call: Call) -> JsonResponse:
    """Register a connector."""
    body = call.body
    connector = Connector(
        id=identifier(inject(call, faults.NAME, body["name"]), "connector"),
        name=body["name"],
        url=body["url"],
        created_at=call.now,
        updated_at=call.now,
        description=body.get("description"),
    )
    connector = inject(call, faults.CREATED, _changed(call, connector))
    call.account.shelf(Connector)[connector.id] = connector
    return JsonResponse({"connector": _shown(call, connector)})


@operation("PATCH /v1/connectors/{id}")
def update(call: Call) -> JsonResponse:
    """Change the properties that the body has."""
    connector = inject(call, faults.UPDATE, _connector(call))
    changed = inject(call, faults.UPDATED, _changed(call, connector))
    changed = replace(changed, updated_at=call.now)
    call.account.shelf(Connector)[connector.id] = changed
    return JsonResponse({"connector": _shown(call, changed)})


def _changed(call: Call, connector: Connector) -> Connector:
    """Return a connector with the properties of the body.

    Raises:
        ApiError: 400, the URL is invalid, or there are two kinds of authorization (CON-R01, CON-R02).
    """
    body = call.body
    oauth, service = body.get("oauth"), body.get("service_auth")
    if oauth is not None and service is not None and not call.faulty(faults.BOTH_ACCEPTED):
        raise ApiError(400, "invalid request: oauth and service_auth exclude each other")
    if "url" in body and not call.faulty(faults.ANY_URL):
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
    """Reject an invalid URL; a host with `unreachable` in its name counts as unreachable."""
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
    """List connectors, newest first; the live service removed the list later than the other operations."""
    limit, offset = call.query.get("limit", _PAGE), call.query.get("offset", 0)
    least = 1 if call.faulty(faults.ZERO_REFUSED) else 0
    if not isinstance(limit, int) or not least <= limit <= _LARGEST_PAGE:
        raise ApiError(400, f"invalid query parameter limit: expected 0 to {_LARGEST_PAGE}")
    if not isinstance(offset, int) or offset < 0:
        raise ApiError(400, "invalid query parameter offset: expected a whole number from 0 on")
    found = inject(call, faults.ALL, list(reversed(call.account.shelf(Connector).values())))
    start = inject(call, faults.OFFSET, offset)
    shown = [_shown(call, one) for one in found[start : start + inject(call, faults.LIMIT, limit)]]
    return JsonResponse(inject(call, faults.LIST, {"connectors": shown, "total_count": len(found)}))


@operation("GET /v1/connectors/{id}")
def get(call: Call) -> JsonResponse:
    """Return one connector, without its secrets."""
    return JsonResponse({"connector": inject(call, faults.READ, _shown(call, _connector(call)))})


@operation("DELETE /v1/connectors/{id}")
def delete(call: Call) -> JsonResponse:
    """Delete a connector."""
    connector = _connector(call)
    del call.account.shelf(Connector)[connector.id]
    faults.remember(call, connector)
    return JsonResponse({})


@operation("POST /v1/connectors/{id}/oauth/authorize")
def authorize(call: Call) -> JsonResponse:
    """Return the URL at which the user gives consent; here the connector is authorized at once."""
    connector = _connector(call)
    if connector.oauth is None:
        raise ApiError(400, f"connector {connector.id} has no oauth settings")
    call.account.shelf(Connector)[connector.id] = replace(connector, authorized_at=call.now)
    parameters = {
        "client_id": connector.oauth["client_id"],
        "redirect_uri": f"{call.base_url}/v1/connectors/oauth/token",
        "response_type": "code",
        "scope": connector.oauth.get("scope", ""),
        "state": call.query.get("after_token_redirect", ""),
    }
    query = urlencode({name: text for name, text in parameters.items() if text})
    separator = "&" if "?" in connector.oauth["authorize_url"] else "?"
    body = {"redirect_url": f"{connector.oauth['authorize_url']}{separator}{query}"}
    return JsonResponse(inject(call, faults.AUTHORIZE, body))


def _connector(call: Call) -> Connector:
    connector = inject(call, faults.FOUND, call.account.shelf(Connector).get(call.path["id"]))
    if connector is None:
        raise ApiError(404, f"connector not found, id = {call.path['id']}")
    return connector


def _shown(call: Call, connector: Connector) -> dict[str, Any]:
    """Return a connector in its current state."""
    connector = inject(call, faults.CONNECTOR, connector)
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
    if connector.oauth is not None:
        shown["auth_type"] = "oauth"
        hidden = inject(call, faults.HIDDEN, frozenset({"client_secret"}))
        shown["oauth"] = {name: text for name, text in connector.oauth.items() if name not in hidden}
    if connector.authorized_at is not None:
        valid = call.now - connector.authorized_at < _VALID
        shown["auth_status"] = "valid" if valid else "expired"
    return shown
