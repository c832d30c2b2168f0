"""Fuzzing: the lifecycles of other groups, in the sequences of calls that the seed decides."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from cohere_conformance.suites.batches import test_lifecycle as batches
from cohere_conformance.suites.connectors import test_lifecycle as connectors
from cohere_conformance.suites.datasets import test_lifecycle as datasets
from cohere_conformance.suites.finetuning import test_lifecycle as finetuning

from cohere_conformance.session.api import UPLOAD_OPERATIONS

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

jobs = import_module("cohere_conformance.suites.embed-jobs.test_lifecycle")
"""A folder whose name is no identifier cannot be imported in another way."""


@pytest.mark.operations(*UPLOAD_OPERATIONS, batches.CREATE, batches.LIST, batches.CANCEL, batches.GET)
def test_batches(api: Api) -> None:
    """A batch only moves forward to its end, and stays there."""
    batches.test_any_order(api)


@pytest.mark.operations(
    connectors.CREATE,
    connectors.LIST,
    connectors.DELETE,
    connectors.AUTHORIZE,
    connectors.PATCH,
    connectors.GET,
)
def test_connectors(api: Api) -> None:
    """A connector keeps its properties until they are changed or it is deleted."""
    connectors.test_any_order(api)


@pytest.mark.operations(
    *UPLOAD_OPERATIONS,
    finetuning.CREATE,
    finetuning.LIST,
    finetuning.PATCH,
    finetuning.DELETE,
    finetuning.GET,
)
def test_finetuning(api: Api) -> None:
    """A model keeps its name and owner, and its training only moves forward."""
    finetuning.test_any_order(api)


@pytest.mark.operations(datasets.CREATE, datasets.LIST, datasets.DELETE, datasets.GET)
def test_datasets(api: Api) -> None:
    """A dataset keeps its name, its validation moves forward, and a deleted one is gone."""
    datasets.test_any_order(api)


@pytest.mark.operations(*UPLOAD_OPERATIONS, jobs.CREATE, jobs.LIST, jobs.CANCEL, jobs.GET)
def test_embed_jobs(api: Api) -> None:
    """A job only moves forward to its end, and stays there."""
    jobs.test_any_order(api)
