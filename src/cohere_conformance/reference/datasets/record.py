"""Datasets over time: when they are there, how far their validation is, and when they are gone again."""

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
"""After this a dataset is gone as if it had been deleted (DS-R04)."""
_SLUG = re.compile(r"[^a-z0-9]+")


def identifier(name: str, otherwise: str) -> str:
    """Return an id as the service makes it from a name (DS-R03), whatever characters the name has."""
    return f"{_SLUG.sub('-', name.lower()).strip('-')[:50] or otherwise}-{suffix()}"


@dataclass(frozen=True)
class File:
    """One stored file of a dataset.

    Attributes:
        name: as it was uploaded.
        rows: what it holds.
        avro: the same as an Avro file.
        original: what was sent, where that is kept.
    """

    name: str
    rows: tuple[Row, ...]
    avro: bytes
    original: bytes | None = None

    @cached_property
    def samples(self) -> list[str]:
        """Return the first rows as JSON texts, cut where they are long."""
        return [json.dumps(row, ensure_ascii=False)[:500] for row in self.rows[:3]]


@dataclass(frozen=True)
class Content:
    """What became of the data.

    Attributes:
        status: `validated`, `failed` or `skipped`.
        files: the first is to train with, a second to evaluate with; none unless it is valid.
        schema: Avro schema of the rows.
        error: why it is not valid; `""` where it is.
        warnings: one for each row that was left out.
        size: bytes that it takes.
        format: what the upload was read as; `""` where there was none.
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
        """Return the rows to train with, which are all unless there are others to evaluate with."""
        return self.files[0].rows if self.files else ()


@dataclass
class Dataset:
    """One dataset, uploaded or made by the server.

    Attributes:
        name: as it was given.
        kind: its type.
        created_at: when it came into being; in the future for the result of work that is still going on.
        make: makes the content when it is first asked for.
        checked: whether it is checked step by step, as uploads are.
        preserve: columns that are kept beside the required ones.
        delimiter: what separated the columns of the upload.
        separator: what separated the texts of the upload.
        source: id of the dataset that it is the result of.
        id: its name with a suffix.
        deleted_at: when it was deleted.
        revoked_at: when the work that should have made it came to nothing.
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
        """Return what became of the data."""
        return self.make()

    def forget(self) -> None:
        """Free the memory that the content takes."""
        self.make = Content
        self.__dict__["content"] = Content()

    def steps(self, now: datetime, step: float) -> int:
        """Return how many steps of its validation have passed, of two."""
        return min(2, int((now - self.created_at).total_seconds() / step)) if step > 0 else 2

    def status(self, now: datetime, step: float) -> str:
        """Return how far the validation is."""
        steps = self.steps(now, step) if self.checked else 2
        return ("queued", "processing", self.content.status)[steps]

    def updated_at(self, now: datetime, step: float) -> datetime:
        """Return when the status last changed."""
        return self.created_at + timedelta(seconds=step * self.steps(now, step) if self.checked else 0)

    def there(self, now: datetime) -> bool:
        """Tell whether it can be read."""
        began = self.created_at <= now and self.revoked_at is None
        return began and self.deleted_at is None and now - self.created_at < LIFETIME


def add(account: Account, dataset: Dataset) -> None:
    """Keep a new dataset."""
    account.shelf(Dataset)[dataset.id] = dataset


def find(account: Account, identity: str, now: datetime) -> Dataset | None:
    """Return the dataset of that id, `None` where there is none, or none any more."""
    dataset = account.shelf(Dataset).get(identity)
    return dataset if dataset is not None and dataset.there(now) else None


def deleted(account: Account, identity: str) -> Dataset | None:
    """Return the deleted dataset with this id, `None` if there is none."""
    dataset = account.shelf(Dataset).get(identity)
    return dataset if dataset is not None and dataset.deleted_at is not None else None


def all_deleted(account: Account) -> list[Dataset]:
    """Return every deleted dataset, oldest first."""
    return [dataset for dataset in list(account.shelf(Dataset).values()) if dataset.deleted_at is not None]


def newest_first(account: Account, now: datetime) -> list[Dataset]:
    """Return the datasets that can be read."""
    # A copy, as more may be added while a thread reads it. Sorting keeps the order of what is equally old.
    latest = reversed(list(account.shelf(Dataset).values()))
    found = [dataset for dataset in latest if dataset.there(now)]
    return sorted(found, key=lambda dataset: now - dataset.created_at)


def remove(account: Account, dataset: Dataset, now: datetime) -> None:
    """Delete a dataset; work that still reads it comes to nothing."""
    dataset.deleted_at = now
    for other in account.shelf(Dataset).values():
        if other.source == dataset.id and other.created_at > now and other.revoked_at is None:
            other.revoked_at = now


def result(name: str, kind: str, at: datetime, make: Callable[[], Content], source: Dataset) -> Dataset:
    """Return a dataset that the server will have made at a time, out of another one."""
    return Dataset(
        name=name,
        kind=KINDS[kind],
        created_at=at,
        make=make,
        checked=False,
        preserve=source.preserve,
        source=source.id,
    )
