"""Embeddings: unit vectors in each of the six types; those of texts with common words are similar.

A vector is the sum of the hashes of its words, and to a small part of the hashes of the complete input and of
its purpose. It is computed in one large integer with a lane for each dimension: one addition adds vectors.
"""

from __future__ import annotations

import base64
import hashlib
import math
import operator
import sys
from array import array
from collections import Counter
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cohere_conformance.reference.images import Image
from cohere_conformance.reference.json_text import NumberList
from cohere_conformance.reference.words import weight, words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TYPES: Final = ("float", "int8", "uint8", "binary", "ubinary", "base64")
_LANE: Final = 4
"""The bytes of a lane, enough for the sum of the longest input."""
_WHOLE = 3
"""The weight of the complete input; that of a word is up to 8."""
_PURPOSE = 3
"""The weight of the purpose: the vectors of a text for different purposes differ only slightly."""
_STEEPEST = 850
"""The value of an int8 for the component 1, at most."""

_Made = TypeVar("_Made")
InputPart = str | Image
Vector = tuple[float, ...]


class KnownVector(tuple[float, ...]):
    """A vector with what was made of it, so that each form of it is computed once."""

    _made: dict[object, Any]

    def made(self, form: object, make: Callable[[Vector], _Made]) -> _Made:
        """Return a form of the vector, which is made the first time.

        Args:
            form: names it.
            make: makes it; what it returns is not changed by anybody.
        """
        if not hasattr(self, "_made"):
            self._made = {}
        found: _Made | None = self._made.get(form)
        if found is None:
            found = self._made[form] = make(self)
        return found


@lru_cache(maxsize=2048)
def _lanes(seed: str, dimension: int) -> int:
    """Return the vector of one feature: the bytes of a hash, one in each lane."""
    digest = hashlib.shake_256(seed.encode("utf-8", "replace")).digest(dimension)
    return int.from_bytes(array("I", list(digest)).tobytes(), sys.byteorder)


def _features(parts: tuple[InputPart, ...]) -> Counter[str]:
    found: Counter[str] = Counter()
    whole = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, Image):
            whole.update(part.bytes)
            found[f"image {hashlib.blake2b(part.bytes, digest_size=16).hexdigest()}"] += 8
            found["image"] += 4
        else:
            whole.update(part.encode("utf-8", "replace"))
            for word in words(part):
                found[f"word {word}"] += weight(word)
    found[f"whole {whole.hexdigest()}"] += _WHOLE
    return found


@lru_cache(maxsize=512)
def embed(model: str, dimension: int, parts: tuple[InputPart, ...], purpose: str) -> Vector:
    """Return the vector of one input, rounded to 32-bit floats.

    Args:
        model: vectors of different models are not similar.
        dimension: of the longest vectors of the model.
        parts: the texts and images of the input.
        purpose: the input type; that of an image counts as that of a document.
    """
    features = _features(parts)
    features[f"purpose {'search_document' if purpose == 'image' else purpose}"] += _PURPOSE
    total = sum(features.values())
    added = 0
    for feature, times in features.items():
        added += _lanes(f"{model} {feature}", dimension) * times
    sums = array("I")
    sums.frombytes(added.to_bytes(dimension * _LANE, sys.byteorder))
    # The mean of the bytes of a feature is 127.5; doubling keeps the numbers integers.
    mean = 255 * total
    components = [2 * lane - mean for lane in sums]
    # Exact: the sum of the squares is far below 2**53.
    return _scaled(components, math.sqrt(sum(map(operator.mul, components, components))))


def _scaled(components: Sequence[float], length: float) -> KnownVector:
    length = length or 1.0
    return KnownVector(array("f", [one / length for one in components]))


def shortened(vector: Vector, dimension: int) -> Vector:
    """Return the first components of a vector, scaled to length 1."""
    if dimension >= len(vector):
        return vector
    return (
        vector.made(dimension, partial(_first, dimension))
        if isinstance(vector, KnownVector)
        else _first(dimension, vector)
    )


def _first(dimension: int, vector: Vector) -> Vector:
    components = vector[:dimension]
    return _scaled(components, math.sqrt(math.fsum(one * one for one in components)))


def int8(vector: Vector) -> list[int]:
    """Return a vector as integers from -128 to 127."""
    # Shorter vectors have larger components; the range is four standard deviations.
    steps = min(_STEEPEST, 127 * math.sqrt(len(vector)) / 4)
    return [max(-128, min(127, math.floor(steps * one))) for one in vector]


def ubinary(vector: Vector) -> list[int]:
    """Return the signs of a vector as bits, the most significant bit of each byte first."""
    signs = "".join("1" if one > 0 else "0" for one in vector)
    return list(int(signs, 2).to_bytes(len(vector) // 8))


def typed(vector: Vector, kind: str, *, big_endian: bool = False) -> Any:
    """Return a vector as one of the six types.

    Args:
        vector: the floats.
        kind: one of `TYPES`.
        big_endian: write base64 the wrong way round.
    """
    match kind:
        case "int8":
            return int8(vector)
        case "uint8":
            return [one + 128 for one in int8(vector)]
        case "ubinary":
            return ubinary(vector)
        case "binary":
            return [one - 128 for one in ubinary(vector)]
        case "base64":
            content = array("f", vector)
            if (sys.byteorder == "big") != big_endian:
                content.byteswap()
            return base64.b64encode(content.tobytes()).decode()
        case _:
            return list(vector)


def remembered(vector: Vector, kind: str) -> NumberList | str:
    """Return a vector as one of the six types, for a response that nothing changes any more."""
    if isinstance(vector, KnownVector):
        return vector.made(kind, partial(_unchanging, kind))
    return _unchanging(kind, vector)


def _unchanging(kind: str, vector: Vector) -> NumberList | str:
    made = typed(vector, kind)
    return made if isinstance(made, str) else NumberList(made)
