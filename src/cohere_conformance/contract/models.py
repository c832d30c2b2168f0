"""What is known about single models, and the roles of cases: `contracts/models.yaml`."""

from __future__ import annotations

import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from cohere_conformance.contract.documents import load_typed
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from pathlib import Path

_Sources = Annotated[
    tuple[Literal["spec", "docs", "sdk", "observed", "reported", "inferred"], ...], msgspec.Meta(min_length=1)
]
_Positive = Annotated[int, msgspec.Meta(ge=1)]
_Since = Annotated[str, msgspec.Meta(pattern=r"^20\d\d-\d\d(-\d\d)?$")]
ANY = "any"
"""In place of a profile: all profiles that are not named."""


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


class KnownModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What is known about a model.

    Attributes:
        source: of all this.
        endpoints: as the list of models has them.
        unlisted: endpoints that it serves although the list does not name them.
        default: the endpoints that it is the default of.
        versions: of the API that serve it.
        modalities: what it reads.
        context: maximum number of tokens that it reads.
        output: maximum number of tokens that it generates; 0 if it generates none.
        features: of a chat model; `None` for others.
        generation: of an embedding or rerank model; 0 for others.
        dimension: the default length of its vectors; 0 if it has none.
        output_dimension: the lengths that version 2 accepts: none if the model does not support the
            parameter, `None` if that is not known.
        space: models of one space have vectors that can be compared; empty for a space of its own.
        limits: further maxima, by name.
        languages: that a transcription model knows.
        before_r7b: whether it is a chat model before command-r7b.
        keeps_text: whether its tokens preserve every character.
        lower_case: whether it repeats texts in lower case.
        contract_only: whether the document names it and the live service does not know it.
        since: day or month of its release; empty if not known.
        deprecated: the day on which the vendor announced its end.
        retired: when the service removed it.
        evidence: what was seen, and where.
    """

    source: _Sources
    endpoints: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    default: tuple[str, ...] = ()
    versions: tuple[Literal[1, 2], ...] = (1, 2)
    modalities: tuple[Literal["text", "image", "audio"], ...] = ("text",)
    context: Annotated[int, msgspec.Meta(ge=0)] = 0
    output: Annotated[int, msgspec.Meta(ge=0)] = 0
    features: tuple[str, ...] | None = None
    generation: Annotated[int, msgspec.Meta(ge=0)] = 0
    dimension: Annotated[int, msgspec.Meta(ge=0)] = 0
    output_dimension: tuple[_Positive, ...] | None = None
    space: str = ""
    limits: dict[Literal["images", "bytes", "pixels"], _Positive] = {}
    languages: tuple[str, ...] = ()
    before_r7b: bool = False
    keeps_text: bool = False
    lower_case: bool = False
    contract_only: bool = False
    since: _Since | None = None
    deprecated: datetime.date | None = None
    retired: Retirement | None = None
    evidence: str = ""

    def serves(self, endpoint: str) -> bool:
        """Return whether it serves an endpoint."""
        return endpoint in self.endpoints or endpoint in self.unlisted


class Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model of a case must be able to do.

    Attributes:
        about: the same in words.
        endpoint: that it must serve.
        default: the model, by profile of the target.
        features: that it must have.
        without: features that it must not have.
        generation: the oldest generation of embedding and rerank models.
    """

    about: str
    endpoint: str
    default: dict[str, str]
    features: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    generation: int = 0

    def model(self, profile: str) -> str:
        """Return the default model for a profile."""
        return self.default.get(profile) or self.default[ANY]

    def fits(self, model: KnownModel) -> bool:
        """Return whether a model has the role."""
        recent = model.generation >= self.generation
        return recent and model.serves(self.endpoint) and self.has_features(model.features or ())

    def has_features(self, features: tuple[str, ...]) -> bool:
        """Return whether a model of these features has the role, if it serves the endpoint."""
        return {*self.features} <= {*features} and not {*self.without} & {*features}


class Models(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """The file.

    Attributes:
        models: by name, in the order of the list.
        roles: by name.
    """

    models: dict[str, KnownModel]
    roles: dict[str, Role] = {}

    @cached_property
    def retired(self) -> dict[str, Retirement]:
        """The retirements, by the name of the model."""
        return {name: one.retired for name, one in self.models.items() if one.retired is not None}

    @cached_property
    def embed(self) -> dict[str, KnownModel]:
        """The models whose vector lengths are known, by name."""
        return {name: one for name, one in self.models.items() if one.output_dimension is not None}


def load_models(path: Path) -> Models:
    """Read what is known about models.

    Raises:
        ContractError: the file is malformed, or the default of a role does not have the role.
    """
    file = load_typed(path, Models)
    for name, role in file.roles.items():
        if ANY not in role.default:
            raise ContractError(f"{path}: role {name}: expected a default for {ANY}, got none")
        for model in role.default.values():
            if model not in file.models or not role.fits(file.models[model]):
                raise ContractError(
                    f"{path}: role {name}: expected a known model that serves {role.endpoint} and has the "
                    f"features of the role, got {model}"
                )
    return file


@lru_cache(maxsize=1)
def shipped_models() -> Models:
    """Return what is known about models.

    Raises:
        ContractError: the file is malformed.
    """
    return load_models(folder("contracts") / "models.yaml")


def shipped_retired() -> dict[str, Retirement]:
    """Return the retired models."""
    return shipped_models().retired


def known(name: object) -> KnownModel | None:
    """Return what is known about a model; `None` for an unknown one, and for what is no name."""
    return shipped_models().models.get(name) if isinstance(name, str) else None
