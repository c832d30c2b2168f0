"""Embeddings: unit vectors that texts with common words share in part, in each of the six types.

A vector is the sum of what its words hash to, and a little of what the whole input and its purpose hash to.
It is built in one large integer with a lane for each dimension, which makes a sum of vectors one addition.
"""

from __future__ import annotations

import base64
import hashlib
import math
import sys
from array import array
from collections import Counter
from functools import lru_cache
from typing import Any, Final

from cohere_conformance.reference.images import Image
from cohere_conformance.reference.words import weight, words

TYPES: Final = ("float", "int8", "uint8", "binary", "ubinary", "base64")
_LANE: Final = 4
"""Bytes of a lane: enough for the sum over the longest input."""
_WHOLE = 3
"""Weight of the whole input; a word has up to 8."""
_PURPOSE = 3
"""Weight of the purpose: vectors of one text for different purposes differ, but only a little."""
_STEEPEST = 850
"""Steps of an int8 to one."""

InputPart = str | Image
Vector = tuple[float, ...]


@lru_cache(maxsize=2048)
def _lanes(seed: str, dimension: int) -> int:
    """Return the vector of one feature: evenly spread bytes, one a lane."""
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


@lru_cache(maxsize=256)
def embed(model: str, dimension: int, parts: tuple[InputPart, ...], purpose: str) -> Vector:
    """Return the vector of one input, rounded to 32-bit floats.

    Args:
        model: each has a space of its own.
        dimension: of the model's longest vectors.
        parts: texts and images, which make one vector together.
        purpose: the input type; an image's is that of a document.
    """
    features = _features(parts)
    features[f"purpose {'search_document' if purpose == 'image' else purpose}"] += _PURPOSE
    total = sum(features.values())
    added = 0
    for feature, times in features.items():
        added += _lanes(f"{model} {feature}", dimension) * times
    sums = array("I")
    sums.frombytes(added.to_bytes(dimension * _LANE, sys.byteorder))
    # The bytes of a feature are spread around 127.5; twice the sum keeps the numbers whole.
    return _unit([2.0 * lane - 255 * total for lane in sums])


def _unit(components: list[float]) -> Vector:
    length = math.sqrt(math.fsum(one * one for one in components)) or 1.0
    return tuple(array("f", [one / length for one in components]))


def shortened(vector: Vector, dimension: int) -> Vector:
    """Return the first components of a vector as a vector of length 1."""
    return vector if dimension >= len(vector) else _unit(list(vector[:dimension]))


def int8(vector: Vector) -> list[int]:
    """Return a vector as whole numbers from -128 to 127."""
    # Short vectors have larger components; four standard deviations are kept.
    steps = min(_STEEPEST, 127 * math.sqrt(len(vector)) / 4)
    return [max(-128, min(127, math.floor(steps * one))) for one in vector]


def ubinary(vector: Vector) -> list[int]:
    """Return the signs of a vector, eight a byte, the most significant bit first."""
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
