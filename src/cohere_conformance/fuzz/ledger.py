"""What a sequence of operations knows: what it has made, how far that is, and which statuses are right."""

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
"""What is made of something that was deleted."""
IF_STATE_ALLOWS = (200, 400, 409, 422)
"""What may be asked for at a bad moment: it is there, so it is found."""
_STATE_DECIDES = frozenset(
    {
        "POST /v1/embed-jobs/{id}/cancel",
        "POST /v2/batches/{id}:cancel",
        "POST /v1/connectors/{id}/oauth/authorize",
    }
)
"""What may be refused because it has ended, or has nothing to authorise."""
_WHEN_DELETED = {
    "PATCH /v1/finetuning/finetuned-models/{id}": (400, 404),
    "DELETE /v1/finetuning/finetuned-models/{id}": (200, 400, 404),
    "GET /v1/finetuning/finetuned-models/{finetuned_model_id}/events": (200, 400, 404),
    "GET /v1/finetuning/finetuned-models/{finetuned_model_id}/training-step-metrics": (200, 400, 404),
}
"""A deleted model may go on being shown as deleted."""
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
"""Where the answer to reading a thing says how far it has come."""
FINAL = {
    "/v1/datasets": "datasets.status-forward",
    "/v1/embed-jobs": "embed-jobs.status-forward",
    "/v2/batches": "batches.end-is-final",
}
"""The requirement that what has come to an end stays as it is."""
_READY = "validated"
_AT_WORK = frozenset({"unknown", "queued", "processing", "in_progress", "cancelling", "canceling", ""})
_PREFIX = re.compile(r"batch_status_", re.IGNORECASE)


@dataclass
class Made:
    """Something that the test has made.

    Attributes:
        collection: where it is, such as `/v1/datasets`.
        id: of it.
        status: as it was last read, in small letters.
        deleted: whether it was deleted.
        output: whether something of ours has made it in its turn.
    """

    collection: str
    id: str
    status: str = ""
    deleted: bool = False
    output: bool = False

    @property
    def at_work(self) -> bool:
        """Whether it may still come further."""
        return self.collection in STATUS and not self.deleted and self.status in _AT_WORK


@dataclass
class Ledger:
    """What is ours, over all orders of a test.

    Attributes:
        made: by collection and id.
        foreign: ids that the target had before the test made something, by collection.
        taken: how often each link was followed, by its source and name.
        begun: how often each operation came first, by its label.
    """

    made: dict[tuple[str, str], Made] = field(default_factory=dict)
    foreign: set[tuple[str, str]] = field(default_factory=set)
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    begun: Counter[str] = field(default_factory=Counter)

    def about(self, label: str, path: Iterable[str]) -> list[Made | None]:
        """Return what a call is about; `None` for each id that is not ours."""
        return [self.made.get((collection_of(label), identity)) for identity in path]

    def named(self, values: Iterable[object]) -> list[Made | None]:
        """Return what the values of a body name; `None` for each that is no id of ours."""
        by_id = {one.id: one for one in self.made.values()}
        return [by_id.get(value) if isinstance(value, str) else None for value in values]

    def adopt(self, where: str, identity: str, *, output: bool = False) -> bool:
        """Take something for ours, and tell whether it was not there before.

        Args:
            where: its collection.
            identity: its id.
            output: something of ours has made it.
        """
        if (where, identity) in self.foreign or (where, identity) in self.made:
            return False
        self.made[where, identity] = Made(where, identity, output=output)
        return True


def status_of(where: str, answer: object) -> str:
    """Return how far a thing has come, in small letters; nothing where its kind has no course."""
    told = at(answer, STATUS[where]) if where in STATUS else ""
    return _PREFIX.sub("", told).lower() if isinstance(told, str) else ""


def at(answer: object, tokens: tuple[str, ...]) -> object:
    """Return what stands at the end of a way through an answer; an empty text where nothing does."""
    return next(Location(None, tokens).values(answer), "")


def right(
    label: str, effect: Effect, about: Collection[Made | None], used: Collection[Made]
) -> tuple[int, ...]:
    """Return the statuses that are right by what is known.

    Args:
        label: of what is called.
        effect: of the call.
        about: what it is about; `None` for what belongs to somebody else.
        used: what it is made of.
    """
    creates = effect is Effect.CREATES
    if any(one is not None and one.deleted for one in about):
        # Where a requirement is about it, the requirement tells.
        return _WHEN_DELETED.get(label, (200, *REFUSED))
    if any(one.deleted for one in used):
        return REFUSED if creates else (200, *REFUSED)
    # Nobody says whether jobs can read what jobs have made.
    if label in _STATE_DECIDES or (creates and any(one.output or one.status != _READY for one in used)):
        return IF_STATE_ALLOWS
    # What belongs to somebody else may be deleted by them at any time.
    return (200, 404) if None in about else (200,)
