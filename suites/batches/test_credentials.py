"""Batches: calls without a valid API key are rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance.session.unauthenticated import rejects_invalid_credentials

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

OPERATIONS = ("GET /v2/batches", "POST /v2/batches", "GET /v2/batches/{id}", "POST /v2/batches/{id}:cancel")
pytestmark = [pytest.mark.operations(*OPERATIONS), pytest.mark.protocol]


def test_strangers_are_refused(api: Api) -> None:
    """Calls without a key, with an unknown key or with another scheme get 401; no message repeats the key."""
    rejects_invalid_credentials(api, OPERATIONS)
