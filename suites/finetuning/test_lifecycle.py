"""Fine-tuned models in any order: trained, read, listed, changed and deleted, also when they are gone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import strategies
from hypothesis.stateful import precondition, rule

from cohere_conformance.cases import FormPart
from cohere_conformance.session.api import InconclusiveError
from cohere_conformance.session.lifecycle import Lifecycle, explore, step

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

UPLOAD, SHOW, REMOVE = "POST /v1/datasets", "GET /v1/datasets/{id}", "DELETE /v1/datasets/{id}"
MODELS = "/v1/finetuning/finetuned-models"
CREATE, LIST = f"POST {MODELS}", f"GET {MODELS}"
GET, PATCH, DELETE = (f"{method} {MODELS}/{{id}}" for method in ("GET", "PATCH", "DELETE"))
VALIDATING = frozenset({"unknown", "queued", "processing"})
RANK = {"QUEUED": 0, "FINETUNING": 1, "DEPLOYING_API": 2}
TRAINED = 3
FIXED = ("id", "creator_id", "organization_id", "created_at")
MOST = 2
PICK = strategies.integers(0, MOST - 1)
PATIENCE = 600.0


def rank(model: dict[str, Any]) -> int:
    """Return how far a training has come."""
    return RANK.get(str(model.get("status", "")).removeprefix("STATUS_"), TRAINED)


@dataclass
class Known:
    """What must be true of one model."""

    id: str
    last: dict[str, Any]
    deleted: bool = False


class Models(Lifecycle):
    """The models that were trained with one dataset."""

    def __init__(self, dataset: str, api: Api, ended: list[Exception]) -> None:
        super().__init__(api, ended)
        self.dataset = dataset
        self.made = 0
        self.known: list[Known] = []

    @precondition(lambda self: self.made < MOST)
    @rule()
    @step
    def create(self) -> None:
        """Begin to train one."""
        self.made += 1
        settings = {"base_model": {"base_type": "BASE_TYPE_CHAT"}, "dataset_id": self.dataset}
        body = {"name": f"conformance-{self.api.unique}", "settings": settings}
        response = self.api.call(CREATE, body=body)
        identity = response.at("/finetuned_model/id", str)
        self.api.later(DELETE, path={"id": identity})
        self.known.append(Known(identity, response.at("/finetuned_model", dict[str, Any])))

    @precondition(lambda self: self.made)
    @rule(pick=PICK)
    @step
    def read(self, pick: int) -> None:
        """Read one, which may be gone."""
        self.look(self.known[pick % len(self.known)])

    @precondition(lambda self: self.made)
    @rule(pick=PICK)
    @step
    def follow(self, pick: int) -> None:
        """Follow one until it is trained."""
        one = self.known[pick % len(self.known)]
        if one.deleted or rank(one.last) >= TRAINED:
            return

        def look() -> bool | None:
            self.look(one)
            return True if rank(one.last) >= TRAINED else None

        self.api.until(GET, look, PATIENCE, expected=f"an end of the training of {one.id}", growth=1.1)

    @precondition(lambda self: self.made)
    @rule(pick=PICK)
    @step
    def change(self, pick: int) -> None:
        """Give one another name and, in vain, what only the service says; it may be gone."""
        one = self.known[pick % len(self.known)]
        name = f"conformance-renamed-{self.api.unique}"
        settings = {"base_model": {"base_type": "BASE_TYPE_CHAT"}, "dataset_id": self.dataset}
        body = {"name": name, "settings": settings, "status": "STATUS_PAUSED", "creator_id": "conformance"}
        right = (400, 404) if one.deleted else 200
        response = self.api.call(PATCH, path={"id": one.id}, body=body, status=right)
        if one.deleted:
            return
        model = response.at("/finetuned_model", dict[str, Any])
        self.same(one, {**one.last, "name": name}, model, response)
        paused = model.get("status") == "STATUS_PAUSED"
        self.api.require(
            "finetuning.patch-only",
            not paused,
            response,
            location="/finetuned_model/status",
            expected="the status that it has",
            observed="the status that was sent",
        )
        one.last = {**one.last, "name": name}
        self.look(one)

    @precondition(lambda self: self.made)
    @rule()
    @step
    def list_all(self) -> None:
        """Look for all of them in the list."""
        response = self.api.call(LIST, query=[("page_size", "50"), ("order_by", "created_at desc")])
        every = response.at("/finetuned_models", list[dict[str, Any]] | None) or ()
        listed = {str(model.get("id")): model for model in every}
        for one in self.known:
            if one.id in listed:
                self.compare(one, listed[one.id], response, "/finetuned_models/*")

    @precondition(lambda self: self.made)
    @rule(pick=PICK)
    @step
    def delete(self, pick: int) -> None:
        """Delete one, which may be gone, and look for it."""
        one = self.known[pick % len(self.known)]
        self.api.call(DELETE, path={"id": one.id}, status=(200, 404) if one.deleted else 200)
        one.deleted = True
        self.look(one)

    def look(self, one: Known) -> None:
        """Read a model and compare it with what is known."""
        response = self.api.call(GET, path={"id": one.id}, status=(200, 404) if one.deleted else 200)
        if response.status == 200:
            self.compare(one, response.at("/finetuned_model", dict[str, Any]), response, "/finetuned_model")

    def compare(self, one: Known, now: dict[str, Any], response: ApiResponse, location: str) -> None:
        """Compare what is told of a model with what was told before."""
        if one.deleted:
            self.api.require(
                "finetuning.deleted-is-gone",
                now.get("status") == "STATUS_DELETED",
                response,
                location=location,
                expected="404, or that it is deleted",
                observed=now.get("status"),
            )
            return
        self.same(one, one.last, now, response, location)
        self.api.require(
            "finetuning.status-course",
            rank(now) >= rank(one.last),
            response,
            location=f"{location}/status",
            expected=f"{one.last.get('status')} or what comes after it",
            observed=now.get("status"),
        )
        one.last = now

    def same(
        self,
        one: Known,
        before: dict[str, Any],
        now: dict[str, Any],
        response: ApiResponse,
        location: str = "/finetuned_model",
    ) -> None:
        """Expect the name that was last given, and what nobody but the service says as it was."""
        names = ("name", *(name for name in FIXED if name in one.last))
        different = {
            name: (before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)
        }
        self.api.require(
            "finetuning.patch-only",
            not different,
            response,
            location=location,
            expected="what it was before",
            observed=different,
            value_class=" ".join(sorted(different)),
        )


def uploaded(api: Api) -> str:
    """Return the id of a validated dataset of conversations."""
    rows = [
        {"messages": [{"role": "User", "content": asked}, {"role": "Chatbot", "content": told}]}
        for asked, told in (
            ("Dogs?", "Not inside."),
            ("Prams?", "By the lift."),
            ("Bags?", "In the lockers."),
        )
    ]
    content = "".join(json.dumps(row) + "\n" for row in rows)
    query = (("name", f"conformance-talks-{api.unique}"), ("type", "chat-finetune-input"))
    form = (FormPart("data", content, "train.jsonl", "application/jsonl"),)
    identity = str(api.call(UPLOAD, query=query, form=form).body.get("id") or "")
    if not identity:
        raise InconclusiveError("an upload was answered without an id")
    api.later(REMOVE, path={"id": identity})

    def look() -> str | None:
        status = api.call(SHOW, path={"id": identity}).at("/dataset/validation_status", str)
        return None if status in VALIDATING else identity

    return api.until(SHOW, look, PATIENCE, expected=f"an end of the validation of {identity}")


@pytest.mark.operations(UPLOAD, SHOW, REMOVE, CREATE, LIST, GET, PATCH, DELETE)
def test_any_order(api: Api) -> None:
    if api.profile == "live-2026":
        pytest.skip("retired")
    explore(api, partial(Models, uploaded(api)))
