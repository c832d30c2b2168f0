"""Datasets over time: from their creation and validation to their deletion."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from cohere_conformance.reference.datasets.kinds import KINDS
from cohere_conformance.reference.state import suffix

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cohere_conformance.reference.datasets.avro import Schema
    from cohere_conformance.reference.datasets.kinds import DatasetType, Row
    from cohere_conformance.reference.state import Account

LIFETIME = timedelta(days=30)
"""The lifetime of a dataset, after which it is deleted (DS-R04)."""
_SLUG = re.compile(r"[^a-z0-9]+")


def identifier(name: str, otherwise: str) -> str:
    """Return an id that is made from a name, as by the service (DS-R03)."""
    return f"{_SLUG.sub('-', name.lower()).strip('-')[:50] or otherwise}-{suffix()}"


@dataclass(frozen=True)
class File:
    """One stored file of a dataset.

    Attributes:
        name: the file name of the upload.
        rows: its rows.
        avro: the rows as an Avro file.
        original: the uploaded file, with keep_original_file.
    """

    name: str
    rows: tuple[Row, ...]
    avro: bytes
    original: bytes | None = None

    @cached_property
    def samples(self) -> list[str]:
        """Return the first rows as JSON, cut to 500 characters each."""
        return [json.dumps(row, ensure_ascii=False)[:500] for row in self.rows[:3]]


@dataclass(frozen=True)
class Content:
    """The content of a dataset and the result of its validation.

    Attributes:
        status: `validated`, `failed` or `skipped`.
        files: the file for training, and perhaps one for evaluation; none if the dataset is invalid.
        schema: the Avro schema of the rows.
        error: the validation error; `""` if the dataset is valid.
        warnings: one for each row that was left out.
        size: its size in bytes.
        format: the format of the upload; `""` without one.
    """

    status: str = "validated"
    files: tuple[File, ...] = ()
    schema: Schema = None
    error: str = ""
    warnings: tuple[str, ...] = ()
    size: int = 0
    format: str = ""

    @property
    def rows(self) -> tuple[Row, ...]:
        """Return the rows for training: all rows, except those of a file for evaluation."""
        return self.files[0].rows if self.files else ()


@dataclass
class Dataset:
    """One dataset, uploaded or created by the server.

    Attributes:
        name: its name.
        kind: its type.
        created_at: the time of its creation; in the future for the output of a running job.
        make: returns the content, which is computed when it is first needed.
        checked: whether it is validated step by step, as uploads are.
        preserve: the stored columns besides the required ones.
        delimiter: of the columns of the upload.
        separator: of the texts of the upload.
        source: the id of the input dataset, for an output.
        id: its name with a suffix.
        deleted_at: the time of its deletion.
        revoked_at: the time at which its job failed or was cancelled.
    """

    name: str
    kind: DatasetType
    created_at: datetime
    make: Callable[[], Content]
    checked: bool = True
    preserve: tuple[str, ...] = ()
    delimiter: str = ""
    separator: str = ""
    source: str = ""
    id: str = ""
    deleted_at: datetime | None = None
    revoked_at: datetime | None = None

    def __post_init__(self) -> None:
        self.id = self.id or identifier(self.name, "dataset")

    @cached_property
    def content(self) -> Content:
        """Return the content."""
        return self.make()

    def forget(self) -> None:
        """Free the memory of the content."""
        self.make = Content
        self.__dict__["content"] = Content()

    def steps(self, now: datetime, step: float) -> int:
        """Return the number of finished steps of its validation, at most two."""
        return min(2, int((now - self.created_at).total_seconds() / step)) if step > 0 else 2

    def status(self, now: datetime, step: float) -> str:
        """Return the validation status."""
        steps = self.steps(now, step) if self.checked else 2
        return ("queued", "processing", self.content.status)[steps]

    def updated_at(self, now: datetime, step: float) -> datetime:
        """Return the time of the last change of its status."""
        return self.created_at + timedelta(seconds=step * self.steps(now, step) if self.checked else 0)

    def exists(self, now: datetime) -> bool:
        """Return whether it exists."""
        began = self.created_at <= now and self.revoked_at is None
        return began and self.deleted_at is None and now - self.created_at < LIFETIME


def add(account: Account, dataset: Dataset) -> None:
    """Store a new dataset."""
    account.shelf(Dataset)[dataset.id] = dataset


def find(account: Account, identity: str, now: datetime) -> Dataset | None:
    """Return the dataset with an id, `None` if it does not exist."""
    dataset = account.shelf(Dataset).get(identity)
    return dataset if dataset is not None and dataset.exists(now) else None


def deleted(account: Account, identity: str) -> Dataset | None:
    """Return the deleted dataset with this id, `None` if there is none."""
    dataset = account.shelf(Dataset).get(identity)
    return dataset if dataset is not None and dataset.deleted_at is not None else None


def all_deleted(account: Account) -> list[Dataset]:
    """Return every deleted dataset, oldest first."""
    return [dataset for dataset in list(account.shelf(Dataset).values()) if dataset.deleted_at is not None]


def newest_first(account: Account, now: datetime) -> list[Dataset]:
    """Return the existing datasets, newest first."""
    # A copy, as other threads may add datasets. Sorting is stable: datasets of the same age keep their order.
    latest = reversed(list(account.shelf(Dataset).values()))
    found = [dataset for dataset in latest if dataset.exists(now)]
    return sorted(found, key=lambda dataset: now - dataset.created_at)


def remove(account: Account, dataset: Dataset, now: datetime) -> None:
    """Delete a dataset; jobs that still read it fail."""
    dataset.deleted_at = now
    for other in account.shelf(Dataset).values():
        if other.source == dataset.id and other.created_at > now and other.revoked_at is None:
            other.revoked_at = now


def result(name: str, kind: str, at: datetime, make: Callable[[], Content], source: Dataset) -> Dataset:
    """Return the output dataset of a job, which exists from a time on."""
    return Dataset(
        name=name,
        kind=KINDS[kind],
        created_at=at,
        make=make,
        checked=False,
        preserve=source.preserve,
        source=source.id,
    )
