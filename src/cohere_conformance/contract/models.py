"""What is known of single models, those that were taken away included: `contracts/models.yaml`."""

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


class EmbeddingModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the vectors of a model are.

    Attributes:
        dimension: where no length is asked for.
        output_dimension: the lengths that can be asked for; none where the model does not take the parameter.
        source: where that is known from.
    """

    dimension: int
    output_dimension: tuple[int, ...]
    source: _Sources


class Models(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file.

    Attributes:
        retired: when each retired model was taken away, by its name.
        embed: the models that embed, by name.
    """

    retired: dict[str, Retirement]
    embed: dict[str, EmbeddingModel] = {}


def load_models(path: Path) -> Models:
    """Return what is known of single models.

    Raises:
        ContractError: the file is broken.
    """
    return load_typed(path, Models)


@lru_cache(maxsize=1)
def shipped_models() -> Models:
    """Return what the package knows of single models.

    Raises:
        ContractError: the file is broken.
    """
    return load_models(folder("contracts") / "models.yaml")


def shipped_retired() -> dict[str, Retirement]:
    """Return what the package knows to be retired."""
    return shipped_models().retired
