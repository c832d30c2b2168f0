"""Names of models that witnesses show, compared with `contracts/models.yaml`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.contract.documents import load_located
from cohere_conformance.contract.lines import Lines
from cohere_conformance.contract.models import load_models
from cohere_conformance.drift.edits import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cohere_conformance.contract.models import KnownModel
    from cohere_conformance.drift.facts import Description, Node

_FILE = "models.yaml"
_DAY = len("2026-11-29")


@dataclass(frozen=True)
class ModelNews:
    """What is new about a model.

    Attributes:
        name: of the model.
        news: in words.
        edit: the line of `models.yaml`.
        unknown: whether the list does not have it.
    """

    name: str
    news: str
    edit: Edit
    unknown: bool = False


class KnownModels:
    """The models of `contracts/models.yaml`.

    Args:
        root: the folder of our contract.

    Raises:
        ContractError: the file is malformed.
    """

    def __init__(self, root: Path) -> None:
        path = root / _FILE
        self._shown = f"{root.name}/{_FILE}"
        self._models: dict[str, KnownModel] = {}
        self._lines = Lines(None)
        if path.exists():
            self._models = load_models(path).models
            _, self._lines = load_located(path)

    def news(self, name: str, *, served: str = "") -> ModelNews | None:
        """Return what is new about a model, or `None`.

        Args:
            name: of the model.
            served: RFC 3339 time at which the model was served; empty if it was just named.
        """
        known = self._models.get(name)
        if known is None:
            return ModelNews(name, "unknown model", Edit(self._shown, 1), unknown=True)
        ended = (
            ("retired", known.retired and known.retired.date),
            ("deprecated", known.deprecated),
        )
        for word, since in ended:
            if since is not None and served[:_DAY] >= str(since):
                line = self._lines.of(["models", name])
                return ModelNews(name, f"{word} since {since}, but served", Edit(self._shown, line))
        return None


def declared_models(description: Description) -> Iterator[str]:
    """Yield the models that a document or an SDK declares as a value of a parameter or property `model`.

    Most name models in prose only, which is not read.
    """
    for operation in description.operations.values():
        yield from _declared(operation)


def _declared(node: Node) -> Iterator[str]:
    for step, child in node.children.items():
        if step.rpartition(".")[2] == "model":
            enum, default = child.attributes.get("enum"), child.attributes.get("default")
            literals = [*(sorted(enum) if isinstance(enum, frozenset) else ()), default]
            values = [json.loads(literal) for literal in literals if isinstance(literal, str)]
            yield from (value for value in values if isinstance(value, str))
        yield from _declared(child)
