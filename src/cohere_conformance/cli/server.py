"""How the commands that send without pytest reach a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.access import Access
from cohere_conformance.client.added import checked_variable, field_of
from cohere_conformance.curl import KEY_VARIABLE
from cohere_conformance.session.plan import RunOptions

if TYPE_CHECKING:
    from collections.abc import Mapping


def server_options(url: str, given: Mapping[str, Any]) -> RunOptions:
    """Return the options of a run that say how its target is reached.

    Args:
        url: of the target.
        given: the options that `reaching` adds to a command, by their names in Python.

    Raises:
        UsageError: one of them has an invalid value.
    """
    variable = given["key_variable"]
    return RunOptions(
        url=url,
        live=given["live"],
        own=bool(given["own_server"]),
        key_variable=checked_variable("--key-variable", KEY_VARIABLE if variable is None else variable),
        request_timeout=given["request_timeout"],
        access=Access(
            headers=tuple(map(field_of, given["headers"])),
            tls_verify=given["tls_verify"] is not False,
            ca_file=given["ca_file"] or "",
            client_cert=given["client_cert"] or "",
            client_key=given["client_key"] or "",
        ),
    )
