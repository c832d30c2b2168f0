"""Fine-tuning (retired): models, their events, and the metrics of their training."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from cohere_conformance.reference import walks
from cohere_conformance.reference.groups import finetuning_faults as faults
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation
from cohere_conformance.reference.injection import inject
from cohere_conformance.reference.paging import Page, page
from cohere_conformance.reference.profile import Profile
from cohere_conformance.reference.state import stamp
from cohere_conformance.reference.training import Finetuned, MissingDatasetError, settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cohere_conformance.reference.datasets.record import Dataset
    from cohere_conformance.reference.handling import Call

_PAGE = 50
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_Item = TypeVar("_Item")


@operation("POST /v1/finetuning/finetuned-models")
def create(call: Call) -> JsonResponse:
    """Create a model and start its training."""
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
    shown = inject(call, faults.CREATED, _shown(call, model))
    return JsonResponse({"finetuned_model": shown})


def _settings(call: Call, kept: Dataset | None = None) -> tuple[dict[str, Any], Dataset]:
    """Return the settings of the body, with defaults, and their dataset; `kept` is the current dataset."""
    lax = call.faulty(faults.RANGES_IGNORED)
    try:
        settings, source = settings_of(call.body["settings"], call.account, call.now, kept=kept, lax=lax)
    except MissingDatasetError as error:
        if call.faulty(faults.UNKNOWN_DATASET):
            raise ApiError(404, error.message) from error
        raise
    return inject(call, faults.SETTINGS, settings), source


@operation("GET /v1/finetuning/finetuned-models")
def listed(call: Call) -> JsonResponse:
    """List the models of one page, oldest first by default."""
    since, token = walks.begun(call)
    models = [one for one in _existing(call) if one.created_at <= since]
    if _descending(call, otherwise=False):
        models.reverse()
    part = _page(call, inject(call, faults.MODELS, models), token)
    shown = {"finetuned_models": [_shown(call, model) for model in part.items]}
    return _list(call, {**shown, "total_size": len(models)}, since, part)


@operation("GET /v1/finetuning/finetuned-models/{id}")
def get(call: Call) -> JsonResponse:
    """Return one model."""
    identity = call.path["id"]
    if not _UUID.fullmatch(identity) and call.faulty(faults.MALFORMED_500):
        raise ApiError(500, "internal server error")
    shown = _shown(call, _model(call, identity, f"{identity} is not a valid UUID"))
    return JsonResponse(inject(call, faults.BODY, {"finetuned_model": shown}))


@operation("PATCH /v1/finetuning/finetuned-models/{id}")
def update(call: Call) -> JsonResponse:
    """Change the name and the settings; other properties of the body are ignored (FT-O04)."""
    identity = call.path["id"]
    model = _model(call, identity, f"{identity} is not a valid UUID")
    settings, _ = _settings(call, model.source)
    if not call.faulty(faults.PATCH_IGNORED):
        model.name, model.settings, model.updated_at = call.body["name"], settings, call.now
    return JsonResponse({"finetuned_model": inject(call, faults.UPDATED, _shown(call, model))})


@operation("DELETE /v1/finetuning/finetuned-models/{id}")
def delete(call: Call) -> JsonResponse:
    """Delete a model."""
    identity = call.path["id"]
    _model(call, identity, f"cannot delete: the id {identity!r} has to be a UUID").deleted = True
    return JsonResponse({})


@operation("GET /v1/finetuning/finetuned-models/{finetuned_model_id}/events")
def events(call: Call) -> JsonResponse:
    """List the changes of the status of a model, newest first."""
    identity = call.path["finetuned_model_id"]
    if not _UUID.fullmatch(identity) and call.profile is Profile.LIVE_2026:
        raise ApiError(500, "failed to retrieve total size")  # FT-E01
    model = _model(call, identity, "invalid finetune ID")
    since, token = walks.begun(call)
    found: Sequence[tuple[str, datetime]] = inject(call, faults.EVENTS, model.events(since))
    if _descending(call, otherwise=True):
        found = found[::-1]
    part = _page(call, inject(call, faults.SORTED_EVENTS, found), token, model.id)
    shown = [
        {"user_id": call.account.owner_id, "status": _status(call, status), "created_at": stamp(at)}
        for status, at in part.items
    ]
    return _list(call, {"events": shown, "total_size": len(found)}, since, part)


@operation("GET /v1/finetuning/finetuned-models/{finetuned_model_id}/training-step-metrics")
def metrics(call: Call) -> JsonResponse:
    """List the metrics of a training, the last step first."""
    model = _model(call, call.path["finetuned_model_id"], "invalid finetune ID")
    since, token = walks.begun(call)
    part = _page(call, inject(call, faults.METRICS, model.metrics(since)), token, model.id)
    shown = [one | {"created_at": stamp(one["created_at"])} for one in part.items]
    return _list(call, {"step_metrics": shown}, since, part)


def _page(call: Call, items: Sequence[_Item], token: str, of: str = "") -> Page[_Item]:
    """Return one page of a list; `of` is the id of the model that it belongs to."""
    size = call.query.get("page_size") or _PAGE
    if size < 0:
        raise ApiError(400, "invalid page_size: it must not be negative")
    scope = f"{call.operation.label} {of} {call.query.get('order_by')}"
    return inject(call, faults.PAGE, page(items, inject(call, faults.PAGE_SIZE, size), token, scope))


def _list(call: Call, body: dict[str, Any], since: datetime, part: Page[Any]) -> JsonResponse:
    """Return the response with one page of a list; the token of the last page is empty (FT-S01)."""
    token = "" if part.next_token is None else walks.following(since, part.next_token)
    return JsonResponse(inject(call, faults.LIST, {**body, "next_page_token": token}))


def _descending(call: Call, *, otherwise: bool) -> bool:
    """Return whether a list starts with the newest item (FT-R04)."""
    order = call.query.get("order_by")
    if not order:
        return otherwise
    terms = [term.split() for term in str(order).split(",")]
    if any(term not in (["created_at"], ["created_at", "desc"], ["created_at", "asc"]) for term in terms):
        raise ApiError(400, f"invalid order_by {order!r}: only created_at can be ordered by")
    return terms[0][-1] == "desc"


def _existing(call: Call) -> list[Finetuned]:
    return [model for model in call.account.shelf(Finetuned).values() if not model.deleted]


def _model(call: Call, identity: str, malformed: str) -> Finetuned:
    """Return the model with an id.

    Raises:
        ApiError: 400, the id is not a UUID, with the message `malformed`; 404, there is no such model.
    """
    if not _UUID.fullmatch(identity):
        raise ApiError(400, malformed)
    model = call.account.shelf(Finetuned).get(identity.lower())
    model = inject(call, faults.FOUND, None if model is None or model.deleted else model)
    if model is None:
        raise ApiError(404, f"finetuned model with id {identity} not found")
    return model


def _status(call: Call, status: str) -> str:
    return inject(call, faults.STATUS, f"STATUS_{status}")


def _shown(call: Call, model: Finetuned) -> dict[str, Any]:
    """Return a model in its current state."""
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
