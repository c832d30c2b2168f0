"""Tokenize: nobody is served who has no key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance.session.unauthenticated import rejects_invalid_credentials

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

OPERATIONS = ("POST /v1/tokenize",)
pytestmark = pytest.mark.operations(*OPERATIONS)


def test_strangers_are_refused(api: Api) -> None:
    """common.key-missing, common.key-wrong, common.key-not-repeated, common.key-scheme."""
    rejects_invalid_credentials(api, OPERATIONS)
