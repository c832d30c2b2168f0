"""The models that the server knows, and what each can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from cohere_conformance.contract.models import shipped_models
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError
from cohere_conformance.reference.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cohere_conformance.contract import Operation
    from cohere_conformance.contract.models import KnownModel
    from cohere_conformance.reference.state import ServerState

UNKNOWN_SERVED = fault("models.unknown-served", "A call with an unknown model succeeds.")
UNKNOWN_400 = fault("models.unknown-400", "An unknown model is a 400, not a 404.")


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes:
        name: its name.
        facts: what `contracts/models.yaml` says about it.
    """

    name: str
    facts: KnownModel

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Its endpoints, as in `GET /v1/models`."""
        return self.facts.endpoints

    @property
    def defaults(self) -> tuple[str, ...]:
        """The endpoints that it is the default model of."""
        return self.facts.default

    @property
    def features(self) -> tuple[str, ...] | None:
        """Of a chat model; `None` for others."""
        return self.facts.features

    @property
    def context(self) -> int:
        """The context length in tokens."""
        return self.facts.context

    @property
    def output(self) -> int:
        """The maximum number of generated tokens; 0 if it generates none."""
        return self.facts.output

    @property
    def dimension(self) -> int:
        """Of its embeddings; 0 if it has none."""
        return self.facts.dimension

    @property
    def generation(self) -> int:
        """Of an embedding or rerank model; 0 for others."""
        return self.facts.generation

    @property
    def space(self) -> str:
        """The name of the space of its vectors."""
        return self.facts.space or self.name

    @property
    def v2_only(self) -> bool:
        """Whether it is available in version 2 only."""
        return 1 not in self.facts.versions

    @property
    def reasoning(self) -> bool:
        """Whether it thinks before it replies."""
        return "reasoning" in (self.features or ())

    @property
    def vision(self) -> bool:
        """Whether it reads images."""
        return "vision" in (self.features or ())

    @property
    def before_r7b(self) -> bool:
        """Whether it is a chat model before command-r7b."""
        return self.facts.before_r7b

    @property
    def contract_only(self) -> bool:
        """Whether the contract names it and the live service does not know it."""
        return self.facts.contract_only

    @property
    def removed(self) -> str | None:
        """The day on which the service removed it; `None` if it is available."""
        return None if self.facts.retired is None else self.facts.retired.spelled


MODELS = {name: Model(name, facts) for name, facts in shipped_models().models.items()}
"""By name, in the order of the list."""


def serving(profile: Profile) -> list[Model]:
    """Return the available models; with the profile of the contract these are all models."""
    live = profile is Profile.LIVE_2026
    return [model for model in MODELS.values() if not (live and (model.removed or model.contract_only))]


def find(name: str, state: ServerState) -> Model:
    """Return the model with a name.

    Raises:
        ApiError: 404, it is unknown (V-06), or it was removed (V-07).
    """
    model = MODELS.get(name.removesuffix("-ft"))
    if model is not None and model.contract_only and state.profile is Profile.LIVE_2026:
        model = None
    if model is None and UNKNOWN_SERVED in state.faults:
        return next(iter(MODELS.values()))
    if model is None:
        _unknown(name, state)
    if model.removed and state.profile is Profile.LIVE_2026:
        raise ApiError(
            404, f"model '{name}' was removed on {model.removed}. See https://docs.cohere.com/docs/models"
        )
    return model


def _unknown(name: str, state: ServerState) -> NoReturn:
    status = 400 if UNKNOWN_400 in state.faults else 404
    raise ApiError(status, f"model '{name}' not found, make sure the correct model ID was used")


_ENDPOINTS = {
    "chat": "chat",
    "generate": "generate",
    "embed": "embed",
    "rerank": "rerank",
    "classify": "classify",
    "summarize": "summarize",
}
"""By group: the endpoint that its models need."""


def require(name: str, operation: Operation, state: ServerState) -> None:
    """Check the model of a body, if the operation uses one.

    Raises:
        ApiError: 404, there is no such model; 400, it has another endpoint, or version 2 only (V-09).
    """
    if operation.group in {"finetuning", "datasets", "connectors", "models"}:
        return
    model = find(name, state)
    if MODELS.get(name) is None:
        return
    endpoint = _ENDPOINTS.get(operation.group)
    # A model of one text endpoint is accepted by all of them.
    text = {"chat", "generate", "summarize"}
    fits = (
        endpoint is None
        or endpoint in model.endpoints
        or bool({endpoint} & text and text & {*model.endpoints})
    )
    if not fits:
        raise ApiError(400, f"model '{name}' is not supported by the {endpoint} endpoint")
    if model.v2_only and operation.label == "POST /v1/chat" and state.profile is Profile.LIVE_2026:
        raise ApiError(400, f"model '{name}' is not supported with '/v1/chat', please use '/v2/chat'")


def requested(body: Mapping[str, Any], endpoint: str, state: ServerState) -> Model:
    """Return the model of a body, or the default model of the endpoint.

    Raises:
        ApiError: 404, there is no such model.
    """
    return find(body["model"], state) if body.get("model") else default(endpoint, state)


def default(endpoint: str, state: ServerState) -> Model:
    """Return the default model of an endpoint."""
    return next(model for model in serving(state.profile) if endpoint in model.defaults)
