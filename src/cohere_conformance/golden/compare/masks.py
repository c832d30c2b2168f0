"""How two values are compared: equal by default, otherwise as a rule says."""

from __future__ import annotations

import base64
import binascii
import enum
import json
import math
import re
import sys
from array import array
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from cohere_conformance.checks.frame import json_type, shown
from cohere_conformance.checks.rawjson import NOTHING, parse
from cohere_conformance.checks.values import moment
from cohere_conformance.privacy.redact import REDACTED

if TYPE_CHECKING:
    from collections.abc import Hashable

_BYTE = 0xFF
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")


class Like(enum.StrEnum):
    """How a value is compared with the golden one; the JSON type is always compared."""

    EQUAL = "equal"
    """The same."""
    ID = "id"
    """A generated name: empty or not."""
    TIME = "time"
    """A time by RFC 3339, if the golden one is."""
    TEXT = "text"
    """Text that is generated, or changes its wording: empty or not."""
    NUMBER = "number"
    """Counted or measured: below, above or exactly zero."""
    JSON = "json"
    """A text that is JSON: an object with the same names, or a value of the same type."""
    URL = "url"
    """An address: of the same scheme, with the same names in its query."""
    BITS = "bits"
    """An array of bytes: a part of the bits may differ."""
    SHAPE = "shape"
    """Any value; below it, too."""
    ANY = "any"
    """Any value; nothing is compared below it."""


class Mask(msgspec.Struct, frozen=True):
    """How the values at a location are compared.

    Attributes:
        like: kind of comparison.
        within: how far a number may be from the golden one; of `bits`, which part of them may differ. A text
            is decoded as base64 of float32 numbers.
        among: values that are equivalent.
    """

    like: Like = Like.EQUAL
    within: float | None = None
    among: tuple[str | int | float | bool, ...] = ()

    def alike(self, golden: object, fresh: object) -> bool:
        """Return whether a value of the same JSON type, neither an array nor an object, means the same."""
        return self.near(golden, fresh) or self.sign(golden) == self.sign(fresh)

    def near(self, golden: object, fresh: object) -> bool:
        """Return whether a number, or numbers in base64, are within the tolerance of the rule."""
        return self.within is not None and _near(golden, fresh, self.within)

    def sign(self, value: object) -> Hashable:
        """Return the part of a value that is compared."""
        match self.like, value:
            case ((Like.SHAPE | Like.ANY), _):
                return None
            case ((Like.ID | Like.TEXT), str()):
                return bool(value.strip())
            case Like.TIME, str():
                return _is_time(value) or (value if not value else False)
            case Like.NUMBER, int() | float() if not isinstance(value, bool):
                return (value > 0) - (value < 0)
            case Like.JSON, str():
                return _outline(value)
            case Like.URL, str():
                return _address(value)
        if self.among and value in self.among:
            return self.among
        return value if isinstance(value, str | int | float | bool) else json.dumps(value)

    def words(self, golden: object) -> str:
        """Return a description of the values that mean the same as the golden one."""
        if self.within is not None and not isinstance(golden, str):
            return f"{shown(golden)} ± {self.within:g}"
        sign = self.sign(golden)
        match self.like, golden:
            case ((Like.ID | Like.TEXT), str()):
                return "text that is not empty" if sign is True else "an empty text"
            case Like.TIME, str() if sign is True:
                return "an RFC 3339 time"
            case Like.NUMBER, int() | float() if not isinstance(golden, bool):
                return "0" if golden == 0 else f"a number {'above' if golden > 0 else 'below'} 0"
            case Like.JSON, str() if isinstance(sign, frozenset):
                return f"JSON with {', '.join(sorted(sign)) or 'no properties'}"
            case Like.URL, str() if isinstance(sign, tuple):
                names = ", ".join(sorted(sign[1]))
                return f"an address ({sign[0]}){f' with {names} in its query' if names else ''}"
        if self.among and sign == self.among:
            return f"one of {', '.join(shown(one) for one in self.among)}"
        return shown(golden)


EQUAL = Mask()
WITHHELD = Mask(Like.TEXT)
"""How a text is compared of which a part was redacted."""


def withheld(*values: object) -> bool:
    """Return whether a part of any of the values was redacted when it was recorded."""
    return any(isinstance(value, str) and REDACTED in value for value in values)


def kind(value: object) -> str:
    """Return the JSON type of a value; numbers count as one type."""
    name = json_type(value)
    return "number" if name == "integer" else name


def is_whole(value: object) -> bool:
    """Tell whether a number is an integer by the way it is written."""
    return isinstance(value, int) and not isinstance(value, bool)


def fraction(value: object) -> bool:
    """Tell whether a number has a fraction."""
    return isinstance(value, float) and not (math.isfinite(value) and value.is_integer())


def differing_bits(golden: list[Any], fresh: list[Any]) -> float:
    """Return which part of the bits of two equally long arrays of bytes differs."""
    differing = sum(
        ((int(left) ^ int(right)) & _BYTE).bit_count() for left, right in zip(golden, fresh, strict=True)
    )
    return differing / (8 * len(golden)) if golden else 0.0


def _near(golden: object, fresh: object, within: float) -> bool:
    match golden, fresh:
        case (str(), str()):
            left, right = _floats(golden), _floats(fresh)
            if left is None or right is None or len(left) != len(right):
                return golden == fresh
            return all(abs(one - other) <= within for one, other in zip(left, right, strict=True))
        case (int() | float(), int() | float()) if kind(golden) == kind(fresh) == "number":
            try:
                return golden == fresh or abs(golden - fresh) <= within
            except OverflowError:  # an integer that is no double
                return False
    return False


def _floats(text: str) -> array[float] | None:
    """Return the numbers that a text encodes; `None` if it is not base64 of float32."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    found = array("f")
    if not raw or len(raw) % found.itemsize:
        return None
    found.frombytes(raw)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _is_time(value: str) -> bool:
    return _TIME.fullmatch(value) is not None and moment(value) is not None


def _outline(text: str) -> Hashable:
    value, defects = parse(text)
    if value is NOTHING or defects:
        return bool(text.strip())
    return frozenset(value) if isinstance(value, dict) else kind(value)


def _address(text: str) -> Hashable:
    try:
        parts = urlsplit(text)
    except ValueError:
        return bool(text)
    if not parts.scheme or not parts.netloc:
        return bool(text)
    return parts.scheme, frozenset(name for name, _ in parse_qsl(parts.query, keep_blank_values=True))
