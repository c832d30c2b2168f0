"""Facts about single models, including retired ones: `contracts/models.yaml`."""

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
    """The retirement of a model.

    Attributes:
        date: from which the service refuses it.
        source: of this information.
    """

    date: datetime.date
    source: _Sources

    @property
    def spelled(self) -> str:
        """The date as the service writes it, such as `September 15, 2025`."""
        return f"{self.date:%B} {self.date.day}, {self.date.year}"


class EmbeddingModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The vector lengths of an embedding model.

    Attributes:
        dimension: the default length.
        output_dimension: the supported lengths; none if the model does not support the parameter.
        source: of this information.
    """

    dimension: int
    output_dimension: tuple[int, ...]
    source: _Sources


class Models(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file.

    Attributes:
        retired: the retired models by name.
        embed: the embedding models by name.
    """

    retired: dict[str, Retirement]
    embed: dict[str, EmbeddingModel] = {}


def load_models(path: Path) -> Models:
    """Read the facts about models.

    Raises:
        ContractError: the file is malformed.
    """
    return load_typed(path, Models)


@lru_cache(maxsize=1)
def shipped_models() -> Models:
    """Return the shipped facts about models.

    Raises:
        ContractError: the file is malformed.
    """
    return load_models(folder("contracts") / "models.yaml")


def shipped_retired() -> dict[str, Retirement]:
    """Return the retired models."""
    return shipped_models().retired
