"""Compares a recorded value with what the SDK parsed: what is lost, and where."""

from __future__ import annotations

import enum
import re
import typing
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import pydantic

from cohere_conformance.pointer import escaped
from cohere_conformance.sdk.loss import LossKind

if TYPE_CHECKING:
    from collections.abc import Iterator

Lost = tuple[str, LossKind]
"""A location, and how the value there is lost."""
_FRACTION = re.compile(r"\.\d{6}(\d+)")
_FREE = "{}"


class _Field(msgspec.Struct, frozen=True):
    """A declared field of a class: its name in Python, and whether its objects have classes of their own."""

    name: str
    classed: bool


def compare(recorded: object, parsed: object, *, classed: bool, location: str = "") -> Iterator[Lost]:
    """Yield which parts of a JSON value are lost.

    A number of another numeric type, and a time in another notation, are not losses.

    Args:
        recorded: the recorded value.
        parsed: what the SDK parsed.
        classed: whether the SDK declares instances of classes for the objects at this location.
        location: of the value.
    """
    if recorded is not None and parsed is None:
        yield location, LossKind.NONE
        return
    match recorded:
        case dict():
            yield from _object(recorded, parsed, classed, location)
        case list():
            yield from _array(recorded, parsed, classed, location)
        case _ if not _equal(recorded, parsed):
            yield location, LossKind.CONVERTED if _spelled(recorded, parsed) else LossKind.CHANGED


def promises_classes(annotation: object) -> bool:
    """Return whether a type has instances of classes for objects, and no plain `dict`."""
    leaves = list(_leaves(annotation))
    return any(_is_model(one) for one in leaves) and not any(one in (dict, Any) for one in leaves)


def _object(recorded: dict[str, Any], parsed: object, classed: bool, location: str) -> Iterator[Lost]:
    match parsed:
        case pydantic.BaseModel():
            yield from _model(recorded, parsed, location)
        case dict():
            if classed:
                yield location, LossKind.UNTYPED
            for name, value in recorded.items():
                below = f"{location}/{escaped(name) if classed else _FREE}"
                if name in parsed:
                    yield from compare(value, parsed[name], classed=False, location=below)
                else:
                    yield below, LossKind.DROPPED
        case _:
            yield location, LossKind.CHANGED


def _model(recorded: dict[str, Any], parsed: pydantic.BaseModel, location: str) -> Iterator[Lost]:
    values, fields, extra = dict(parsed), _fields(type(parsed)), parsed.model_extra or {}
    for name, value in recorded.items():
        below = f"{location}/{escaped(name)}"
        field = fields.get(name)
        if field is not None and field.name in values:
            yield from compare(value, values[field.name], classed=field.classed, location=below)
        elif name in extra:
            yield below, LossKind.UNTYPED
            yield from compare(value, extra[name], classed=False, location=below)
        else:
            yield below, LossKind.DROPPED


def _array(recorded: list[Any], parsed: object, classed: bool, location: str) -> Iterator[Lost]:
    if not isinstance(parsed, list | tuple) or len(recorded) != len(parsed):
        yield location, LossKind.CHANGED
        return
    for one, other in zip(recorded, parsed, strict=True):
        yield from compare(one, other, classed=classed, location=f"{location}/*")


def _equal(recorded: object, parsed: object) -> bool:
    match parsed:
        case datetime():
            return isinstance(recorded, str) and _moment(recorded) == parsed
        case enum.Enum():
            return bool(recorded == parsed.value)
    return isinstance(recorded, bool) is isinstance(parsed, bool) and recorded == parsed


def _spelled(recorded: object, parsed: object) -> bool:
    """Return whether a text spells what was parsed."""
    if not isinstance(recorded, str):
        return False
    match parsed:
        case bool():
            return recorded.lower() == str(parsed).lower()
        case int() | float():
            try:
                return float(recorded) == parsed
            except ValueError:
                return False
    return False


def _moment(text: str) -> datetime | None:
    """Return the time that a text is; `None` if it is none, or more precise than a `datetime`."""
    rest = _FRACTION.search(text)
    if rest and rest[1].strip("0"):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _fields(kind: type[pydantic.BaseModel]) -> dict[str, _Field]:
    """Return the fields of a class by their names on the wire."""
    return {
        on_the_wire(name, info): _Field(name, promises_classes(info.annotation))
        for name, info in kind.model_fields.items()
    }


def on_the_wire(name: str, info: Any) -> str:
    """Return the name of a field in JSON.

    Args:
        name: in Python.
        info: what pydantic knows about the field.
    """
    # The generator of the SDK stores the name beside the alias of pydantic.
    kept = (getattr(one, "alias", None) for one in info.metadata)
    return next((one for one in (info.alias, *kept) if isinstance(one, str)), name)


def _leaves(annotation: object) -> Iterator[object]:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is dict or not inner or origin is typing.Literal:
        yield origin or annotation
        return
    for one in inner:
        yield from _leaves(one)


def _is_model(one: object) -> bool:
    return isinstance(one, type) and issubclass(one, pydantic.BaseModel)
