"""Arbitrary JSON values, chosen with a random number generator of the standard library.

To draw one with Hypothesis takes several times as long as to judge it. Hypothesis is used where the smallest
example that fails is worth that time.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

_ALPHABETS = (range(128), range(0xD800), range(0x10000, 0x110000))
_EDGES = (2**31 - 1, 2**31, -(2**31) - 1, 2**63 - 1, 2**63, -(2**63) - 1, 7.0, -0.0, 1e300, 0.5)


def number(random: Random) -> float:
    """Return any finite number that a double can be, one of each magnitude as often as another."""
    made: float = struct.unpack("d", random.randbytes(8))[0]
    return made if math.isfinite(made) else 0.0


def integer(random: Random) -> int:
    """Return an integer of up to 65 bits, one of each length as often as another."""
    return random.choice((-1, 1)) * random.getrandbits(random.randint(0, 65))


def text(random: Random, longest: int) -> str:
    """Return a text of ASCII, of characters of one unit of UTF-16, or of those of two."""
    alphabet = random.choice(_ALPHABETS)
    return "".join(chr(random.choice(alphabet)) for _ in range(random.randint(0, longest)))


_SCALARS: tuple[Callable[[Random], Any], ...] = (
    lambda _: None,
    lambda random: random.random() < 0.5,
    integer,
    number,
    lambda random: text(random, 8),
    lambda random: random.choice(_EDGES),
)


def value(random: Random, words: Sequence[str], depth: int = 2) -> Any:
    """Return a value with up to so many levels of arrays and objects.

    Args:
        random: decides.
        words: that occur as texts and as names more often than others.
        depth: of the levels.
    """
    kind = random.randrange(len(_SCALARS) + 1 + 2 * bool(depth))
    if kind < len(_SCALARS):
        return _SCALARS[kind](random)
    if kind == len(_SCALARS):
        return random.choice(words)
    items = [value(random, words, depth - 1) for _ in range(random.randint(0, 4))]
    if kind == len(_SCALARS) + 1:
        return items
    return {random.choice(words) if random.random() < 0.5 else text(random, 5): item for item in items}
