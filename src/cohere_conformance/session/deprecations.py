"""What is known to be deprecated: by the document, its list of ends, and the list of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.contract import load_declarations
from cohere_conformance.contract.compile import METHODS
from cohere_conformance.contract.deprecations import shipped_ends
from cohere_conformance.contract.models import ANY, shipped_models
from cohere_conformance.data import folder
from cohere_conformance.report import DeprecatedKind, KnownDeprecation

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.models import KnownModel
    from cohere_conformance.drift.facts import Node

_DOCUMENT, _ENDS, _MODELS = "document", "deprecations.yaml", "models.yaml"
_OF_A_REQUEST = " request."
_PARAMETERS = ("path.", "query.", "header.", "cookie.")


def known_deprecations(contract: Contract) -> tuple[KnownDeprecation, ...]:
    """Return the deprecated operations, properties and models that are recognised without a schema."""
    labels = [
        f"{method.upper()} {path}"
        for path, item in contract.document["paths"].items()
        for method in METHODS
        if item.get(method, {}).get("deprecated")
    ]
    properties = [name for name in shipped_ends() if _OF_A_REQUEST in name]
    return (
        *(_ended(DeprecatedKind.OPERATION, label, ()) for label in labels),
        *(_ended(DeprecatedKind.PROPERTY, name, (name.partition(_OF_A_REQUEST)[0],)) for name in properties),
        *_models(),
    )


def deprecated_parts() -> tuple[KnownDeprecation, ...]:
    """Return the deprecated parameters and properties of operations that are not deprecated as such.

    What several operations have in common is named as part of the first one.
    """
    from cohere_conformance.drift.sources import our_facts  # only reports on the document need it

    facts = our_facts(load_declarations(), folder("contracts"), amended=False)
    found: dict[str, tuple[str, DeprecatedKind, list[str]]] = {}
    for key, operation in facts.operations.items():
        if operation.attributes.get("deprecated"):
            continue
        label = facts.labels[key]
        for steps, node in _flagged(operation, ()):
            location = "".join(steps)
            kind = DeprecatedKind.PARAMETER if location.startswith(_PARAMETERS) else DeprecatedKind.PROPERTY
            name = f"{label} {location}"
            labels = found.setdefault(node.origin or name, (name, kind, []))[2]
            if label not in labels:
                labels.append(label)
    return tuple(_ended(kind, name, tuple(labels)) for name, kind, labels in found.values())


def _flagged(node: Node, steps: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node]]:
    for step, child in node.children.items():
        if child.attributes.get("deprecated"):
            yield (*steps, step), child
        else:
            yield from _flagged(child, (*steps, step))


def _ended(kind: DeprecatedKind, name: str, operations: tuple[str, ...]) -> KnownDeprecation:
    end = shipped_ends().get(name)
    return KnownDeprecation(
        kind=kind,
        name=name,
        source=_DOCUMENT if end is None else f"{_DOCUMENT}, {_ENDS}",
        announced=_day(end.announced) if end else "",
        ends=_day(end.date) if end else "",
        successor=end.successor if end else "",
        operations=operations,
    )


def _models() -> Iterator[KnownDeprecation]:
    for name, model in shipped_models().models.items():
        if model.retired is None and model.deprecated is None:
            continue
        yield KnownDeprecation(
            kind=DeprecatedKind.MODEL,
            name=name,
            source=_MODELS,
            announced=_day(model.deprecated),
            ends=_day(model.retired.date) if model.retired else "",
            successor=_successor(model),
        )


def _successor(model: KnownModel) -> str:
    """Return the model that cases use for what a model was for; empty if there is none."""
    shipped = shipped_models()
    for role in shipped.roles.values():
        default = shipped.models[role.default[ANY]]
        if role.endpoint in model.endpoints and default.retired is None and not default.contract_only:
            return role.default[ANY]
    return ""


def _day(day: datetime.date | None) -> str:
    return "" if day is None else day.isoformat()
