"""Check-api-key: nobody is served who has no key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance.cases import Credential
from cohere_conformance.errors import UsageError
from cohere_conformance.session.unauthenticated import rejects_invalid_credentials

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

OPERATIONS = ("POST /v1/check-api-key",)
pytestmark = pytest.mark.operations(*OPERATIONS)


def test_strangers_are_refused(api: Api) -> None:
    """common.key-missing, common.key-wrong, common.key-not-repeated, common.key-scheme."""
    rejects_invalid_credentials(api, OPERATIONS)


def test_an_expired_key_is_refused(api: Api) -> None:
    try:
        response = api.call("POST /v1/check-api-key", key=Credential.EXPIRED, status=(200, 401, 403))
    except UsageError:
        pytest.skip("no expired key known for the target")
    api.require(
        "common.key-expired",
        response.status == 401,
        response,
        expected="status 401",
        observed=str(response.status),
    )
