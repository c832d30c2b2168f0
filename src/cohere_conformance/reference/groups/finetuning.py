"""Fine-tuning (retired): models, what happened to them, and the metrics of their training."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from cohere_conformance.reference import walks
from cohere_conformance.reference.common import refuse_retired
from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation
from cohere_conformance.reference.paging import page
from cohere_conformance.reference.profile import Profile
from cohere_conformance.reference.state import stamp
from cohere_conformance.reference.training import Finetuned, MissingDatasetError, settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cohere_conformance.reference.datasets.record import Dataset
    from cohere_conformance.reference.handling import Call

EVENTS_ASCENDING = fault("finetuning.events-ascending", "Events are listed from the oldest on.")
EVENTS_LATE = fault("finetuning.events-late", "The newest event is not listed.")
METRICS_ASCENDING = fault("finetuning.metrics-ascending", "Metrics are listed from the first step on.")
TOTAL_WRONG = fault("finetuning.total-size-wrong", "The total of a list is the number of items on the page.")
TOKEN_MISSING = fault("finetuning.page-token-missing", "No page of a list has the token of the next one.")
PAGE_DROPS = fault("finetuning.page-drops-item", "Every page of a list but the first lacks its first item.")
PATCH_IGNORED = fault("finetuning.patch-ignored", "An update changes nothing.")
PATCH_READ_ONLY = fault("finetuning.patch-changes-status", "An update takes over the status that it is sent.")
DELETE_KEEPS = fault("finetuning.delete-keeps", "A deleted model can still be read.")
UNKNOWN_DATASET = fault(
    "finetuning.unknown-dataset-404", "A model with an unknown dataset is a 404, not a 400."
)
MALFORMED_500 = fault(
    "finetuning.malformed-id-500", "Reading a model with a malformed id is answered with 500."
)
RANGES_IGNORED = fault("finetuning.ranges-ignored", "Hyperparameters may have any value.")
UNPREFIXED = fault("finetuning.status-unprefixed", "The status of a model is written without its prefix.")
SETTINGS_MISSING = fault("finetuning.settings-missing", "Models in the list have no settings.")
ECHO_DIFFERS = fault("finetuning.echo-differs", "The answer to a creation has the name in capital letters.")
DEFAULTS_DIFFER = fault("finetuning.defaults-differ", "Without a number of epochs a model is trained for 3.")
UNSORTED = fault("finetuning.unsorted", "Models are listed in the other direction.")
UNWRAPPED = fault(
    "finetuning.unwrapped", "A model that is read is answered as such, not below `finetuned_model`."
)
LAST_TOKEN_MISSING = fault(
    "finetuning.last-page-token-missing", "The last page of a list has no token at all."
)
SIZE_IGNORED = fault("finetuning.page-size-ignored", "A page of a list holds everything, whatever its size.")
STATUS_BACK = fault("finetuning.status-goes-back", "While it is deployed, a model is queued again.")

_RETIRED = "Fine-tuning was removed on September 15, 2025. See https://docs.cohere.com/docs/deprecations"
_PAGE = 50
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_Item = TypeVar("_Item")


@operation("POST /v1/finetuning/finetuned-models")
def create(call: Call) -> JsonResponse:
    """Begin to train a model."""
    refuse_retired(call, _RETIRED)
    settings, source = _settings(call)
    status = source.status(call.now, call.state.step)
    if status != "validated":
        raise ApiError(400, f"dataset {source.id} is not validated: its validation status is {status}")
    model = Finetuned(
        id=new_id(),
        name=call.body["name"],
        settings=settings,
        created_at=call.now,
        step=timedelta(seconds=call.state.step),
        examples=len(source.content.rows),
        source=source,
        updated_at=call.now,
        hyper=settings["hyperparameters"],
    )
    call.account.shelf(Finetuned)[model.id] = model
    shown = _shown(call, model)
    if call.faulty(ECHO_DIFFERS):
        shown["name"] = shown["name"].upper()
    return JsonResponse({"finetuned_model": shown})


def _settings(call: Call, kept: Dataset | None = None) -> tuple[dict[str, Any], Dataset]:
    lax, asked = call.faulty(RANGES_IGNORED), call.body["settings"]
    try:
        settings, source = settings_of(asked, call.account, call.now, kept=kept, lax=lax)
    except MissingDatasetError as refusal:
        if call.faulty(UNKNOWN_DATASET):
            raise ApiError(404, refusal.message) from refusal
        raise
    if call.faulty(DEFAULTS_DIFFER) and (asked.get("hyperparameters") or {}).get("train_epochs") is None:
        settings["hyperparameters"]["train_epochs"] = 3
    return settings, source


@operation("GET /v1/finetuning/finetuned-models")
def listed(call: Call) -> JsonResponse:
    """List the models of one page, the oldest first unless the order says otherwise."""
    since, token = walks.begun(call)
    models = [one for one in _kept(call) if one.created_at <= since]
    if _descending(call, otherwise=False) != call.faulty(UNSORTED):
        models.reverse()
    items, told = _page(call, models, since, token)
    shown = [_shown(call, model) for model in items]
    for model in shown:
        if call.faulty(SETTINGS_MISSING):
            del model["settings"]
    return JsonResponse({"finetuned_models": shown, **told})


@operation("GET /v1/finetuning/finetuned-models/{id}")
def get(call: Call) -> JsonResponse:
    """Show one model."""
    identity = call.path["id"]
    if not _UUID.fullmatch(identity) and call.faulty(MALFORMED_500):
        raise ApiError(500, "internal server error")
    shown = _shown(call, _model(call, identity, f"{identity} is not a valid UUID"))
    return JsonResponse(shown if call.faulty(UNWRAPPED) else {"finetuned_model": shown})


@operation("PATCH /v1/finetuning/finetuned-models/{id}")
def update(call: Call) -> JsonResponse:
    """Change name and settings; the rest of what is sent is the server's (FT-O04)."""
    identity = call.path["id"]
    model = _model(call, identity, f"{identity} is not a valid UUID")
    settings, _ = _settings(call, model.source)
    if not call.faulty(PATCH_IGNORED):
        model.name, model.settings, model.updated_at = call.body["name"], settings, call.now
    shown = _shown(call, model)
    if call.faulty(PATCH_READ_ONLY):
        shown["status"] = call.body.get("status", shown["status"])
    return JsonResponse({"finetuned_model": shown})


