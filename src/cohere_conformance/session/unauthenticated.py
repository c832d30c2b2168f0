"""Requests without a valid key, which no operation may serve."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.cases import Credential
from cohere_conformance.privacy.words import INVALID_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.session.api import Api, ApiResponse

NOBODY = "00000000-0000-4000-8000-000000000000"
"""An id that nothing has: a call without a key must do no harm where it is served after all."""
_ANY = tuple(range(200, 600))


def rejects_invalid_credentials(api: Api, operations: Iterable[str]) -> None:
    """Require that operations reject calls without a key, with a wrong key, and with another scheme.

    Args:
        api: the target.
        operations: their labels; they are called without a body, and for ids that do not exist.
    """
    for label in operations:
        unkeyed, wrong = _called(api, label, Credential.NONE), _called(api, label, Credential.WRONG)
        for name, reply in (("common.key-missing", unkeyed), ("common.key-wrong", wrong)):
            api.require(name, reply.status == 401, reply, expected="status 401", observed=str(reply.status))
        api.require(
            "common.key-not-repeated",
            INVALID_KEY.encode() not in (wrong.exchange.response.body or b""),
            wrong,
            location="/message",
            expected="no key, or a masked one",
            observed="the key that was sent",
        )
        other = _called(api, label, Credential.MALFORMED)
        api.require(
            "common.key-scheme",
            other.status == 401,
            other,
            expected="status 401",
            observed=str(other.status),
        )


def _called(api: Api, label: str, key: Credential) -> ApiResponse:
    names = re.findall(r"\{([^}]+)\}", label)
    return api.call(label, path=dict.fromkeys(names, NOBODY), key=key, status=_ANY)
