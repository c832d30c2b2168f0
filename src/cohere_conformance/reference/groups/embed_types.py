"""The six types of a vector as an answer tells them, and what can be wrong with each."""

from __future__ import annotations

import base64
from array import array
from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.vectors import TYPES, typed

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.vectors import Vector

UNNORMALISED = fault("embed.unnormalised", "Float vectors have a length of three.")
INT8_RANGE = fault("embed.int8-out-of-range", "The first component of each int8 vector is above 127.")
INT8_SHIFTED = fault("embed.int8-shifted", "The numbers of int8 vectors stand one place further.")
UINT8_SIGNED = fault("embed.uint8-signed", "uint8 vectors hold the numbers of the int8 vectors.")
UINT8_TURNED = fault("embed.uint8-turned", "uint8 vectors fall where the int8 vectors rise.")
BIG_ENDIAN = fault("embed.base64-big-endian", "The floats in base64 are written with the high byte first.")
DOUBLES = fault("embed.base64-doubles", "The floats in base64 have eight bytes each.")
INVERTED = fault("embed.ubinary-inverted", "ubinary vectors have a 1 where the component is negative.")
UNSIGNED = fault("embed.binary-unsigned", "binary vectors hold the numbers of the ubinary vectors.")
COMPLEMENT = fault("embed.binary-complement", "binary vectors are the bytes of ubinary, read with a sign.")
NOT_PACKED = fault("embed.not-packed", "binary and ubinary vectors have a number for each dimension.")
TYPES_IGNORED = fault("embed.types-ignored", "Only floats are answered, whatever types are asked for.")
EXTRA_TYPE = fault("embed.extra-type", "One more type is answered than is asked for.")
NULL_TYPES = fault("embed.null-types", "Types that are not asked for are null instead of absent.")


def answered(call: Call, vectors: list[Vector], kinds: list[str]) -> Any:
    """Return the vectors as a flat list, or by type.

    Args:
        call: with its faults.
        vectors: the floats.
        kinds: the types that are asked for; none for the flat list.
    """
    if not kinds:
        return [_typed(call, vector, "float") for vector in vectors]
    if call.faulty(TYPES_IGNORED):
        kinds = ["float"]
    others = [kind for kind in TYPES if kind not in kinds]
    if call.faulty(EXTRA_TYPE):
        kinds = [*kinds, *others[:1]]
    body: dict[str, Any] = {kind: [_typed(call, vector, kind) for vector in vectors] for kind in kinds}
    return body | dict.fromkeys(others) if call.faulty(NULL_TYPES) else body


def _typed(call: Call, vector: Vector, kind: str) -> Any:
    match kind:
        case "int8" | "uint8":
            return _bytes(call, vector, kind)
        case "binary" | "ubinary":
            return _bits(call, vector, kind)
    if call.faulty(UNNORMALISED):
        vector = tuple(3 * one for one in vector)
    if kind == "base64" and call.faulty(DOUBLES):
        return base64.b64encode(array("d", vector).tobytes()).decode()
    return typed(vector, kind, big_endian=call.faulty(BIG_ENDIAN))


def _bytes(call: Call, vector: Vector, kind: str) -> list[int]:
    found: list[int] = typed(vector, kind)
    if kind == "uint8":
        if call.faulty(UINT8_SIGNED):
            found = [one - 128 for one in found]
        return [255 - one for one in found] if call.faulty(UINT8_TURNED) else found
    if call.faulty(INT8_RANGE):
        found[0] = 128 + abs(found[0])
    return [*found[-1:], *found[:-1]] if call.faulty(INT8_SHIFTED) else found


def _bits(call: Call, vector: Vector, kind: str) -> list[int]:
    packed: list[int] = typed(vector, "ubinary")
    if call.faulty(NOT_PACKED):
        return [int(one > 0) for one in vector]
    if kind == "ubinary":
        return [255 - one for one in packed] if call.faulty(INVERTED) else packed
    if call.faulty(UNSIGNED):
        return packed
    if call.faulty(COMPLEMENT):
        return [one - 256 if one > 127 else one for one in packed]
    return [one - 128 for one in packed]
