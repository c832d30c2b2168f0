"""Fine-tuned models in random sequences of calls: trained, read, listed, changed, deleted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import strategies
from hypothesis.stateful import precondition, rule

from cohere_conformance.session.api import UPLOAD_OPERATIONS
from cohere_conformance.session.lifecycle import Lifecycle, explore, step

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api, ApiResponse

MODELS = "/v1/finetuning/finetuned-models"
CREATE, LIST = f"POST {MODELS}", f"GET {MODELS}"
GET, PATCH, DELETE = (f"{method} {MODELS}/{{id}}" for method in ("GET", "PATCH", "DELETE"))
PROGRESS = {"QUEUED": 0, "FINETUNING": 1, "DEPLOYING_API": 2}
TRAINED = 3
CONSTANT = ("id", "creator_id", "organization_id", "created_at")
MOST = 2
PICK = strategies.integers(0, MOST - 1)
PATIENCE = 600.0


def progress(model: dict[str, Any]) -> int:
    """Return how far the training of a model has progressed."""
    return PROGRESS.get(str(model.get("status", "")).removeprefix("STATUS_"), TRAINED)


@dataclass
class Expected:
    """What is known of a model, and must be confirmed by each response.

    Attributes:
        id: of the model.
        last: the model as the last response showed it.
        deleted: whether it was deleted.
    """

    id: str
    last: dict[str, Any]
    deleted: bool = False


class Models(Lifecycle):
    """The models that the test trains with one dataset."""

    def __init__(self, dataset: str, api: Api, ended: list[Exception]) -> None:
        super().__init__(api, ended)
        self.dataset = dataset
        self.number = 0
        self.models: list[Expected] = []

    @precondition(lambda self: self.number < MOST)
    @rule()
    @step
    def create(self) -> None:
        """Start to train a model."""
        self.number += 1
        settings = {"base_model": {"base_type": "BASE_TYPE_CHAT"}, "dataset_id": self.dataset}
        body = {"name": f"conformance-{self.api.unique}", "settings": settings}
        response = self.api.call(CREATE, body=body)
        model = response.at("/finetuned_model/id", str)
        self.api.later(DELETE, path={"id": model})
        created = response.at("/finetuned_model", dict[str, Any], despite_requirements=True)
        if created.get("name") != body["name"]:
            created.pop("name", None)  # the requirement finetuning.echo is about it
        self.models.append(Expected(model, created))

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def read(self, pick: int) -> None:
        """Read a model, which may be deleted."""
        self.check(self.models[pick % len(self.models)])

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def follow(self, pick: int) -> None:
        """Read a model until it is trained."""
        one = self.models[pick % len(self.models)]
        if one.deleted or progress(one.last) >= TRAINED:
            return

        def trained(response: ApiResponse) -> bool:
            self.compare(one, response.at("/finetuned_model", dict[str, Any]), response, "/finetuned_model")
            return progress(one.last) >= TRAINED

        self.api.until(
            GET,
            trained,
            path={"id": one.id},
            seconds=PATIENCE,
            expected=f"the end of the training of {one.id}",
            growth=1.1,
        )

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def change(self, pick: int) -> None:
        """Rename a model, which may be deleted; a status and an owner in the request are ignored."""
        one = self.models[pick % len(self.models)]
        name = f"conformance-renamed-{self.api.unique}"
        settings = {"base_model": {"base_type": "BASE_TYPE_CHAT"}, "dataset_id": self.dataset}
        body = {"name": name, "settings": settings, "status": "STATUS_PAUSED", "creator_id": "conformance"}
        status = (400, 404) if one.deleted else 200
        response = self.api.call(PATCH, path={"id": one.id}, body=body, status=status)
        if one.deleted:
            return
        model = response.at("/finetuned_model", dict[str, Any])
        self.require_same(one, {**one.last, "name": name}, model, response)
        paused = model.get("status") == "STATUS_PAUSED"
        self.api.require(
            "finetuning.patch-only",
            not paused,
            response,
            location="/finetuned_model/status",
            expected="the status before",
            observed="the status that was sent",
        )
        one.last = {**one.last, "name": name}
        self.check(one)

    @precondition(lambda self: self.number)
    @rule()
    @step
    def list_all(self) -> None:
        """List the models."""
        response = self.api.call(LIST, query=[("page_size", "50"), ("order_by", "created_at desc")])
        models = response.at("/finetuned_models", list[dict[str, Any]] | None) or ()
        listed = {str(model.get("id")): model for model in models}
        for one in self.models:
            if one.id in listed:
                self.compare(one, listed[one.id], response, "/finetuned_models/*")

    @precondition(lambda self: self.number)
    @rule(pick=PICK)
    @step
    def delete(self, pick: int) -> None:
        """Delete a model, which may be deleted already, and read it."""
        one = self.models[pick % len(self.models)]
        self.api.call(DELETE, path={"id": one.id}, status=(200, 404) if one.deleted else 200)
        one.deleted = True
        self.check(one)

    def check(self, one: Expected) -> None:
        """Read a model and compare it with what is known of it."""
        response = self.api.call(GET, path={"id": one.id}, status=(200, 404) if one.deleted else 200)
        if response.status == 200:
            self.compare(one, response.at("/finetuned_model", dict[str, Any]), response, "/finetuned_model")

    def compare(self, one: Expected, now: dict[str, Any], response: ApiResponse, location: str) -> None:
        """Compare a model in a response with the same model in the response before."""
        if one.deleted:
            self.api.require(
                "finetuning.deleted-is-gone",
                now.get("status") == "STATUS_DELETED",
                response,
                location=f"{location}/status",
                expected="404, or STATUS_DELETED",
                observed=f"a model that is {now.get('status')}",
            )
            return
        self.require_same(one, one.last, now, response, location)
        self.api.require(
            "finetuning.status-course",
            progress(now) >= progress(one.last),
            response,
            location=f"{location}/status",
            expected=f"{one.last.get('status')} or a later status",
            observed=now.get("status"),
        )
        one.last = now

    def require_same(
        self,
        one: Expected,
        before: dict[str, Any],
        now: dict[str, Any],
        response: ApiResponse,
        location: str = "/finetuned_model",
    ) -> None:
        """Require the name that was set last, and the values that only the service sets as they were."""
        names = [name for name in ("name", *CONSTANT) if name in before]
        different = {
            name: (before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)
        }
        self.api.require(
            "finetuning.patch-only",
            not different,
            response,
            location=location,
            expected="the values before",
            observed=different,
            value_class=" ".join(sorted(different)),
        )


@pytest.mark.operations(*UPLOAD_OPERATIONS, CREATE, LIST, GET, PATCH, DELETE)
def test_any_order(api: Api) -> None:
    """A model keeps its name and owner, and its training only moves forward, whatever is called."""
    if api.profile == "live-2026":
        pytest.skip("retired")
    rows = [
        {"messages": [{"role": "User", "content": question}, {"role": "Chatbot", "content": answer}]}
        for question, answer in (
            ("Dogs?", "Not inside."),
            ("Prams?", "By the lift."),
            ("Bags?", "In the lockers."),
        )
    ]
    dataset = api.upload(
        "chat-finetune-input", rows, name="talks", filename="train.jsonl", seconds=PATIENCE
    ).id
    explore(api, partial(Models, dataset))
