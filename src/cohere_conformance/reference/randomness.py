"""Random ids and tokens: from the operating system, or from a seed that repeats them."""

from __future__ import annotations

import base64
import random
import string
from contextvars import ContextVar

_SYSTEM = random.SystemRandom()
_FIXED = 0xF000 << 64 | 0xC000 << 48
"""The bits of a UUID that its version and variant determine."""
_VERSION_4 = 0x4000 << 64 | 0x8000 << 48
_source: ContextVar[random.Random] = ContextVar("randomness", default=_SYSTEM)


def source(seed: str | None) -> random.Random:
    """Return a source of randomness: a repeatable one for a seed, that of the operating system without."""
    return _SYSTEM if seed is None else random.Random(seed)


def use(chosen: random.Random) -> None:
    """Take randomness from this source while the current request is handled, in its threads as well."""
    _source.set(chosen)


def new_id() -> str:
    """Return a random UUID."""
    # As `uuid.UUID(int=..., version=4)` writes it, which takes much longer.
    bits = _source.get().getrandbits(128) & ~_FIXED | _VERSION_4
    text = bits.to_bytes(16).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def suffix(length: int = 6) -> str:
    """Return random lower-case letters and digits, which make a name unique."""
    return "".join(_source.get().choices(string.ascii_lowercase + string.digits, k=length))


def hex_token(size: int) -> str:
    """Return random bytes as hexadecimal digits."""
    return _source.get().randbytes(size).hex()


def url_token(size: int) -> str:
    """Return random bytes as text for a URL."""
    return base64.urlsafe_b64encode(_source.get().randbytes(size)).rstrip(b"=").decode("ascii")
