"""Faults of fine-tuning, by the stage of the handlers that they change."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.injection import without
from cohere_conformance.reference.paging import Page, without_first
from cohere_conformance.reference.training import Finetuned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

RANGES_IGNORED = fault("finetuning.ranges-ignored", "The ranges of hyperparameters are not checked.")
UNKNOWN_DATASET = fault("finetuning.unknown-dataset-404", "An unknown dataset is a 404, not a 400.")
MALFORMED_500 = fault("finetuning.malformed-id-500", "Reading a model with a malformed id fails with 500.")
PATCH_IGNORED = fault("finetuning.patch-ignored", "An update succeeds without any effect.")

_Json = dict[str, Any]


def _deleted(found: Finetuned | None, call: Call) -> Finetuned | None:
    if found is not None or not call.operation.label.startswith("GET "):
        return found
    (identity,) = call.path.values()
    return call.account.shelf(Finetuned).get(identity.lower())


FOUND: FaultTable[Finetuned | None] = {
    fault("finetuning.delete-keeps", "A deleted model can still be read."): _deleted,
}
"""The model with the id of the path."""


def _three_epochs(settings: _Json, call: Call) -> _Json:
    sent = call.body["settings"].get("hyperparameters") or {}
    if sent.get("train_epochs") is not None:
        return settings
    return {**settings, "hyperparameters": {**settings["hyperparameters"], "train_epochs": 3}}


SETTINGS: FaultTable[_Json] = {
    fault("finetuning.defaults-differ", "The default of train_epochs is 3."): _three_epochs,
}

CREATED: FaultTable[_Json] = {
    fault("finetuning.echo-differs", "The response to a creation has the name in upper case."): (
        lambda shown, _: {**shown, "name": shown["name"].upper()}
    ),
}

UPDATED: FaultTable[_Json] = {
    fault("finetuning.patch-changes-status", "The response to an update has the status of the request."): (
        lambda shown, call: {**shown, "status": call.body.get("status", shown["status"])}
    ),
}

BODY: FaultTable[_Json] = {
    fault("finetuning.unwrapped", "A model is not below `finetuned_model` but at the top of the response."): (
        lambda body, _: body["finetuned_model"]
    ),
}

STATUS: FaultTable[str] = {
    fault("finetuning.status-goes-back", "A model that is being deployed is queued again."): (
        lambda status, _: "STATUS_QUEUED" if status == "STATUS_DEPLOYING_API" else status
    ),
    fault("finetuning.status-unprefixed", "The status of a model has no prefix."): (
        lambda status, _: status.removeprefix("STATUS_")
    ),
}

# -- the lists

MODELS: FaultTable[Sequence[Finetuned]] = {
    fault("finetuning.unsorted", "Models are listed in reverse order."): lambda found, _: found[::-1],
}

EVENTS: FaultTable[Sequence[tuple[str, datetime]]] = {
    fault("finetuning.events-late", "The newest event is not listed."): lambda found, _: found[:-1],
}
"""The events of a model, the oldest first."""

SORTED_EVENTS: FaultTable[Sequence[tuple[str, datetime]]] = {
    fault("finetuning.events-ascending", "Events are listed in reverse order."): lambda found, _: found[::-1],
}
"""The events in the requested order."""

METRICS: FaultTable[Sequence[_Json]] = {
    fault("finetuning.metrics-ascending", "Metrics are listed from the first step to the last."): (
        lambda found, _: found[::-1]
    ),
}

PAGE_SIZE: FaultTable[int] = {
    fault("finetuning.page-size-ignored", "A page has all items, whatever its size."): (
        lambda size, _: sys.maxsize
    ),
}

PAGE: FaultTable[Page[Any]] = {
    fault("finetuning.page-drops-item", "Every page but the first lacks its first item."): without_first,
}


def _items(body: _Json) -> list[Any]:
    return next(value for value in body.values() if isinstance(value, list))


LIST: FaultTable[_Json] = {
    fault("finetuning.total-size-wrong", "total_size is the number of items on the page."): (
        lambda body, _: {**body, "total_size": len(_items(body))} if "total_size" in body else body
    ),
    fault("finetuning.page-token-missing", "next_page_token is empty on every page."): (
        lambda body, _: {**body, "next_page_token": ""}
    ),
    fault("finetuning.last-page-token-missing", "The last page has no next_page_token."): (
        lambda body, _: body if body["next_page_token"] else without(body, "next_page_token")
    ),
    fault("finetuning.settings-missing", "The models of a list have no settings."): (
        lambda body, _: (
            {**body, "finetuned_models": [without(one, "settings") for one in body["finetuned_models"]]}
            if "finetuned_models" in body
            else body
        )
    ),
}
"""The body of a list."""
