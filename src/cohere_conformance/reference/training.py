"""Training of a model over time: its status, its events, and the metrics of its steps."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.datasets import record
from cohere_conformance.reference.handling import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from cohere_conformance.reference.datasets.record import Dataset
    from cohere_conformance.reference.state import Account

KINDS = {
    "BASE_TYPE_CHAT": ("chat-finetune-input",),
    "BASE_TYPE_RERANK": ("reranker-finetune-input",),
    "BASE_TYPE_CLASSIFICATION": (
        "single-label-classification-finetune-input",
        "multi-label-classification-finetune-input",
    ),
}
"""By type of model: the dataset types for its training."""
_BASES = {
    "BASE_TYPE_CHAT": ("command-r-08-2024", "08-2024"),
    "BASE_TYPE_RERANK": ("rerank-english-v3.0", "3.0"),
    "BASE_TYPE_CLASSIFICATION": ("embed-english-v3.0", "3.0"),
}
"""By type of model: the default base model and its version."""
_RANGES = {
    "train_epochs": (1, 10),
    "learning_rate": (5e-5, 0.1),
    "train_batch_size": (2, 16),
    "early_stopping_threshold": (0.001, 0.1),
    "early_stopping_patience": (0, 10),
}
"""The documented ranges (FT-R02), which no schema has."""
_DEFAULTS = {"train_epochs": 1, "learning_rate": 0.01, "train_batch_size": 16}
_COURSE = ("QUEUED", "FINETUNING", "FINETUNING", "DEPLOYING_API", "READY")
"""The status after each step."""
_TRAINED = 3
"""The number of steps of the training itself."""
_MOST_METRICS = 120
"""The maximum number of metrics; of longer trainings only every so many steps have metrics."""


class MissingDatasetError(ApiError):
    """The dataset of a training does not exist."""


@dataclass
class Finetuned:
    """One fine-tuned model.

    Attributes:
        id: a UUID.
        name: the name that it was created with, or that of the last update.
        settings: the settings of responses, with defaults.
        created_at: the time of its creation.
        step: the duration of a step.
        examples: the number of training examples.
        source: the dataset.
        updated_at: the time of the last update.
        hyper: the hyperparameters of its training; later changes of the settings do not repeat the training.
        deleted: whether it was deleted.
    """

    id: str
    name: str
    settings: dict[str, Any]
    created_at: datetime
    step: timedelta
    examples: int
    source: Dataset
    updated_at: datetime
    hyper: dict[str, Any]
    deleted: bool = False

    def events(self, now: datetime) -> list[tuple[str, datetime]]:
        """Return each status so far with its time, the oldest first."""
        found: list[tuple[str, datetime]] = []
        gone = self.source.deleted_at
        for number, status in enumerate(_COURSE):
            at = self.created_at + number * self.step
            if gone is not None and number <= _TRAINED and gone < at and gone <= now:
                return [*found, ("FAILED", gone)]
            if at > now:
                break
            if not found or found[-1][0] != status:
                found.append((status, at))
        return found

    @property
    def trained_at(self) -> datetime:
        """Return the time at which the training ends, unless it fails."""
        return self.created_at + _TRAINED * self.step

    def metrics(self, now: datetime) -> list[dict[str, Any]]:
        """Return the metrics of the training steps so far, the last step first."""
        batch = max(1, int(self.hyper["train_batch_size"]))
        total = max(1, int(self.hyper["train_epochs"])) * math.ceil(self.examples / batch)
        began = self.created_at + self.step
        status, since = self.events(now)[-1]
        until = since if status == "FAILED" else now
        every = math.ceil(total / _MOST_METRICS)
        found = []
        for number in range(every, total + 1, every):
            at = began + (self.trained_at - began) * number / total
            if at <= until:
                found.append((number, at, self._values(number, total)))
        return [
            {"created_at": at, "step_number": number, "metrics": values} for number, at, values in found[::-1]
        ]

    def _values(self, number: int, total: int) -> dict[str, float]:
        digest = hashlib.blake2b(f"{self.source.id} {number}".encode(), digest_size=2).digest()
        noise = int.from_bytes(digest) / 65_535 / 50
        progress = number / total
        loss = round(2.5 * math.exp(-2 * progress) + noise, 6)
        return {"loss": loss, "accuracy": round(1 - loss / 4, 6), "learning_rate": self._rate(progress)}

    def _rate(self, progress: float) -> float:
        return round(float(self.hyper["learning_rate"]) * (1 - progress / 2), 8)


def settings_of(
    given: Mapping[str, Any], account: Account, now: datetime, *, kept: Dataset | None, lax: bool
) -> tuple[dict[str, Any], Dataset]:
    """Return the settings of a response, and their dataset.

    Args:
        given: the settings of the request.
        account: of the caller.
        now: the time.
        kept: the dataset that the model was trained with, which may have been deleted since.
        lax: accept hyperparameters out of range, for a fault.

    Raises:
        ApiError: 400, the settings are invalid.
    """
    base = dict(given["base_model"])
    kinds = KINDS.get(base["base_type"])
    if kinds is None:
        raise ApiError(400, f"base_type {base['base_type']} cannot be trained")
    hyper = _hyperparameters(given.get("hyperparameters") or {}, lax=lax)
    identity = given["dataset_id"]
    trained = kept is not None and kept.id == identity
    source = kept if trained else record.find(account, identity, now)
    if source is None:
        raise MissingDatasetError(400, f"dataset {identity} does not exist")
    if source.kind.name not in kinds:
        raise ApiError(
            400, f"dataset {identity} is of type {source.kind.name}, expected {' or '.join(kinds)}"
        )
    name, version = _BASES[base["base_type"]]
    settings: dict[str, Any] = {
        "base_model": {
            "name": base.get("name") or name,
            "version": version,
            "base_type": base["base_type"],
            "strategy": base.get("strategy") or "STRATEGY_UNSPECIFIED",
        },
        "dataset_id": identity,
        "hyperparameters": hyper,
    }
    if base["base_type"] == "BASE_TYPE_CLASSIFICATION":
        settings["multi_label"] = source.kind.name.startswith("multi")
    wandb = given.get("wandb")
    if wandb is not None:
        # The contract requires an api_key in responses; the real one is not sent.
        settings["wandb"] = {
            **{name: text for name, text in wandb.items() if text is not None},
            "api_key": "****",
        }
    return settings, source


def _hyperparameters(given: Mapping[str, Any], *, lax: bool) -> dict[str, Any]:
    sent = {name: value for name, value in given.items() if value is not None}
    for name, (low, high) in _RANGES.items():
        if name in sent and not lax and not low <= sent[name] <= high:
            raise ApiError(400, f"hyperparameter {name} must be between {low:g} and {high:g}")
    return _DEFAULTS | sent
