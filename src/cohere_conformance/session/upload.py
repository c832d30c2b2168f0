"""What a test that uploads a dataset calls, and what it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cohere_conformance.session.api_response import ApiResponse

UPLOAD, SHOW_DATASET, DELETE_DATASET = UPLOAD_OPERATIONS = (
    "POST /v1/datasets",
    "GET /v1/datasets/{id}",
    "DELETE /v1/datasets/{id}",
)
"""The operations that `Api.upload` calls: a test that uses it declares them with the mark `operations`."""
VALIDATING = frozenset({"unknown", "queued", "processing"})
"""The values of `validation_status` while the validation of a dataset is not over."""


class Upload(NamedTuple):
    """A dataset that a test has uploaded.

    Attributes:
        id: of the dataset.
        response: to the last request about it: to the upload itself, or, where the end of the validation was
            waited for, to the `GET` that shows the end.
    """

    id: str
    response: ApiResponse
