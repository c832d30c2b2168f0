"""The models that the server knows, and what each can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from cohere_conformance.contract.models import shipped_retired
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError
from cohere_conformance.reference.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cohere_conformance.contract import Operation
    from cohere_conformance.reference.state import ServerState

UNKNOWN_SERVED = fault("models.unknown-served", "A call with an unknown model succeeds.")
UNKNOWN_400 = fault("models.unknown-400", "An unknown model is a 400, not a 404.")


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes:
        name: its name.
        endpoints: its endpoints, as in `GET /v1/models`.
        context: the context length in tokens.
        output: the maximum number of generated tokens; 0 if it generates none.
        defaults: the endpoints that it is the default model of.
        features: of a chat model; `None` for others.
        dimension: of its embeddings; 0 if it has none.
        v2_only: whether it is available in version 2 only.
        reasoning: whether it thinks before it replies.
        vision: whether it reads images.
        contract_only: whether the contract names it and the live service does not know it.
    """

    name: str
    endpoints: tuple[str, ...]
    context: int
    output: int = 0
    defaults: tuple[str, ...] = ()
    features: tuple[str, ...] | None = None
    dimension: int = 0
    v2_only: bool = False
    reasoning: bool = False
    vision: bool = False
    contract_only: bool = False

    @property
    def removed(self) -> str | None:
        """The day on which the service removed it; `None` if it is available."""
        retired = shipped_retired().get(self.name)
        return None if retired is None else retired.spelled


_CHAT = ("json_mode", "json_schema", "safety_modes", "strict_tools", "tools")
MODELS = {
    model.name: model
    for model in (
        Model("command-a-plus-05-2026", ("chat",), 128_000, 64_000, features=(*_CHAT, "reasoning", "vision"),
              v2_only=True, reasoning=True, vision=True),
        Model("command-a-03-2025", ("chat",), 288_000, 8_192, defaults=("chat",), features=_CHAT),
        Model("command-a-reasoning-08-2025", ("chat",), 288_768, 32_768, features=(*_CHAT, "reasoning"),
              v2_only=True, reasoning=True),
        Model("command-a-vision-07-2025", ("chat",), 128_000, 8_000, features=("json_mode", "vision"),
              v2_only=True, vision=True),
        Model("command-a-translate-08-2025", ("chat",), 8_000, 8_000, features=("json_mode",), v2_only=True),
        Model("command-r7b-12-2024", ("chat",), 128_000, 4_096, features=_CHAT),
        Model("command-r-08-2024", ("chat",), 128_000, 4_096, features=_CHAT),
        Model("command-r-plus-08-2024", ("chat",), 128_000, 4_096, features=_CHAT),
        Model("c4ai-aya-expanse-32b", ("chat",), 128_000, 4_096, features=()),
        Model("c4ai-aya-vision-32b", ("chat",), 16_000, 4_096, features=("vision",), v2_only=True,
              vision=True),
        Model("embed-v4.0", ("embed",), 128_000, defaults=("embed",), dimension=1536),
        Model("embed-english-v3.0", ("embed", "classify"), 512, defaults=("classify",), dimension=1024),
        Model("embed-multilingual-v3.0", ("embed", "classify"), 512, dimension=1024),
        Model("embed-english-light-v3.0", ("embed", "classify"), 512, dimension=384),
        Model("embed-multilingual-light-v3.0", ("embed", "classify"), 512, dimension=384),
        Model("rerank-v4.0-pro", ("rerank",), 32_764),
        Model("rerank-v4.0-fast", ("rerank",), 32_764),
        Model("rerank-v3.5", ("rerank",), 4_093, defaults=("rerank",)),
        Model("rerank-english-v3.0", ("rerank",), 4_093),
        Model("rerank-multilingual-v3.0", ("rerank",), 4_093),
        Model("cohere-transcribe-03-2026", (), 4_096),
        Model("cohere-transcribe-arabic-07-2026", (), 4_096),
        Model("command", ("generate", "summarize", "chat"), 4_096, 4_096, defaults=("generate", "summarize"),
              features=()),
        Model("command-light", ("generate", "summarize", "chat"), 4_096, 4_096, features=()),
        Model("command-r", ("generate", "summarize", "chat"), 128_000, 4_096,
              features=("json_mode", "tools")),
        Model("command-r-plus", ("generate", "summarize", "chat"), 128_000, 4_096,
              features=("json_mode", "tools")),
        Model("command-nightly", ("generate", "summarize", "chat"), 128_000, 4_096,
              features=("json_mode", "tools"), contract_only=True),
        Model("command-light-nightly", ("generate", "summarize", "chat"), 4_096, 4_096, features=(),
              contract_only=True),
        Model("command-r-03-2024", ("generate", "summarize", "chat"), 128_000, 4_096,
              features=("json_mode", "tools")),
        Model("command-r-plus-04-2024", ("generate", "summarize", "chat"), 128_000, 4_096,
              features=("json_mode", "tools")),
        Model("c4ai-aya-expanse-8b", ("chat",), 8_000, 4_096, features=()),
        Model("c4ai-aya-vision-8b", ("chat",), 16_000, 4_096, features=("vision",), v2_only=True,
              vision=True),
        Model("embed-english-v2.0", ("embed", "classify"), 512, dimension=4096),
        Model("embed-english-light-v2.0", ("embed", "classify"), 512, dimension=1024),
        Model("embed-multilingual-v2.0", ("embed", "classify"), 256, dimension=768),
        Model("rerank-english-v2.0", ("rerank",), 512),
        Model("rerank-multilingual-v2.0", ("rerank",), 256),
    )
}  # fmt: skip
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
