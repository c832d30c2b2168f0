"""Faults of connectors, by the stage of the handlers that they change."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.connector import Connector
from cohere_conformance.reference.faults import fault

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

ANY_URL = fault("connectors.any-url", "Any text is accepted as the URL of a connector.")
BOTH_ACCEPTED = fault("connectors.both-auths", "oauth and service_auth are accepted together.")
ZERO_REFUSED = fault("connectors.limit-zero-refused", "A limit of 0 is rejected with 400.")
DELETE_KEEPS = fault("connectors.delete-keeps", "A deleted connector can still be read.")

_Json = dict[str, Any]

# -- creation, updates and deletion

NAME: FaultTable[str] = {
    fault("connectors.id-unrelated", "The id of a connector does not contain its name."): lambda name, _: "",
}
"""The name that the id is made from."""

CREATED: FaultTable[Connector] = {
    fault("connectors.inactive", "A connector is inactive by default."): (
        lambda connector, call: replace(connector, active=call.body.get("active", False))
    ),
    fault("connectors.authorized-at-once", "A connector is authorized when it is created."): (
        lambda connector, call: replace(connector, authorized_at=call.now)
    ),
}


UPDATE: FaultTable[Connector] = {
    fault("connectors.patch-clears", "An update resets the properties that it does not have."): (
        lambda found, _: replace(
            found, excludes=None, active=True, continue_on_failure=False, description=None
        )
    ),
}
"""A connector before an update is applied to it."""


def _unchanged(changed: Connector, call: Call) -> Connector:
    return call.account.shelf(Connector)[changed.id]


UPDATED: FaultTable[Connector] = {
    fault("connectors.patch-ignored", "An update changes nothing but updated_at."): _unchanged,
}


@dataclass(frozen=True)
class _Deleted:
    connector: Connector


def remember(call: Call, connector: Connector) -> None:
    """Keep a deleted connector for `DELETE_KEEPS`."""
    if call.faulty(DELETE_KEEPS):
        call.account.shelf(_Deleted)[connector.id] = _Deleted(connector)


def _deleted(found: Connector | None, call: Call) -> Connector | None:
    deleted = call.account.shelf(_Deleted).get(call.path["id"])
    return found if deleted is None or call.operation.label != _GET else deleted.connector


_GET = "GET /v1/connectors/{id}"
FOUND: FaultTable[Connector | None] = {DELETE_KEEPS: _deleted}
"""The connector with the id of the path."""

# -- the list

ALL: FaultTable[list[Connector]] = {
    fault("connectors.unsorted", "Connectors are listed oldest first."): lambda found, _: found[::-1],
}

OFFSET: FaultTable[int] = {
    fault("connectors.offset-ignored", "Every page of the list is the first page."): lambda offset, _: 0,
}

LIMIT: FaultTable[int] = {
    fault("connectors.limit-ignored", "A page has all connectors, whatever its limit."): (
        lambda limit, _: sys.maxsize
    ),
}

LIST: FaultTable[_Json] = {
    fault("connectors.total-wrong", "total_count is the number of connectors on the page."): (
        lambda body, _: {**body, "total_count": len(body["connectors"])}
    ),
}

# -- one connector

READ: FaultTable[_Json] = {
    fault("connectors.get-differs", "The name of a connector that is read is in upper case."): (
        lambda shown, _: {**shown, "name": shown["name"].upper()}
    ),
}

AUTHORIZE: FaultTable[_Json] = {
    fault("connectors.redirect-missing", "The response to an authorization has no redirect_url."): (
        lambda body, _: {}
    ),
}


def _with_token(connector: Connector, call: Call) -> Connector:
    if connector.token is None:
        return connector
    return replace(connector, description=f"{connector.description or ''} {connector.token}".strip())


CONNECTOR: FaultTable[Connector] = {
    fault("connectors.token-returned", "The description of a connector contains its service_auth token."): (
        _with_token
    ),
}
"""A connector, before it is shown."""

HIDDEN: FaultTable[frozenset[str]] = {
    fault("connectors.secret-returned", "The response contains the client secret."): (
        lambda hidden, _: frozenset()
    ),
}
"""The oauth properties that responses leave out."""