@operation("DELETE /v1/finetuning/finetuned-models/{id}")
def delete(call: Call) -> JsonResponse:
    """Delete a model."""
    identity = call.path["id"]
    _model(call, identity, f"cannot delete: the id {identity!r} has to be a UUID").deleted = True
    return JsonResponse({})


@operation("GET /v1/finetuning/finetuned-models/{finetuned_model_id}/events")
def events(call: Call) -> JsonResponse:
    """List what happened to a model, newest first."""
    identity = call.path["finetuned_model_id"]
    if not _UUID.fullmatch(identity) and call.profile is Profile.LIVE_2026:
        raise ApiError(500, "failed to retrieve total size")  # FT-E01
    model = _model(call, identity, "invalid finetune ID")
    since, token = walks.begun(call)
    found = model.events(since)
    if call.faulty(EVENTS_LATE):
        found = found[:-1]
    if _descending(call, otherwise=True) != call.faulty(EVENTS_ASCENDING):
        found = found[::-1]
    items, told = _page(call, found, since, token, model.id)
    shown = [
        {"user_id": call.account.owner_id, "status": _status(call, status), "created_at": stamp(at)}
        for status, at in items
    ]
    return JsonResponse({"events": shown, **told})


@operation("GET /v1/finetuning/finetuned-models/{finetuned_model_id}/training-step-metrics")
def metrics(call: Call) -> JsonResponse:
    """List the metrics of a training, the highest step first."""
    model = _model(call, call.path["finetuned_model_id"], "invalid finetune ID")
    since, token = walks.begun(call)
    found = model.metrics(since)
    items, told = _page(
        call, found[::-1] if call.faulty(METRICS_ASCENDING) else found, since, token, model.id
    )
    del told["total_size"]
    shown = [one | {"created_at": stamp(one["created_at"])} for one in items]
    return JsonResponse({"step_metrics": shown, **told})


def _page(
    call: Call, items: Sequence[_Item], since: datetime, token: str, of: str = ""
) -> tuple[Sequence[_Item], dict[str, Any]]:
    """Return a page and what is told about the list; the last page has an empty token (FT-S01)."""
    size = call.query.get("page_size") or _PAGE
    if size < 0:
        raise ApiError(400, "invalid page_size: it must not be negative")
    if call.faulty(SIZE_IGNORED):
        size = len(items) or 1
    scope = f"{call.operation.label} {of} {call.query.get('order_by')}"
    shown, following = page(items, size, token, scope)
    if token and call.faulty(PAGE_DROPS):
        shown = shown[1:]
    total = len(shown) if call.faulty(TOTAL_WRONG) else len(items)
    told: dict[str, Any] = {"next_page_token": "", "total_size": total}
    if following is not None and not call.faulty(TOKEN_MISSING):
        told["next_page_token"] = walks.following(since, following)
    elif call.faulty(LAST_TOKEN_MISSING):
        del told["next_page_token"]
    return shown, told


def _descending(call: Call, *, otherwise: bool) -> bool:
    """Tell whether a list begins with the newest (FT-R04)."""
    order = call.query.get("order_by")
    if not order:
        return otherwise
    terms = [term.split() for term in str(order).split(",")]
    if any(term not in (["created_at"], ["created_at", "desc"], ["created_at", "asc"]) for term in terms):
        raise ApiError(400, f"invalid order_by {order!r}: only created_at can be ordered by")
    return terms[0][-1] == "desc"


def _kept(call: Call) -> list[Finetuned]:
    return [model for model in call.account.shelf(Finetuned).values() if not model.deleted]


def _model(call: Call, identity: str, malformed: str) -> Finetuned:
    """Return the model of that id.

    Raises:
        ApiError: 400, it is no UUID, in the words of the operation; 404, there is no such model.
    """
    if not _UUID.fullmatch(identity):
        raise ApiError(400, malformed)
    model = call.account.shelf(Finetuned).get(identity.lower())
    if (
        model is not None
        and model.deleted
        and call.operation.label.startswith("GET ")
        and call.faulty(DELETE_KEEPS)
    ):
        return model
    if model is None or model.deleted:
        raise ApiError(404, f"finetuned model with id {identity} not found")
    return model


def _status(call: Call, status: str) -> str:
    if status == "DEPLOYING_API" and call.faulty(STATUS_BACK):
        status = "QUEUED"
    return status if call.faulty(UNPREFIXED) else f"STATUS_{status}"


def _shown(call: Call, model: Finetuned) -> dict[str, Any]:
    """Return a model as it stands now."""
    status, since = model.events(call.now)[-1]
    shown: dict[str, Any] = {
        "id": model.id,
        "name": model.name,
        "creator_id": call.account.owner_id,
        "organization_id": call.account.organization_id,
        "settings": model.settings,
        "status": _status(call, status),
        "created_at": stamp(model.created_at),
        "updated_at": stamp(max(since, model.updated_at)),
    }
    if status in {"DEPLOYING_API", "READY", "FAILED"}:
        shown["completed_at"] = stamp(since if status == "FAILED" else model.trained_at)
    return shown
