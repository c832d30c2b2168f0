"""The models that the vendor has taken away, and when: `contracts/models.yaml`."""

from __future__ import annotations

import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from cohere_conformance.contract.documents import load_typed
from cohere_conformance.data import folder

if TYPE_CHECKING:
    from pathlib import Path

_Sources = Annotated[tuple[Literal["docs", "observed"], ...], msgspec.Meta(min_length=1)]


class Retirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a model was taken away.

    Attributes:
        date: from which on the service refuses it.
        source: where that is known from.
    """

    date: datetime.date
    source: _Sources

    @property
    def spelled(self) -> str:
        """The day as the service spells it, such as `September 15, 2025`."""
        return f"{self.date:%B} {self.date.day}, {self.date.year}"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    retired: dict[str, Retirement]


def load_retired(path: Path) -> dict[str, Retirement]:
    """Return when each retired model was taken away, by its name.

    Raises:
        ContractError: the file is broken.
    """
    return load_typed(path, _File).retired


@lru_cache(maxsize=1)
def shipped_retired() -> dict[str, Retirement]:
    """Return what the package knows to be retired.

    Raises:
        ContractError: the file is broken.
    """
    return load_retired(folder("contracts") / "models.yaml")
