"""Models: the list, page by page, and one model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.reference import models, tokenizers
from cohere_conformance.reference.common import sunset
from cohere_conformance.reference.groups import models_faults as faults
from cohere_conformance.reference.handling import ApiError, JsonResponse, operation
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.paging import page
from cohere_conformance.reference.profile import Profile

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.models import Model

PAGE = 20
"""The default of `page_size`."""
_RETIRED = frozenset({"generate", "summarize", "classify"})
"""Endpoints that the live service no longer lists (CLS-02)."""
_LARGEST = 1000


@operation("GET /v1/models")
def list_models(call: Call) -> JsonResponse:
    """Return one page of the models (MOD-R01)."""
    endpoint: str | None = call.query.get("endpoint")
    only_default: bool = call.query.get("default_only", False)
    if only_default and endpoint is None:
        raise ApiError(400, "invalid request: default_only needs an endpoint")
    size = call.query.get("page_size", PAGE)
    if not 1 <= size <= _LARGEST:
        raise ApiError(400, f"invalid request: page_size must be between 1 and {_LARGEST}")
    found = inject(call, faults.ALL, _all(call))
    if (served := inject(call, faults.ENDPOINT, endpoint)) is not None:
        found = inject(call, faults.SERVING, [one for one in found if served in one["endpoints"]])
    if inject(call, faults.ONLY_DEFAULT, only_default):
        found = [one for one in found if endpoint in one["default_endpoints"]]
    token = call.query.get("page_token", "")
    size = inject(call, faults.PAGE_SIZE, int(size))
    part = inject(call, faults.PAGE, page(found, size, token, f"models {endpoint} {only_default}"))
    following = {} if part.next_token is None else {"next_page_token": part.next_token}
    return JsonResponse({"models": list(part.items), **following})


@operation("GET /v1/models/{model}")
def get_model(call: Call) -> JsonResponse:
    """Return one model, as the list shows it (MOD-O01)."""
    name = call.path["model"]
    notices: tuple[str, ...] = ()
    shown = next((one for one in _all(call) if one["name"] == name), None)
    if shown is None:
        model = models.find(name, call.state)
        shown = _shown(call, model) | {"name": name, "finetuned": name.endswith("-ft")}
    elif name in models.MODELS:
        notices = sunset(call, models.MODELS[name])
    shown = inject(call, faults.BODY, inject(call, faults.READ, shown))
    return JsonResponse(shown, warnings=notices)


def _all(call: Call) -> list[dict[str, Any]]:
    return [_shown(call, model) for model in models.serving(call.profile)]


def _shown(call: Call, model: Model) -> dict[str, Any]:
    """Return a model as the list and the operation for one model show it."""
    gone = _RETIRED if call.profile is Profile.LIVE_2026 else frozenset[str]()
    body: dict[str, Any] = {
        "name": model.name,
        "is_deprecated": model.removed is not None,
        "endpoints": [one for one in model.endpoints if one not in gone],
        "finetuned": False,
        "context_length": model.context,
        # The transcription models, which serve none of the named endpoints, have no public tokenizer.
        "tokenizer_url": tokenizers.url(call.base_url, model.name) if model.endpoints else None,
        "default_endpoints": [one for one in model.defaults if one not in gone],
        "features": None if model.features is None else list(model.features),
    }
    defaults = _sampling(model)
    return inject(call, faults.SHOWN, body | ({"sampling_defaults": defaults} if defaults else {}))


def _sampling(model: Model) -> dict[str, Any]:
    """Return the default parameters of a model; embedding models have none."""
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
