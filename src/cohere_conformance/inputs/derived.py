"""Files derived from shipped ones, such as their parsed form, stored where Python stores bytecode."""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_Made = TypeVar("_Made")
_DIGEST = 16


def derived(path: Path, source: bytes, make: Callable[[], _Made]) -> _Made:
    """Return what a function makes of shipped files, and store it for the next process.

    Args:
        path: names what is stored; in a folder of shipped files.
        source: everything that the result depends on.
        make: makes the result: values of JSON, also integers of any size.
    """
    stored = load_derived(path, source)
    if stored is not None:
        with suppress(EOFError, ValueError, TypeError):
            # As safe as bytecode, which has this form, too; msgpack lacks numbers of the vendor's document.
            found: _Made = marshal.loads(stored)
            return found
    made = make()
    store_derived(path, source, marshal.dumps(cast("Any", made)))
    return made


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
