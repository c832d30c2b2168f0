"""Finds values in a parsed response that the SDK's own types exclude.

The SDK does not validate: it constructs its classes with whatever was received. An application then gets
`None` for a `str`, which its type checker has excluded.
"""

from __future__ import annotations

import types
import typing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pydantic

from cohere_conformance.pointer import escaped
from cohere_conformance.sdk.comparing import on_the_wire

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN: dict[type, tuple[type, ...]] = {
    str: (str,),
    bool: (bool,),
    int: (int,),
    float: (int, float),
    datetime: (datetime,),
    type(None): (type(None),),
}


def mistyped(parsed: object, location: str = "") -> Iterator[str]:
    """Yield the locations of values that the declared types of the SDK exclude; `*` is any array index.

    Args:
        parsed: what the SDK has returned.
        location: of it.
    """
    match parsed:
        case pydantic.BaseModel():
            for name, info in type(parsed).model_fields.items():
                value = getattr(parsed, name, None)
                below = f"{location}/{escaped(on_the_wire(name, info))}"
                if fits(value, info.annotation):
                    yield from mistyped(value, below)
                else:
                    yield below
        case list() | tuple():
            for value in parsed:
                yield from mistyped(value, f"{location}/*")


def fits(value: object, annotation: Any) -> bool:
    """Return whether a value has a declared type; what is inside of an object is not looked at.

    Args:
        value: as parsed.
        annotation: the declared type.
    """
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return fits(value, inner[0])
    if origin in {typing.Union, types.UnionType}:
        return any(fits(value, one) for one in inner)
    if origin is typing.Literal:
        return value in inner
    kind = origin or annotation
    if kind is Any or not isinstance(kind, type):
        return True
    if kind is list or issubclass(list, kind):
        return isinstance(value, list) and (not inner or all(fits(one, inner[0]) for one in value))
    if issubclass(kind, pydantic.BaseModel):
        return isinstance(value, kind)
    if kind in _PLAIN:
        return isinstance(value, _PLAIN[kind]) and (kind is bool or not isinstance(value, bool))
    return isinstance(value, kind)
