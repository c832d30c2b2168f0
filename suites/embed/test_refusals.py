"""Embed: what is refused, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

FIRST, SECOND = "POST /v1/embed", "POST /v2/embed"
BODY = {
    "model": "embed-english-v3.0",
    "input_type": "search_query",
    "texts": ["plum"],
    "embedding_types": ["int8"],
}
ANY = (200, 400, 404, 422)


@pytest.mark.operations(SECOND)
def test_null_is_as_good_as_nothing(api: Api) -> None:
    plain = api.call(SECOND, body=BODY)
    response = api.call(SECOND, body={**BODY, "truncate": None, "output_dimension": None}, status=ANY)
    api.require(
        "common.null-is-absent",
        response.status == 200 and response.body.get("embeddings") == plain.body.get("embeddings"),
        response,
        expected="the embeddings of a call without these properties",
        observed=f"status {response.status}",
    )


@pytest.mark.operations(SECOND)
def test_version_2_refuses_unknown_fields(api: Api) -> None:
    response = api.call(SECOND, body={**BODY, "conformance_colour": "blue"}, status=ANY)
    api.require(
        "common.v2-unknown-field-status",
        response.status in {200, 422},  # one that is served is another requirement's
        response,
        expected="status 422",
        observed=str(response.status),
    )


@pytest.mark.operations(SECOND)
def test_version_2_refuses_unknown_fields_at_any_depth(api: Api) -> None:
    content = [{"type": "text", "text": "plum", "conformance_colour": "blue"}]
    body = {
        "model": "embed-v4.0",
        "input_type": "search_query",
        "inputs": [{"content": content}],
        "embedding_types": ["int8"],
        "output_dimension": 256,
    }
    response = api.call(SECOND, body=body, status=ANY)
    api.require(
        "common.v2-unknown-nested-field",
        response.status != 200,
        response,
        expected="a refusal: /inputs/*/content/*/conformance_colour is not declared",
        observed="it was served",
        value_class="/inputs/*/content/*/conformance_colour",
    )


@pytest.mark.operations(SECOND)
def test_a_batch_of_200_kilobytes_is_served(api: Api) -> None:
    """As many texts as there may be, each of a page: nobody's limit for a body may be below that."""
    text = "The harbour master writes down every ship that comes in. " * 36
    response = api.call(SECOND, body={**BODY, "texts": [text] * 96})
    api.need(bool(response.body), "an answer")


@pytest.mark.operations(FIRST)
def test_version_1_warns_of_unknown_fields(api: Api) -> None:
    response = api.call(FIRST, body={**BODY, "conformance_colour": "blue"}, status=ANY)
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


@pytest.mark.operations(FIRST, SECOND)
def test_an_unknown_model_is_not_found(api: Api) -> None:
    for label in (FIRST, SECOND):
        response = api.call(label, body={**BODY, "model": "conformance-no-such-model"}, status=ANY)
        api.require(
            "common.unknown-model-status",
            response.status == 404,
            response,
            expected="status 404",
            observed=str(response.status),
        )
