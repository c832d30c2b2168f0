"""Named faults: the ways in which the reference server can deviate from the API, each under a stable name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from cohere_conformance.errors import UsageError
from cohere_conformance.names import unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


# Every fault is declared once: it is equal to itself only, which is fast to look up.
@dataclass(frozen=True, eq=False)
class Fault:
    """One way in which the server can deviate from the API.

    Attributes:
        name: stable, such as `rerank.unsorted`; the part before the first dot is a group or a common area.
        sentence: what the server then does.
    """

    name: str
    sentence: str

    @property
    def group(self) -> str:
        """Return the group, or the common area, that the fault belongs to."""
        return self.name.partition(".")[0]


_FAULTS: dict[str, Fault] = {}
WITHDRAWN = {
    "chat.v2.system-anywhere": "the API accepts a system message after other messages",
    "errors.type": "the API sends the type of some errors",
    "models.context-zero": "the API lists image models with a context length of 0",
}
"""Names of faults that turned out to be correct behaviour, with the reason; a name is never used again."""


def fault(name: str, sentence: str) -> Fault:
    """Declare a fault, beside the code that it affects.

    Raises:
        ValueError: the name is taken.
    """
    if name in WITHDRAWN:
        raise ValueError(f"the fault {name} was withdrawn: {WITHDRAWN[name]}")
    if name in _FAULTS:
        raise ValueError(f"the fault {name} is declared twice")
    _FAULTS[name] = Fault(name, sentence)
    return _FAULTS[name]


def catalogue() -> Mapping[str, Fault]:
    """Return every fault by its name, in alphabetical order."""
    _import_all()
    return dict(sorted(_FAULTS.items()))


@cache
def _import_all() -> None:
    """Import every module that declares faults; once a process, because listing a package takes a while."""
    package = import_module("cohere_conformance.reference")
    for found in iter_modules(package.__path__, f"{package.__name__}."):
        import_module(found.name)
    groups = import_module("cohere_conformance.reference.groups")
    for found in iter_modules(groups.__path__, f"{groups.__name__}."):
        import_module(found.name)


def withdrawn(name: str, where: str = "--fault") -> str:
    """Return the error message for a fault that no longer exists."""
    return f"{where} {name}: expected a fault, got one that was withdrawn: {WITHDRAWN[name]}"


def chosen(names: Iterable[str], where: str = "--fault") -> frozenset[Fault]:
    """Return the faults with these names.

    Args:
        names: names of faults.
        where: the option that gave them, for the error message.

    Raises:
        UsageError: a name is unknown.
    """
    wanted = tuple(names)
    known = catalogue() if wanted else {}
    for name in wanted:
        if name in WITHDRAWN:
            raise UsageError(withdrawn(name, where))
        if name not in known:
            raise UsageError(unknown(where, name, known))
    return frozenset(known[name] for name in wanted)
