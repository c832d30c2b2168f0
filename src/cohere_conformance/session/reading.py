"""Which parts of a response a test reads: a deviation elsewhere does not end the test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints, is_typeddict

from cohere_conformance.pointer import tokens_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def reads(pointer: str, kind: Any, location: str) -> bool:
    """Return whether who reads the value at a pointer as some type reads what is at a location as well.

    Args:
        pointer: JSON pointer of the value.
        kind: its type, as `msgspec.convert` takes it.
        location: JSON pointer, with `*` for the index of any element.
    """
    ours, theirs = tokens_of(pointer), tokens_of(location)
    if not all(a == b or (b == "*" and a.isdigit()) for a, b in zip(ours, theirs, strict=False)):
        return False
    return _has(kind, theirs[len(ours) :])


def _has(kind: Any, tokens: Sequence[str]) -> bool:
    """Return whether a type says something about what is at a location in its values."""
    if not tokens:
        return True
    if is_typeddict(kind):
        properties = get_type_hints(kind, include_extras=True)
        return tokens[0] in properties and _has(properties[tokens[0]], tokens[1:])
    options = get_args(kind)
    if get_origin(kind) is Annotated:
        return _has(options[0], tokens)
    if get_origin(kind) is list:
        return _has(options[0], tokens[1:])
    if get_origin(kind) is dict:
        return _has(options[1], tokens[1:])
    return any(_has(option, tokens) for option in options) if options else kind is not type(None)
