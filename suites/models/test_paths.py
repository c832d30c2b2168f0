"""Models: what stands beside them is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api


@pytest.mark.operations("GET /v1/models")
def test_an_undeclared_path_is_not_found(api: Api) -> None:
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
