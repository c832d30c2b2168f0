"""What a sequence of operations knows: its resources, their status, and which HTTP statuses are allowed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cohere_conformance.contract.collections import collection_of
from cohere_conformance.contract.location import Location
from cohere_conformance.contract.tiers import Effect

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

REFUSED = (400, 404, 409, 422)
"""Statuses of a creation from a deleted resource."""
IF_STATE_ALLOWS = (200, 400, 409, 422)
"""Statuses of an operation that the state of the resource may not allow; it exists, so 404 is wrong."""
_STATE_DECIDES = frozenset(
    {
        "POST /v1/embed-jobs/{id}/cancel",
        "POST /v2/batches/{id}:cancel",
        "POST /v1/connectors/{id}/oauth/authorize",
    }
)
"""Operations that may be refused because the job has ended, or needs no authorization."""
_WHEN_DELETED = {
    "PATCH /v1/finetuning/finetuned-models/{id}": (400, 404),
    "DELETE /v1/finetuning/finetuned-models/{id}": (200, 400, 404),
    "GET /v1/finetuning/finetuned-models/{finetuned_model_id}/events": (200, 400, 404),
    "GET /v1/finetuning/finetuned-models/{finetuned_model_id}/training-step-metrics": (200, 400, 404),
}
"""Statuses for a deleted model, which may still be shown as deleted."""
GONE = {
    "GET /v1/datasets/{id}": "datasets.deleted-is-gone",
    "DELETE /v1/datasets/{id}": "datasets.second-delete",
    "GET /v1/connectors/{id}": "connectors.deleted-is-gone",
    "PATCH /v1/connectors/{id}": "connectors.deleted-is-gone",
    "DELETE /v1/connectors/{id}": "connectors.deleted-is-gone",
    "POST /v1/connectors/{id}/oauth/authorize": "connectors.deleted-is-gone",
    "GET /v1/finetuning/finetuned-models/{id}": "finetuning.deleted-is-gone",
}
"""The requirement that what was deleted is not found."""
UNLISTED = {
    "GET /v1/datasets": "datasets.deleted-is-unlisted",
    "GET /v1/connectors": "connectors.deleted-is-gone",
}
"""The requirement that what was deleted is not listed."""
STATUS = {
    "/v1/datasets": ("dataset", "validation_status"),
    "/v1/embed-jobs": ("status",),
    "/v2/batches": ("batch", "status"),
}
"""Where the response to reading a resource has its status."""
FINAL = {
    "/v1/datasets": "datasets.status-forward",
    "/v1/embed-jobs": "embed-jobs.status-forward",
    "/v2/batches": "batches.end-is-final",
}
"""The requirement that a final status does not change."""
CANCELLED = {"/v1/embed-jobs": "embed-jobs.cancel-stops", "/v2/batches": "batches.cancel-works"}
"""The requirement that a canceled job is canceling or has ended."""
WORKING = frozenset({"queued", "processing", "in_progress"})
"""Statuses of a job that has neither ended nor been canceled."""
FAILED = "failed"
_READY = "validated"
_AT_WORK = frozenset({"unknown", "queued", "processing", "in_progress", "cancelling", "canceling", ""})
_PREFIX = re.compile(r"batch_status_", re.IGNORECASE)


@dataclass
class TrackedResource:
    """A resource that the test has created.

    Attributes:
        collection: such as `/v1/datasets`.
        id: of it.
        status: as last read, in lower case.
        deleted: whether it was deleted.
        output: whether another resource of the test has created it.
        cancelled: whether it was canceled successfully.
    """

    collection: str
    id: str
    status: str = ""
    deleted: bool = False
    output: bool = False
    cancelled: bool = False

    @property
    def at_work(self) -> bool:
        """Whether its status may still change."""
        return self.collection in STATUS and not self.deleted and self.status in _AT_WORK


@dataclass
class Ledger:
    """The resources of a test, over all its sequences.

    Attributes:
        made: resources that the test has created, by collection and id.
        foreign: ids that the target had before the test created anything, by collection.
        taken: how often each link was followed, by its source and name.
        begun: how often each operation was the first one, by its label.
    """

    made: dict[tuple[str, str], TrackedResource] = field(default_factory=dict)
    foreign: set[tuple[str, str]] = field(default_factory=set)
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    begun: Counter[str] = field(default_factory=Counter)

    def about(self, label: str, path: Iterable[str]) -> list[TrackedResource | None]:
        """Return the resources in a path; `None` for each that the test has not created."""
        return [self.made.get((collection_of(label), identity)) for identity in path]

    def named(self, values: Iterable[object]) -> list[TrackedResource | None]:
        """Return the resources in the values of a body; `None` for each value that is not the id of one."""
        by_id = {one.id: one for one in self.made.values()}
        return [by_id.get(value) if isinstance(value, str) else None for value in values]

    def adopt(self, where: str, identity: str, *, output: bool = False) -> bool:
        """Add a resource of the test, and return whether it is new.

        Args:
            where: its collection.
            identity: its id.
            output: another resource of the test has created it.
        """
        if (where, identity) in self.foreign or (where, identity) in self.made:
            return False
        self.made[where, identity] = TrackedResource(where, identity, output=output)
        return True


def status_of(where: str, answer: object) -> str:
    """Return the status of a resource, in lower case; an empty text for collections without one."""
    status = value_at(answer, STATUS[where]) if where in STATUS else ""
    return _PREFIX.sub("", status).lower() if isinstance(status, str) else ""


def value_at(answer: object, tokens: tuple[str, ...]) -> object:
    """Return the value at a path through a JSON value; an empty text where there is none."""
    return next(Location(None, tokens).values(answer), "")


def allowed_statuses(
    label: str, effect: Effect, about: Collection[TrackedResource | None], used: Collection[TrackedResource]
) -> tuple[int, ...]:
    """Return the statuses that are allowed, by the state of the resources.

    Args:
        label: of the operation.
        effect: of the call.
        about: the resources in its path; `None` for what the test has not created.
        used: the resources in its body.
    """
    creates = effect is Effect.CREATES
    if any(one is not None and one.deleted for one in about):
        # Where a requirement covers it, the requirement is checked instead.
        return _WHEN_DELETED.get(label, (200, *REFUSED))
    if any(one.deleted for one in used):
        return REFUSED if creates else (200, *REFUSED)
    # Whether a job accepts the output of a job is not documented.
    if label in _STATE_DECIDES or (creates and any(one.output or one.status != _READY for one in used)):
        return IF_STATE_ALLOWS
    # Other users of the account may delete their resources at any time.
    return (200, 404) if None in about else (200,)
