"""Fuzzing: sequences of calls in which a response provides values for the next request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cohere_conformance.fuzz.sequences import walk

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

DATASETS = (
    "POST /v1/datasets",
    "GET /v1/datasets",
    "GET /v1/datasets/{id}",
    "DELETE /v1/datasets/{id}",
)
EMBED_JOBS = (
    *DATASETS,
    "POST /v1/embed-jobs",
    "GET /v1/embed-jobs",
    "GET /v1/embed-jobs/{id}",
    "POST /v1/embed-jobs/{id}/cancel",
)
BATCHES = (
    *DATASETS,
    "POST /v2/batches",
    "GET /v2/batches",
    "GET /v2/batches/{id}",
    "POST /v2/batches/{id}:cancel",
)
CONNECTORS = (
    "POST /v1/connectors",
    "GET /v1/connectors",
    "GET /v1/connectors/{id}",
    "PATCH /v1/connectors/{id}",
    "DELETE /v1/connectors/{id}",
    "POST /v1/connectors/{id}/oauth/authorize",
)
FINETUNING = (
    *DATASETS,
    "POST /v1/finetuning/finetuned-models",
    "GET /v1/finetuning/finetuned-models",
    "GET /v1/finetuning/finetuned-models/{id}",
    "PATCH /v1/finetuning/finetuned-models/{id}",
    "DELETE /v1/finetuning/finetuned-models/{id}",
    "GET /v1/finetuning/finetuned-models/{finetuned_model_id}/events",
    "GET /v1/finetuning/finetuned-models/{finetuned_model_id}/training-step-metrics",
)
MODELS = ("GET /v1/models", "GET /v1/models/{model}")
TOKENS = ("POST /v1/tokenize", "POST /v1/detokenize")


@pytest.mark.operations(*DATASETS)
def test_datasets(api: Api) -> None:
    """Datasets behave consistently in random sequences of upload, read, list and delete."""
    walk(api, DATASETS)


@pytest.mark.operations(*EMBED_JOBS)
def test_embed_jobs(api: Api) -> None:
    """Embed jobs behave consistently in random sequences of calls."""
    walk(api, EMBED_JOBS)


@pytest.mark.operations(*BATCHES)
def test_batches(api: Api) -> None:
    """Batches behave consistently in random sequences of calls."""
    walk(api, BATCHES)


@pytest.mark.operations(*CONNECTORS)
def test_connectors(api: Api) -> None:
    """Connectors behave consistently in random sequences of calls."""
    if api.profile == "live-2026":
        pytest.skip("retired")
    walk(api, CONNECTORS)


@pytest.mark.operations(*FINETUNING)
def test_finetuning(api: Api) -> None:
    """Fine-tuned models behave consistently in random sequences of calls."""
    if api.profile == "live-2026":
        pytest.skip("retired")
    walk(api, FINETUNING)


@pytest.mark.operations(*MODELS)
def test_models(api: Api) -> None:
    """The list of models and single models agree in random sequences of calls."""
    walk(api, MODELS)


@pytest.mark.operations(*TOKENS)
def test_tokens(api: Api) -> None:
    """Tokenize and detokenize agree in random sequences of calls."""
    walk(api, TOKENS)
