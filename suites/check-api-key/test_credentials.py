"""Check-api-key: calls without a valid API key are rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance.cases import Credential
from cohere_conformance.errors import UsageError
from cohere_conformance.session.unauthenticated import rejects_invalid_credentials

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

OPERATIONS = ("POST /v1/check-api-key",)
pytestmark = [pytest.mark.operations(*OPERATIONS), pytest.mark.protocol]


def test_strangers_are_refused(api: Api) -> None:
    """Calls without a key, with an unknown key or with another scheme get 401; no message repeats the key."""
    rejects_invalid_credentials(api, OPERATIONS)


def test_an_expired_key_is_refused(api: Api) -> None:
    """A trial key that has expired gets 401, so that a client asks for a new key instead of retrying."""
    try:
        response = api.call("POST /v1/check-api-key", key=Credential.EXPIRED, status=(200, 401, 403))
    except UsageError:
        pytest.skip("the run has no expired key for this target")
    api.require(
        "common.key-expired",
        response.status == 401,
        response,
        expected="status 401",
        observed=str(response.status),
    )
