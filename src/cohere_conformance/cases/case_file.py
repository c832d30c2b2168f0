"""One file of cases: its content, and the line of each value for error messages."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from cohere_conformance.cases.grammar import AT, FileEntry, YamlMapping
from cohere_conformance.contract.documents import load_located
from cohere_conformance.errors import CaseError, ContractError

if TYPE_CHECKING:
    from collections.abc import Iterable

Steps = tuple[str | int, ...]
"""Keys and indexes from the top of the file to a value."""

_DECODE_ERROR = re.compile(r"(?P<reason>.*?)(?: - at (?:`key` in )?`\$(?P<path>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.(?P<key>[\w-]+)|\[(?P<index>\d+)\]|(?P<any>\[\.\.\.\])")
_FIELD = re.compile(r"Object (?P<fault>contains unknown|missing required) field `(?P<name>.*)`", re.DOTALL)
_TYPE = re.compile(r"Expected `(?P<expected>.*?)`, got `(?P<got>.*?)`")


class CaseFile:
    """A file of cases: its content, and the line of each value.

    Args:
        path: of the file.

    Attributes:
        path: likewise.
        file: the path for messages: relative to the current folder if the file is below it.
        entry: the content of the file, typed.

    Raises:
        CaseError: the file cannot be read, is not YAML, or has keys or types that the grammar does not have.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        here = Path.cwd()
        self.file = str(path.relative_to(here) if path.is_relative_to(here) else path)
        try:
            self._document, self._lines = load_located(path)
        except ContractError as error:
            raise self._unreadable(error) from error
        self.entry = self._typed()

    def line(self, steps: Steps) -> int:
        """Return the line of a value or of its key; if it is absent, the line of the nearest value above."""
        return self._lines.of(steps)

    def error(self, steps: Steps, reason: str) -> CaseError:
        """Return the error for a mistake, with its line and its case or resource."""
        return CaseError(self.file, self.line(steps), f"{self._subject(steps)}{reason}")

    def _subject(self, steps: Steps) -> str:
        if len(steps) < 2 or steps[0] not in {"cases", "resources"}:
            return ""
        if steps[0] == "resources":
            return f"resource {steps[1]}: "
        case = self._document["cases"][steps[1]]
        name = case.get("id") if isinstance(case, dict) else None
        return f"case {name}: " if isinstance(name, str) else f"case {int(steps[1]) + 1} of the file: "

    def _unreadable(self, error: ContractError) -> CaseError:
        import yaml  # slow to import, and only needed where something is wrong

        cause = error.__cause__
        if isinstance(cause, yaml.MarkedYAMLError) and cause.problem_mark is not None:
            line = cause.problem_mark.line + 1
            return CaseError(self.file, line, f"expected YAML, got an error: {cause.problem}; correct it")
        reason = str(error).removeprefix(f"{self.path}: ")
        return CaseError(self.file, 1, f"{reason}; write the file as suites/README.md says")

    def _typed(self) -> FileEntry:
        try:
            return msgspec.convert(self._document, FileEntry)
        except msgspec.ValidationError as error:
            match = cast("re.Match[str]", _DECODE_ERROR.fullmatch(str(error)))
            steps = self._steps(match["path"] or "", str(error))
            raise self._mistyped(steps, match["reason"]) from error

    def _steps(self, path: str, message: str) -> Steps:
        """Return the keys and indexes of a decoder error, which leaves out the keys of free mappings."""
        steps: Steps = ()
        for step in _STEP.finditer(path):
            if step["any"]:
                key = self._culprit(steps, message)
                if key is None:
                    break
                steps = (*steps, key)
            else:
                steps = (*steps, step["key"] if step["key"] is not None else int(step["index"]))
        return steps

    def _culprit(self, steps: Steps, message: str) -> str | None:
        """Return the key of a free mapping whose value causes the message of the decoder."""
        value: object = self._document
        for step in steps:
            value = cast("dict[str | int, object]", value)[step]
        for key, item in cast("dict[str, object]", value).items():
            try:
                msgspec.convert(_with(self._document, steps, {key: item}), FileEntry)
            except msgspec.ValidationError as error:
                if str(error) == message:
                    return key
        return None

    def _mistyped(self, steps: Steps, reason: str) -> CaseError:
        shape = _shape(steps)
        field = _FIELD.fullmatch(reason)
        if field and field["fault"] == "missing required":
            name = field["name"]
            return self.error(steps, f"expected the key {name}, got {_keys(self._at(steps))}; add {name}")
        if field:
            known = msgspec.structs.fields(shape)
            unknown = field["name"]
            return self.error((*steps, unknown), unlike(unknown, [one.encode_name for one in known], "a key"))
        kinds = _TYPE.fullmatch(reason)
        said = f"expected {kinds['expected']}, got {kinds['got']}" if kinds else reason
        return self.error(steps, f"{said}; write it as suites/README.md says")

    def _at(self, steps: Steps) -> object:
        value: object = self._document
        for step in steps:
            value = cast("dict[str | int, object]", value)[step]
        return value


def unlike(got: str, known: Iterable[str], what: str) -> str:
    """Return the message for an unknown name, with the known name that is closest."""
    names = list(known)
    close = difflib.get_close_matches(got, names, n=1, cutoff=0.5)
    listed = ", ".join(names) or "none"
    if close:
        return f"expected {what}, got {got!r}; did you mean {close[0]}?"
    return f"expected {what}, got {got!r}; choose one of {listed}"


def _shape(steps: Steps) -> type[YamlMapping]:
    """Return the type of the mapping at the end of the steps; names that authors choose are no keys."""
    shape: type[YamlMapping] = FileEntry
    free = False
    for step in steps:
        if isinstance(step, str):
            shape = shape if free else AT.get(step, shape)
            free = not free and step in {"resources", "profiles"}
    return shape


def _keys(value: object) -> str:
    names = ", ".join(map(str, value)) if isinstance(value, dict) else ""
    return f"only {names}" if names else "nothing"


def _with(value: object, steps: Steps, replacement: object) -> object:
    """Return a copy of the document with another value at one location."""
    if not steps:
        return replacement
    first, rest = steps[0], steps[1:]
    if isinstance(value, dict):
        return {**value, first: _with(value[first], rest, replacement)}
    items = cast("list[object]", value)
    return [_with(item, rest, replacement) if number == first else item for number, item in enumerate(items)]
