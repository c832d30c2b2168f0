"""Models: what there is, page by page and one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import models, tokenizers
from cohere_conformance.reference.common import sunset
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, operation
from cohere_conformance.reference.paging import page
from cohere_conformance.reference.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.models import Model

DROPS = fault("models.page-drops-item", "The last model of each page but the last is missing.")
REPEATS = fault(
    "models.page-repeats-item", "Pages begin with a model of the one before, which may cost them their last."
)
SIZE_IGNORED = fault("models.page-size-ignored", "Pages are two models longer than asked for.")
NEVER_ENDS = fault("models.page-token-at-end", "The last page has a token for a next one.")
FILTER_IGNORED = fault("models.filter-ignored", "The list holds models of every endpoint.")
DEFAULT_IGNORED = fault("models.default-only-ignored", "The list holds more than the default model.")
DIFFERS = fault("models.get-differs", "One model tells another context length than the list does.")
WRAPPED = fault("models.wrapped", "One model comes wrapped in an object.")
UNSERVED = fault("models.default-not-served", "Models are defaults for an endpoint that they do not serve.")
NEGATIVE_CONTEXT = fault("models.context-negative", "The context length of every model is -1.")
OPEN_ENDPOINT = fault("models.endpoint-unknown", "Every model names an endpoint that is not declared.")
TWO_DEFAULTS = fault("models.two-defaults", "Every model is a default of the endpoints that it serves.")
ELSEWHERE = fault("models.tokenizer-elsewhere", "Tokenizers are told to be on another host.")
FILTER_DROPS = fault("models.filter-drops", "The last model that serves an endpoint is missing in its list.")
IN_VAIN = fault("models.listed-in-vain", "The list begins with a model that nobody can call.")
CONFIG = fault("models.config", "One model comes with the inner configuration of the service.")

PAGE = 20
"""Models of a page that no size is asked for."""
_RETIRED = frozenset({"generate", "summarize", "classify"})
"""Endpoints that the live service does not name any more (CLS-02)."""
_LARGEST = 1000

FURTHER: list[Callable[[Call], list[dict[str, Any]]]] = []
"""Where an account's own models come from: functions that return them as they are shown."""


@operation("GET /v1/models")
def list_models(call: Call) -> JsonResponse:
    """Answer with one page of the models (MOD-R01)."""
    endpoint: str | None = call.query.get("endpoint")
    only_default: bool = call.query.get("default_only", False)
    if only_default and endpoint is None:
        raise ApiError(400, "invalid request: default_only needs an endpoint")
    size = call.query.get("page_size", PAGE)
    if not 1 <= size <= _LARGEST:
        raise ApiError(400, f"invalid request: page_size must be between 1 and {_LARGEST}")
    found = _all(call)
    if call.faulty(IN_VAIN):
        ghost = {"name": "embed-rerank-v9.0", "endpoints": ["embed", "rerank"], "default_endpoints": []}
        found.insert(0, found[0] | ghost | {"tokenizer_url": None})
    if endpoint is not None and not call.faulty(FILTER_IGNORED):
        found = [one for one in found if endpoint in one["endpoints"]]
        found = found[:-1] if call.faulty(FILTER_DROPS) else found
    if only_default and not call.faulty(DEFAULT_IGNORED):
        found = [one for one in found if endpoint in one["default_endpoints"]]
    token = call.query.get("page_token", "")
    many = int(size) + (2 if call.faulty(SIZE_IGNORED) else 0)
    part, following = page(found, many, token, f"models {endpoint} {only_default}")
    shown = list(part)
    if following is not None and call.faulty(DROPS):
        shown = shown[:-1]
    if token and shown and call.faulty(REPEATS):
        shown = [found[found.index(shown[0]) - 1], *shown][: int(size)]
    if following is None and call.faulty(NEVER_ENDS):
        following = "again"
    body: dict[str, Any] = {"models": shown}
    return JsonResponse(body if following is None else body | {"next_page_token": following})


@operation("GET /v1/models/{model}")
def get_model(call: Call) -> JsonResponse:
    """Answer with one model, as the list shows it (MOD-O01)."""
    name = call.path["model"]
    notices: tuple[str, ...] = ()
    shown = next((one for one in _all(call) if one["name"] == name), None)
    if shown is None:
        model = models.find(name, call.state)
        shown = _shown(call, model) | {"name": name, "finetuned": name.endswith("-ft")}
    elif name in models.MODELS:
        notices = sunset(call, models.MODELS[name])
    if call.faulty(DIFFERS):
        shown["context_length"] += 1
    if call.faulty(CONFIG):
        shown["config"] = {"route": f"internal/{name}", "max_output_tokens": 4096}
    return JsonResponse({"model": shown} if call.faulty(WRAPPED) else shown, warnings=notices)


def _all(call: Call) -> list[dict[str, Any]]:
    own = [one for more in FURTHER for one in more(call)]
    return [_shown(call, model) for model in models.serving(call.profile)] + own


def _shown(call: Call, model: Model) -> dict[str, Any]:
    """Return a model as it is shown."""
    gone = _RETIRED if call.profile is Profile.LIVE_2026 else frozenset[str]()
    endpoints = [one for one in model.endpoints if one not in gone]
    body: dict[str, Any] = {
        "name": model.name,
        "is_deprecated": model.removed is not None,
        "endpoints": [*endpoints, "draw"] if call.faulty(OPEN_ENDPOINT) else endpoints,
        "finetuned": False,
        "context_length": -1 if call.faulty(NEGATIVE_CONTEXT) else model.context,
        # The transcription models, which serve none of the named endpoints, have no tokenizer for everybody.
        "tokenizer_url": tokenizers.url(call.base_url, model.name) if model.endpoints else None,
        "default_endpoints": [one for one in model.defaults if one not in gone],
        "features": None if model.features is None else list(model.features),
    }
    if call.faulty(ELSEWHERE) and model.endpoints:
        body["tokenizer_url"] = f"https://tokenizers.example.com/{model.name}.json"
    if call.faulty(TWO_DEFAULTS):
        body["default_endpoints"] = endpoints
    if call.faulty(UNSERVED):
        body["default_endpoints"] = ["rate"]
    defaults = _sampling(model)
    return body | {"sampling_defaults": defaults} if defaults else body


def _sampling(model: Model) -> dict[str, Any]:
    """Return the defaults of what shapes a model's output; embeddings have none."""
    if "rerank" in model.endpoints:
        return {"max_tokens_per_doc": 4096}
    if not model.output:
        return {}
    temperature, p = (0.6, 0.95) if model.reasoning else (0.3, 0.75)
    return {
        "temperature": temperature,
        "k": 0,
        "p": p,
        "frequency_penalty": 0.0,
        "presence_penalty": 0.0,
    }
