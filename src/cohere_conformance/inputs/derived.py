"""Files derived from shipped ones, such as their parsed form, stored where Python stores bytecode."""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

_DIGEST = 16


def load_derived(path: Path, source: bytes) -> bytes | None:
    """Return what was derived from a shipped file; `None` if there is nothing, or the file has changed since.

    Args:
        path: of the file.
        source: its content, and whatever else the result depends on.
    """
    try:
        stored = _place(path).read_bytes()
    except (OSError, NotImplementedError):
        return None
    return stored[_DIGEST:] if stored[:_DIGEST] == _digest(source) else None


def store_derived(path: Path, source: bytes, derived: bytes) -> None:
    """Store what was derived from a shipped file, unless bytecode is not to be written, or cannot be.

    Args:
        path: of the file.
        source: as in `load_derived`.
        derived: to store.
    """
    if sys.dont_write_bytecode:
        return
    with suppress(OSError, NotImplementedError):
        place = _place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_name(f".{place.name}.{os.getpid()}")
        fresh.write_bytes(_digest(source) + derived)
        fresh.replace(place)


def _place(path: Path) -> Path:
    """Return the path in `__pycache__`, or below the prefix that `PYTHONPYCACHEPREFIX` names.

    Raises:
        NotImplementedError: this interpreter has no bytecode files.
    """
    bytecode = Path(cache_from_source(str(path.with_name("derived.py"))))
    return bytecode.with_name(f"{path.name}.{bytecode.name}").with_suffix("")


def _digest(source: bytes) -> bytes:
    return hashlib.blake2b(source, digest_size=_DIGEST).digest()
