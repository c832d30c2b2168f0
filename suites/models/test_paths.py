"""Models: unknown paths and unknown models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

pytestmark = pytest.mark.protocol


@pytest.mark.operations("GET /v1/models")
def test_an_undeclared_path_is_not_found(api: Api) -> None:
    """A path that the API does not have gets 404 and not, for example, 401 or a page in HTML."""
    response = api.call("GET /v1/conformance-no-such-path", status=tuple(range(200, 600)))
    api.require(
        "common.unknown-path",
        response.status == 404,
        response,
        expected="status 404",
        observed=str(response.status),
    )


@pytest.mark.operations("GET /v1/models/{model}")
def test_an_unknown_model_is_not_found(api: Api) -> None:
    """A model name that does not exist gets 404."""
    response = api.call(
        "GET /v1/models/{model}", path={"model": "conformance-no-such-model"}, status=tuple(range(200, 600))
    )
    api.require(
        "common.unknown-model-status",
        response.status == 404,
        response,
        expected="status 404",
        observed=str(response.status),
    )
