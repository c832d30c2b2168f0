"""What was sent beside what the SDK made of it: what is lost, and where."""

from __future__ import annotations

import enum
import re
import typing
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import pydantic

from cohere_conformance.golden.sdk.result import What
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

Lost = tuple[str, What]
"""A place, and what becomes of it."""
_FRACTION = re.compile(r"\.\d{6}(\d+)")
_FREE = "{}"


class _Field(msgspec.Struct, frozen=True):
    """A declared field of a class: its name in Python, and whether its objects have classes of their own."""

    name: str
    classed: bool


def compare(told: object, got: object, *, classed: bool, location: str = "") -> Iterator[Lost]:
    """Yield what of a JSON value did not come through.

    A number that is another type of number, and a time that is written otherwise, are no losses.

    Args:
        told: the value, as recorded.
        got: what the SDK made of it.
        classed: whether the SDK promises instances of classes for the objects at this place.
        location: where the value stands.
    """
    if told is not None and got is None:
        yield location, What.NONE
        return
    match told:
        case dict():
            yield from _object(told, got, classed, location)
        case list():
            yield from _array(told, got, classed, location)
        case _ if not _equal(told, got):
            yield location, What.CHANGED


def promises_classes(annotation: object) -> bool:
    """Tell whether a type has instances of classes for objects, and no plain `dict`."""
    leaves = list(_leaves(annotation))
    return any(_is_model(one) for one in leaves) and not any(one in (dict, Any) for one in leaves)


def _object(told: dict[str, Any], got: object, classed: bool, location: str) -> Iterator[Lost]:
    match got:
        case pydantic.BaseModel():
            yield from _model(told, got, location)
        case dict():
            if classed:
                yield location, What.UNTYPED
            for name, value in told.items():
                below = f"{location}/{escaped(name) if classed else _FREE}"
                if name in got:
                    yield from compare(value, got[name], classed=False, location=below)
                else:
                    yield below, What.DROPPED
        case _:
            yield location, What.CHANGED


def _model(told: dict[str, Any], got: pydantic.BaseModel, location: str) -> Iterator[Lost]:
    values, fields, extra = dict(got), _fields(type(got)), got.model_extra or {}
    for name, value in told.items():
        below = f"{location}/{escaped(name)}"
        field = fields.get(name)
        if field is not None and field.name in values:
            yield from compare(value, values[field.name], classed=field.classed, location=below)
        elif name in extra:
            yield below, What.UNTYPED
            yield from compare(value, extra[name], classed=False, location=below)
        else:
            yield below, What.DROPPED


def _array(told: list[Any], got: object, classed: bool, location: str) -> Iterator[Lost]:
    if not isinstance(got, list | tuple) or len(told) != len(got):
        yield location, What.CHANGED
        return
    for one, other in zip(told, got, strict=True):
        yield from compare(one, other, classed=classed, location=f"{location}/*")


def _equal(told: object, got: object) -> bool:
    match got:
        case datetime():
            return isinstance(told, str) and _moment(told) == got
        case enum.Enum():
            return bool(told == got.value)
    return isinstance(told, bool) is isinstance(got, bool) and told == got


def _moment(text: str) -> datetime | None:
    """Return the time that a text says; `None` where it says none, or more than a time can hold."""
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
        _on_the_wire(name, info): _Field(name, promises_classes(info.annotation))
        for name, info in kind.model_fields.items()
    }


def _on_the_wire(name: str, info: Any) -> str:
    # The SDK's generator keeps the name beside pydantic's own alias.
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
