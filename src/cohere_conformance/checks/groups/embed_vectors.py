"""Embed: the numbers of vectors, and relations of their types."""

from __future__ import annotations

import base64
import binascii
import math
from array import array
from itertools import pairwise
from operator import mul
from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.groups.embed import place, v1, vectors
from cohere_conformance.checks.registry import Breach, check
from cohere_conformance.contract.models import shipped_models

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cohere_conformance.checks.evidence import Evidence

_RANGES = {"int8": (-128, 127), "uint8": (0, 255), "binary": (-128, 127), "ubinary": (0, 255)}
_SAME = 1e-6
"""Tolerance for a component in base64: both numbers have 32 bits."""
_MEASURED = 4
"""The newest generation of models whose vectors were measured."""
_NORM = 1e-2
_ALIKE = 0.999


@check("embed.dimension")
def dimension(evidence: Evidence) -> Iterator[Breach]:
    """A float, int8 or uint8 vector has output_dimension components, by default those of the model.

    Source: EMB-O02.
    """
    wanted = _dimension(evidence)
    yield from _lengths(evidence, ("float", "int8", "uint8"), wanted)


@check("embed.packed-dimension", returns="embeddings/binary embeddings/ubinary")
def packed_dimension(evidence: Evidence) -> Iterator[Breach]:
    """A binary or ubinary vector has one number for eight dimensions (EMB-O03)."""
    wanted = _dimension(evidence)
    yield from _lengths(evidence, ("binary", "ubinary"), None if wanted is None else wanted // 8)


@check("embed.base64-dimension", returns="embeddings/base64")
def base64_dimension(evidence: Evidence) -> Iterator[Breach]:
    """A base64 vector is valid base64 with four bytes for each dimension (EMB-O05)."""
    wanted = _dimension(evidence)
    for text in vectors(evidence).get("base64", ()):
        content = _bytes(text)
        if content is None:
            yield Breach("/embeddings/base64/*", "base64", repr(text[:40]), "no-base64")
            return
        if wanted is not None and len(content) != 4 * wanted:
            yield Breach("/embeddings/base64/*", f"{4 * wanted} bytes", f"{len(content)} bytes", "length")
            return


@check("embed.number-range", returns="embeddings/int8 embeddings/uint8 embeddings/binary embeddings/ubinary")
def number_range(evidence: Evidence) -> Iterator[Breach]:
    """The numbers of int8 and binary vectors are from -128 to 127, those of uint8 and ubinary vectors from 0
    to 255 (EMB-O04).
    """
    for kind, found in vectors(evidence).items():
        low, high = _RANGES.get(kind, (-math.inf, math.inf))
        for vector in found if kind in _RANGES else ():
            worst = next(
                (
                    one
                    for one in (min(vector, default=low), max(vector, default=high))
                    if not low <= one <= high
                ),
                None,
            )
            if worst is not None:
                yield Breach(f"/embeddings/{kind}/*/*", f"a number from {low} to {high}", str(worst))
                break


@check("embed.length-one")
def length_one(evidence: Evidence) -> Iterator[Breach]:
    """The L2 norm of a float vector is 1 (EMB-O09)."""
    model = shipped_models().embed.get(str(evidence.sent.get("model")))
    if model is None or model.generation > _MEASURED:
        return
    for vector in vectors(evidence).get("float", ()):
        if len(vector) != _dimension(evidence):
            continue  # the norm of a part of a vector is undefined
        length = math.hypot(*vector)
        if abs(length - 1) > _NORM:
            yield Breach(f"{place(evidence, 'float')}/*", "a vector of length 1", f"length {length:.4f}")
            return


@check("embed.base64-floats", returns="embeddings/base64")
def base64_floats(evidence: Evidence) -> Iterator[Breach]:
    """A base64 vector contains the float vector as little-endian 32-bit floats (EMB-O05)."""
    for floats, text in _pairs(evidence, "float", "base64"):
        content = _bytes(text)
        if content is None or len(content) != 4 * len(floats):
            continue
        reported = array("f", content)
        if array("H", b"\1\0")[0] != 1:
            reported.byteswap()
        if any(abs(one - other) > _SAME for one, other in zip(floats, reported, strict=True)):
            yield Breach("/embeddings/base64/*", "the components of the float vector", "others")
            return


@check("embed.ubinary-signs", returns="embeddings/ubinary")
def ubinary_signs(evidence: Evidence) -> Iterator[Breach]:
    """A ubinary vector has a 1 bit for each positive component of the float vector, highest bit first.

    Source: EMB-O06.
    """
    for floats, packed in _pairs(evidence, "float", "ubinary"):
        if not packed or len(floats) != 8 * len(packed):
            continue
        signs = "".join("1" if one > 0 else "0" for one in floats)
        if list(int(signs, 2).to_bytes(len(packed))) != packed:
            yield Breach("/embeddings/ubinary/*", "a 1 for each positive component, others 0", "other bits")
            return


@check("embed.binary-offset", returns="embeddings/binary")
def binary_offset(evidence: Evidence) -> Iterator[Breach]:
    """A binary vector is the ubinary vector minus 128 (EMB-O07)."""
    for signed, unsigned in _pairs(evidence, "binary", "ubinary"):
        if signed != [one - 128 for one in unsigned]:
            yield Breach("/embeddings/binary/*", "128 less than ubinary everywhere", "another vector")
            return


@check("embed.uint8-rises", returns="embeddings/uint8")
def uint8_rises(evidence: Evidence) -> Iterator[Breach]:
    """A uint8 vector increases where the int8 vector does (EMB-O08)."""
    for signed, unsigned in _pairs(evidence, "int8", "uint8"):
        if len(signed) != len(unsigned):
            continue
        pairs = sorted(zip(signed, unsigned, strict=True))
        if any(after < before for (_, before), (_, after) in pairwise(pairs)):
            yield Breach("/embeddings/uint8/*", "no uint8 that falls where the int8 rises", "one that does")
            return


@check("embed.int8-direction", returns="embeddings/int8")
def int8_direction(evidence: Evidence) -> Iterator[Breach]:
    """The int8 vector has the direction of the float vector (EMB-O10)."""
    for floats, rounded in _pairs(evidence, "float", "int8"):
        likeness = cosine(floats, rounded)
        if likeness is not None and likeness <= _ALIKE:
            shown = f"cosine {likeness:.4f}"
            yield Breach(
                "/embeddings/int8/*", f"the direction of the float vector, cosine above {_ALIKE}", shown
            )
            return


def cosine(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return the cosine of two vectors, `None` if one is zero."""
    if len(one) != len(other):
        return None
    lengths = math.sqrt(math.fsum(map(mul, one, one)) * math.fsum(map(mul, other, other)))
    return math.fsum(map(mul, one, other)) / lengths if lengths and math.isfinite(lengths) else None


def _dimension(evidence: Evidence) -> int | None:
    """Return the required number of dimensions, if known."""
    asked = None if v1(evidence) else evidence.sent.get("output_dimension")
    if isinstance(asked, int) and not isinstance(asked, bool):
        return asked
    known = shipped_models().embed.get(str(evidence.sent.get("model")))
    return None if known is None else known.dimension


def _lengths(evidence: Evidence, kinds: tuple[str, ...], wanted: int | None) -> Iterator[Breach]:
    found = vectors(evidence)
    for kind in kinds:
        for vector in found.get(kind, ()):
            if wanted is not None and len(vector) != wanted:
                yield Breach(f"{place(evidence, kind)}/*", f"{wanted} numbers", str(len(vector)))
                break


def _pairs(evidence: Evidence, one: str, other: str) -> Iterator[tuple[Any, Any]]:
    found = vectors(evidence)
    return zip(found.get(one, ()), found.get(other, ()), strict=False)


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
