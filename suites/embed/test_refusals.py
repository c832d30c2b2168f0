"""Embed: what the service rejects and what it accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

V1, V2 = "POST /v1/embed", "POST /v2/embed"
BODY = {
    "input_type": "search_query",
    "texts": ["plum"],
    "embedding_types": ["int8"],
}
ANY = (200, 400, 404, 422)
pytestmark = pytest.mark.protocol


def small(api: Api, **further: object) -> dict[str, object]:
    """Return the body of a small request."""
    return {"model": api.models["embed-v1"], **BODY, **further}


def vectors(response: ApiResponse) -> dict[str, Any] | None:
    """Return the vectors of a response by their type."""
    return response.at("/embeddings", cast("type[dict[str, Any]]", dict[str, Any] | None))


@pytest.mark.operations(V2)
def test_null_is_as_good_as_nothing(api: Api) -> None:
    """Optional properties that are `null` count as absent: SDKs in typed languages send them."""
    plain = api.call(V2, body=small(api))
    response = api.call(V2, body=small(api, truncate=None, output_dimension=None), status=ANY)
    alike = response.status == 200 and vectors(response) == vectors(plain)
    if response.status == 200 and not alike:
        again = vectors(api.call(V2, body=small(api)))
        api.need(again == vectors(plain), "equal vectors for equal requests")
    api.require(
        "common.null-is-absent",
        alike,
        response,
        expected="the embeddings of a call without these properties",
        observed=f"status {response.status}",
    )


@pytest.mark.operations(V2)
def test_version_2_refuses_unknown_fields(api: Api) -> None:
    """Version 2 rejects an unknown property with 422, not with another status."""
    response = api.call(V2, body=small(api, conformance_colour="blue"), status=ANY)
    api.require(
        "common.v2-unknown-field-status",
        response.status in {200, 422},  # another requirement judges a 200
        response,
        expected="status 422",
        observed=str(response.status),
    )


@pytest.mark.operations(V2)
def test_version_2_refuses_unknown_fields_at_any_depth(api: Api) -> None:
    """Version 2 rejects an unknown property of a nested object too, so that a typing error is noticed."""
    content = [{"type": "text", "text": "plum", "conformance_colour": "blue"}]
    body = {
        "model": api.models["embed"],
        "input_type": "search_query",
        "inputs": [{"content": content}],
        "embedding_types": ["int8"],
        "output_dimension": 256,
    }
    response = api.call(V2, body=body, status=ANY)
    api.require(
        "common.v2-unknown-nested-field",
        response.status != 200,
        response,
        expected="a rejection: /inputs/*/content/*/conformance_colour is not declared",
        observed="status 200",
        value_class="/inputs/*/content/*/conformance_colour",
    )


@pytest.mark.operations(V2)
def test_a_batch_of_200_kilobytes_is_served(api: Api) -> None:
    """A batch of 96 texts of a page each, the most that are allowed, is not rejected for its size."""
    text = "The harbour master writes down every ship that comes in. " * 36
    # What is cut off is not billed: 96 tokens instead of 40,000, so that a night can afford it.
    body = small(api, model=api.models["embed"], texts=[text] * 96, truncate="END", max_tokens=1)
    response = api.call(V2, body=body)
    api.need(bool(response.body), "a JSON object as response")


@pytest.mark.operations(V1)
def test_version_1_warns_of_unknown_fields(api: Api) -> None:
    """Version 1 ignores an unknown property and names it in the header `x-api-warning`."""
    response = api.call(V1, body=small(api, conformance_colour="blue"), status=ANY)
    api.require(
        "common.v1-unknown-field-served",
        response.status == 200,
        response,
        expected="status 200",
        observed=str(response.status),
    )
    warning = response.header("x-api-warning")
    api.require(
        "common.v1-unknown-field-warned",
        "conformance_colour" in (warning or ""),
        response,
        location="header:x-api-warning",
        expected="a warning that names conformance_colour",
        observed=warning or "none",
    )


@pytest.mark.operations(V1, V2)
def test_an_unknown_model_is_not_found(api: Api) -> None:
    """A model name that does not exist gets 404."""
    for label in (V1, V2):
        response = api.call(label, body={**BODY, "model": "conformance-no-such-model"}, status=ANY)
        api.require(
            "common.unknown-model-status",
            response.status == 404,
            response,
            expected="status 404",
            observed=str(response.status),
        )
