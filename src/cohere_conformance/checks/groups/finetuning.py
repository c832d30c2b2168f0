"""Fine-tuning: settings, and pages of models, events and metrics."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from cohere_conformance.checks.frame import shown
from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.checks.values import asked, asked_number, moment, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cohere_conformance.checks.evidence import Evidence, Json

_RANGES = {
    "train_epochs": (1, 10),
    "learning_rate": (5e-5, 0.1),
    "train_batch_size": (2, 16),
    "early_stopping_threshold": (0.001, 0.1),
    "early_stopping_patience": (0, 10),
}
_DEFAULTS = {"train_epochs": 1, "learning_rate": 0.01, "train_batch_size": 16}
_PAGE = 50
_CLOSE = 1e-9
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_IDENTITY = re.compile(r"/finetuned-models/([^/?]+)")


def _part(value: Json, *names: str) -> Json:
    """Return an object inside another; empty if there is none."""
    for name in names:
        inner = value.get(name)
        value = inner if isinstance(inner, dict) else {}
    return value


def _listed(evidence: Evidence) -> tuple[str, list[Json]]:
    """Return the entries of a page and the name of their property."""
    for name in ("finetuned_models", "events", "step_metrics"):
        found = evidence.response.get(name)
        if isinstance(found, list):
            return name, [one for one in found if isinstance(one, dict)]
    return "", []


# -- creating and changing


@check("finetuning.wrapped")
def wrapped(evidence: Evidence) -> Iterator[Breach]:
    """A created, read or changed model is wrapped in finetuned_model (FT-S01)."""
    if not isinstance(evidence.response.get("finetuned_model"), dict):
        yield Breach("/finetuned_model", "the model", "none")


@check("finetuning.echo", ids=True)
def echo(evidence: Evidence) -> Iterator[Breach]:
    """A model has the name and the settings that it was created or changed with (FT-R01, FT-O04)."""
    sent, reported = evidence.sent, _part(evidence.response, "finetuned_model")
    for path in (("name",), ("settings", "dataset_id"), ("settings", "base_model", "base_type")):
        yield from _same(path, sent, reported)
    for name in _part(sent, "settings", "hyperparameters"):
        yield from _same(("settings", "hyperparameters", name), sent, reported)


def _same(path: tuple[str, ...], sent: Json, reported: Json) -> Iterator[Breach]:
    asked_for = _part(sent, *path[:-1]).get(path[-1])
    answered = _part(reported, *path[:-1]).get(path[-1])
    # Zeros and unspecified values are defaults of a message.
    open_choice = not asked_for or str(asked_for).endswith("UNSPECIFIED")
    if open_choice or answered is None or asked_for == answered:
        return
    one, other = number(asked_for), number(answered)
    if one is None or other is None or abs(one - other) > _CLOSE:
        yield Breach(
            f"/finetuned_model/{'/'.join(path)}",
            f"{shown(asked_for)}, as it was sent",
            shown(answered),
            path[-1],
        )


def _chats(settings: Json) -> bool:
    return _part(settings, "base_model").get("base_type") == "BASE_TYPE_CHAT"


@check("finetuning.ranges")
def ranges(evidence: Evidence) -> Iterator[Breach]:
    """Hyperparameters of a chat model outside their documented range are refused (FT-R02)."""
    settings = _part(evidence.sent, "settings")
    given = _part(settings, "hyperparameters") if _chats(settings) else {}
    for name, (low, high) in _RANGES.items():
        value = number(given.get(name))
        if value and not low <= value <= high:
            yield Breach("", f"a refusal of {name} outside {low:g} to {high:g}", f"{value:g} taken", name)


@check("finetuning.defaults")
def defaults(evidence: Evidence) -> Iterator[Breach]:
    """Hyperparameters of a chat model have their documented default if absent from the request (FT-R02)."""
    settings = _part(evidence.sent, "settings")
    if not _chats(settings):
        return
    given = _part(settings, "hyperparameters")
    reported = _part(evidence.response, "finetuned_model", "settings", "hyperparameters")
    for name, default in _DEFAULTS.items():
        value = number(reported.get(name))
        if not given.get(name) and value and abs(value - default) > _CLOSE:
            location = f"/finetuned_model/settings/hyperparameters/{name}"
            yield Breach(location, f"{default:g}, the default", f"{value:g}")


@check("finetuning.unknown-dataset", errors=True)
def unknown_dataset(evidence: Evidence) -> Iterator[Breach]:
    """Creating a model with an unknown dataset gets 400 (FT-E02)."""
    identity, message = _part(evidence.sent, "settings").get("dataset_id"), evidence.response.get("message")
    reported = isinstance(identity, str) and identity and isinstance(message, str) and identity in message
    if evidence.status == 404 and reported:
        yield Breach("", "400 for an unknown dataset", "404")


@check("finetuning.malformed-id", errors=True, ids=True)
def malformed_id(evidence: Evidence) -> Iterator[Breach]:
    """An id that is not a UUID does not get a 5xx status (FT-E01)."""
    found = _IDENTITY.search(evidence.parsed.exchange.request.url)
    if evidence.status == 500 and found is not None and not _UUID.fullmatch(found[1]):
        yield Breach("", "400 or 404 for an id that is no UUID", "500")


# -- listing


@check("finetuning.page-size")
def page_size(evidence: Evidence) -> Iterator[Breach]:
    """A page contains at most page_size entries, 50 if it is 0 or absent (FT-R04)."""
    size = asked_number(evidence, "page_size")
    if size is None and "page_size" in evidence.query:
        return
    most = size or _PAGE
    name, items = _listed(evidence)
    if len(items) > most:
        yield Breach(f"/{name}", f"at most {most:g} items", str(len(items)))


@check("finetuning.end-of-list")
def end_of_list(evidence: Evidence) -> Iterator[Breach]:
    """Every page has a next_page_token, which is empty on the last page (FT-S01)."""
    if not isinstance(evidence.response.get("next_page_token"), str):
        yield Breach("/next_page_token", "a token, empty on the last page", "none")


@check("finetuning.models-order")
def models_order(evidence: Evidence) -> Iterator[Breach]:
    """Models are listed by creation time, oldest first, or newest first on request (FT-R04)."""
    yield from _in_order(evidence, newest_first=False)


@check("finetuning.events-order")
def events_order(evidence: Evidence) -> Iterator[Breach]:
    """Events are listed by creation time, newest first, or oldest first on request (FT-O01, FT-R04)."""
    yield from _in_order(evidence, newest_first=True)


def _in_order(evidence: Evidence, *, newest_first: bool) -> Iterator[Breach]:
    order = asked(evidence, "order_by")
    if order:
        if order.split() not in (["created_at"], ["created_at", "asc"], ["created_at", "desc"]):
            return
        newest_first = order.endswith("desc")
    elif "order_by" in evidence.query:
        return
    name, items = _listed(evidence)
    times = [one for one in (moment(item.get("created_at")) for item in items) if one is not None]
    for one, following in pairwise(reversed(times) if newest_first else times):
        if following < one:
            first = "newest" if newest_first else "oldest"
            yield Breach(f"/{name}/*/created_at", f"the {first} first", f"{one} and {following} turned round")
            return


@check("finetuning.metrics-order")
def metrics_order(evidence: Evidence) -> Iterator[Breach]:
    """Training step metrics are in descending order of step_number (FT-O02)."""
    name, items = _listed(evidence)
    reported = (number(item.get("step_number")) for item in items)
    for one, following in pairwise(step for step in reported if step is not None):
        if following > one:
            location = f"/{name}/*/step_number"
            yield Breach(location, "no step above the one before", f"{following:g} after {one:g}")
            return
