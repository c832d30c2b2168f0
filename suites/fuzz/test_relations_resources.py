"""Fuzzing: what lists, pages, single resources and results of jobs have in common, with generated inputs.

The relations are those of the other groups, which check them with one input each.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from cohere_conformance.suites.batches import test_relations as batches
from cohere_conformance.suites.connectors import test_relations as connectors
from cohere_conformance.suites.datasets import test_relations as datasets
from cohere_conformance.suites.finetuning import test_relations as finetuning
from cohere_conformance.suites.models import test_relations as models
from hypothesis import strategies

from cohere_conformance.fuzz.relations import check_relation
from cohere_conformance.fuzz.texts import SENTENCES, SOME_TEXTS, TEXT, WORDS
from cohere_conformance.session.api import UPLOAD_OPERATIONS

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from cohere_conformance.session.api import Api

jobs = import_module("cohere_conformance.suites.embed-jobs.test_relations")
"""A folder whose name is no identifier cannot be imported in another way."""

FEW = 2
"""Inputs of a relation that waits for a job."""
NAMES = strategies.text("abcxyzABCXYZ0189-", min_size=1, max_size=16)
PAGES = strategies.integers(2, 4)
COLUMNS = WORDS.map("column_{}".format)
"""Names that no file of the suites uses."""
TRUNCATE = strategies.sampled_from(["START", "END"])
endpoint = pytest.mark.parametrize("endpoint", models.ENDPOINTS)


@strategies.composite
def incomplete(draw: DrawFn) -> list[dict[str, str]]:
    """Draw rows to embed, and another column in place of the text of one of them."""
    rows = [{"text": text} for text in draw(SOME_TEXTS)]
    rows.insert(draw(strategies.integers(0, len(rows))), {draw(COLUMNS): "no text here"})
    return rows


@strategies.composite
def diaries(draw: DrawFn) -> list[dict[str, str]]:
    """Draw rows of a day each, one with a mood, one with a column that is not kept, one without a text."""
    rows = [{"text": text, "day": f"day {number}"} for number, text in enumerate(draw(SOME_TEXTS))]
    for column in ("mood", draw(COLUMNS)):
        draw(strategies.sampled_from(rows))[column] = "calm"
    rows.insert(draw(strategies.integers(0, len(rows))), {"day": "no text here"})
    return rows


@pytest.mark.operations(models.LIST)
def test_models_pages(api: Api) -> None:
    """Pages of the list hold each model once."""
    check_relation(api, PAGES, models.require_pages)


@pytest.mark.operations(models.LIST)
@endpoint
def test_models_filtered(api: Api, endpoint: str) -> None:
    """The list filtered by `endpoint` has the models with this endpoint, also in pages."""

    def relation(api: Api, number: int) -> None:
        models.require_filtered(api, endpoint)
        models.require_pages(api, number, endpoint=endpoint)

    check_relation(api, PAGES, relation)


@pytest.mark.operations(models.LIST, models.GET)
@endpoint
def test_models_as_listed(api: Api, endpoint: str) -> None:
    """A model is read as it is listed."""
    numbers = strategies.integers(1, 5)
    check_relation(api, numbers, lambda api, number: models.require_as_listed(api, endpoint, number))


@pytest.mark.operations(*models.SERVING.values(), models.LIST)
@pytest.mark.parametrize(("endpoint", "label"), models.SERVING.items(), ids=models.SERVING)
def test_models_serving(api: Api, endpoint: str, label: str) -> None:
    """A model that is listed for an endpoint can be used there."""
    numbers = strategies.integers(1, 5)
    check_relation(api, numbers, lambda api, number: models.require_serving(api, endpoint, label, number))


@pytest.mark.operations(connectors.CREATE, connectors.REMOVE, connectors.LIST)
def test_connectors_offset(api: Api) -> None:
    """A page begins after as many connectors as its offset."""
    drawn = strategies.tuples(strategies.integers(1, 3), strategies.integers(1, 3))
    check_relation(api, drawn, lambda api, drawn: connectors.require_offset(api, *drawn))


@pytest.mark.operations(datasets.CREATE, datasets.DELETE, datasets.GET)
def test_datasets_kept(api: Api) -> None:
    """A dataset has its name, its valid rows, and the columns that were to be kept."""
    drawn = strategies.tuples(NAMES, diaries())
    check_relation(api, drawn, lambda api, drawn: datasets.require_kept(api, *drawn))


@pytest.mark.operations(datasets.CREATE, datasets.DELETE, datasets.GET)
def test_datasets_malformed(api: Api) -> None:
    """A file with a row that lacks the required column fails the validation, wherever it is."""
    check_relation(api, incomplete(), datasets.require_malformed_fails)


@pytest.mark.operations(datasets.CREATE, datasets.DELETE, datasets.GET)
def test_datasets_column_missed(api: Api) -> None:
    """A column to keep that no row has fails the validation."""
    check_relation(api, COLUMNS, datasets.require_column_missed)


@pytest.mark.operations(datasets.CREATE, datasets.DELETE, datasets.GET)
def test_datasets_two_ids(api: Api) -> None:
    """Two uploads with the same name create two datasets."""
    check_relation(api, NAMES, datasets.require_two_ids)


@pytest.mark.operations(datasets.CREATE, datasets.DELETE, datasets.GET, datasets.LIST)
def test_datasets_listed(api: Api) -> None:
    """A dataset is in the list, as it is read."""
    check_relation(api, NAMES, datasets.require_listed_as_read)


@pytest.mark.operations(datasets.CREATE, datasets.DELETE, datasets.LIST)
def test_datasets_pages(api: Api) -> None:
    """Two pages, one after the other, are the beginning of the list."""
    sizes = strategies.tuples(strategies.integers(1, 2), strategies.integers(1, 2))
    check_relation(api, sizes, datasets.require_pages)


@pytest.mark.operations(datasets.CREATE, datasets.GET, datasets.LIST, datasets.DELETE)
def test_datasets_deleted(api: Api) -> None:
    """A deleted dataset is not found, not listed, and cannot be deleted again."""
    check_relation(api, NAMES, datasets.require_deleted_gone)


@pytest.mark.operations(datasets.DELETE)
def test_datasets_unknown_delete(api: Api) -> None:
    """An id that never existed cannot be deleted."""
    check_relation(api, NAMES, datasets.require_unknown_delete)


@pytest.mark.operations(datasets.CREATE, datasets.GET, datasets.DELETE, datasets.USAGE)
def test_datasets_usage(api: Api) -> None:
    """The storage in use grows with an upload and shrinks when it is deleted."""
    texts = strategies.permutations(SENTENCES).map(" ".join)
    check_relation(api, texts, datasets.require_usage_follows, most=FEW)


@pytest.mark.operations(*UPLOAD_OPERATIONS, jobs.GET, jobs.CANCEL, jobs.CREATE)
def test_embed_jobs_rows(api: Api) -> None:
    """The results of a job have the rows of its input, with the column to keep."""
    drawn = strategies.tuples(SOME_TEXTS, COLUMNS)
    check_relation(api, drawn, lambda api, drawn: jobs.require_rows(api, *drawn), most=FEW)


@pytest.mark.operations(*UPLOAD_OPERATIONS, jobs.CREATE, jobs.CANCEL, jobs.GET)
def test_embed_jobs_end(api: Api) -> None:
    """A job that has ended keeps its status when it is read again, and when it is cancelled."""
    check_relation(api, TEXT, jobs.require_end_final, most=FEW)


@pytest.mark.operations(*UPLOAD_OPERATIONS, jobs.CREATE, jobs.CANCEL, jobs.GET, jobs.LIST)
def test_embed_jobs_listed(api: Api) -> None:
    """A job is in the list, as it is read."""
    check_relation(api, TRUNCATE, jobs.require_listed_as_read, most=FEW)


@pytest.mark.operations(*UPLOAD_OPERATIONS, jobs.CREATE, jobs.GET, jobs.CANCEL)
def test_embed_jobs_stopped(api: Api) -> None:
    """A job that was cancelled is not processing any more."""
    check_relation(api, TRUNCATE, jobs.require_stopped, most=FEW)


@pytest.mark.operations(*UPLOAD_OPERATIONS, jobs.CANCEL, jobs.CREATE)
def test_embed_jobs_valid_dataset(api: Api) -> None:
    """A job over a dataset that is unknown, or lacks the required column, is rejected."""
    check_relation(api, COLUMNS, jobs.require_valid_dataset, most=FEW)


@pytest.mark.operations(*UPLOAD_OPERATIONS, batches.GET, batches.CREATE)
def test_batches_results(api: Api) -> None:
    """The results of a batch have one row for each of its requests."""
    check_relation(api, SOME_TEXTS, batches.require_complete_results, most=FEW)


@pytest.mark.operations(*UPLOAD_OPERATIONS, batches.CREATE, batches.GET, batches.LIST)
def test_batches_pages(api: Api) -> None:
    """Pages of the list hold each batch once."""
    check_relation(api, strategies.integers(2, 3), batches.require_pages, most=FEW)


@pytest.mark.operations(*UPLOAD_OPERATIONS, batches.CREATE, batches.LIST, batches.GET)
def test_batches_listed(api: Api) -> None:
    """A batch is listed as it is read."""
    check_relation(api, NAMES, batches.require_listed_as_read, most=FEW)


TRAINED = (*UPLOAD_OPERATIONS, finetuning.CREATE, finetuning.GET, finetuning.DELETE)


@pytest.mark.operations(*TRAINED, finetuning.EVENTS)
def test_finetuning_events(api: Api) -> None:
    """Pages of training events hold each event once."""
    check_relation(api, strategies.integers(2, 3), finetuning.require_event_pages, most=FEW)


@pytest.mark.operations(*TRAINED, finetuning.METRICS)
def test_finetuning_metrics(api: Api) -> None:
    """Pages of training metrics hold each step once."""
    check_relation(api, strategies.integers(2, 3), finetuning.require_metric_pages, most=FEW)
