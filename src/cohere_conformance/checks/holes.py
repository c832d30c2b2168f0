"""Holes: they replace each value in a response that is missing or not as declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.checks.body import located
from cohere_conformance.checks.frame import json_type
from cohere_conformance.checks.rawjson import NO_NUMBER, REPLACED
from cohere_conformance.checks.structural import BOUNDS
from cohere_conformance.pointer import escaped

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from cohere_conformance.checks.rawjson import Defect
    from cohere_conformance.contract import Validator

_USABLE = BOUNDS | {"additionalProperties", "format", "pattern"}
"""Keywords whose violation leaves a value of the declared type that checks can use."""

_MOST = 1000
"""Maximum number of holes in one value; beyond it the value is one hole."""
_TIMES = frozenset({"date", "date-time", "time", "duration"})
"""Formats that a text needs to be comparable."""


class Hole:
    """Replaces a value that is missing or not as declared.

    It absorbs everything that a fold adds to it: a text with a hole in it is a hole.

    Attributes:
        location: where, as in `Finding.location`.
        problem: for a reader.
        absent: whether there is no value at all.
    """

    __slots__ = ("absent", "location", "problem")

    def __init__(self, location: str, problem: str, *, absent: bool = False) -> None:
        self.location = location
        self.problem = problem
        self.absent = absent

    def __getitem__(self, key: object) -> Hole:
        return self

    def __setitem__(self, key: object, value: object) -> None:
        """Ignore the value: what is set inside a hole is lost."""

    def __contains__(self, key: object) -> bool:
        return True

    def __add__(self, other: object) -> Hole:
        return self

    __radd__ = __add__

    def get(self, key: object, default: object = None) -> Hole:
        """Return the hole itself, like for every value inside it."""
        return self

    setdefault = get

    def keys(self) -> frozenset[str]:
        """Return no names: they are unknown."""
        return frozenset()


def punched(validator: Validator, value: Any, prefix: str = "", defects: Sequence[Defect] = ()) -> Any:
    """Return a copy of a value in which each part that is not as declared is replaced by a hole.

    Args:
        validator: the schema.
        value: parsed JSON; it may have holes already.
        prefix: of each location: the tag of a stream's event.
        defects: of its text: some parts of the value may be substitutes.
    """
    made = _Node(value)
    try:
        plain = _plain(value)
        left = _MOST
        for error in validator.compiled.iter_errors(plain):
            keyword = str(error.schema_path[-1])
            location, node = located(validator.schema, error.evaluation_path)
            if keyword in _USABLE and node.get("format") not in _TIMES:
                continue
            left -= 1
            if left < 0:
                return Hole(prefix, f"invalid in more than {_MOST:,} locations")
            path: Sequence[str | int] = error.instance_path
            if keyword == "required":
                name = str(error.kind.as_dict()["property"])
                made.punch((*path, name), Hole(f"{prefix}{location}/{escaped(name)}", "missing", absent=True))
            else:
                made.punch(path, Hole(f"{prefix}{location}", f"{json_type(error.instance)}, not as declared"))
        doubled = {defect.subject for defect in defects if defect.rule == "duplicate-key"}
        for path in _lost(plain, doubled) if defects else ():
            location = "".join("/*" if isinstance(step, int) else f"/{escaped(step)}" for step in path)
            made.punch(path, Hole(f"{prefix}{location}", "not readable in the text that was sent"))
        return made.value
    except (ValueError, RecursionError):
        return Hole(prefix, "nested too deeply to be judged")


class _Node:
    """A value in which holes are punched; only the containers of a hole are copied."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self._copied: set[tuple[str | int, ...]] = set()

    def punch(self, path: Sequence[str | int], hole: Hole) -> None:
        """Put a hole at the end of a path, unless a part of the path is in a hole already."""
        if not path:
            self.value = self.value if isinstance(self.value, Hole) else hole
            return
        at = self.value = self._copy(self.value, ())
        for number, step in enumerate(path[:-1], start=1):
            if isinstance(at, Hole):
                return
            at[step] = self._copy(at[step], tuple(path[:number]))
            at = at[step]
        if not isinstance(at, Hole):
            last = path[-1]
            known = at.get(last) if isinstance(at, dict) else at[int(last)]
            at[last] = known if isinstance(known, Hole) else hole

    def _copy(self, value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, Hole) or path in self._copied:
            return value
        self._copied.add(path)
        return value.copy()


def _plain(value: Any) -> Any:
    """Return a value with null in place of each hole, which is not declared there either."""
    match value:
        case Hole():
            return None
        case dict():
            return {name: _plain(inner) for name, inner in value.items() if not _is_absent(inner)}
        case list():
            return [_plain(inner) for inner in value]
        case _:
            return value


def _is_absent(value: Any) -> bool:
    return isinstance(value, Hole) and value.absent


def _lost(
    value: Any, doubled: Collection[str], path: tuple[str | int, ...] = ()
) -> Iterator[tuple[str | int, ...]]:
    """Yield the paths of substitutes for what was sent, such as one of two values of a name."""
    match value:
        case dict():
            for name, inner in value.items():
                if name in doubled:
                    yield (*path, name)
                yield from _lost(inner, doubled, (*path, name))
        case list():
            for index, inner in enumerate(value):
                yield from _lost(inner, doubled, (*path, index))
        case str() if REPLACED in value:
            yield path
        case float() if value is NO_NUMBER:
            yield path
