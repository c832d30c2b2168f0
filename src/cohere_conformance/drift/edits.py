"""The file and line of our contract where a difference has to be edited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohere_conformance.contract.documents import load_located
from cohere_conformance.drift.compare import ADDED, MEMBERSHIP, REMOVED, REQUIRED, Change
from cohere_conformance.pointer import unescaped

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.contract.documents import Document
    from cohere_conformance.contract.lines import Lines

_KEYWORDS = {
    "types": "type",
    "closed": "additionalProperties",
    "requires": "required",
    "mapped": "discriminator",
}
_ROOT = "openapi.yaml"


@dataclass(frozen=True)
class Edit:
    """A line of our contract: of a property, a schema, a parameter, an operation or the list of paths."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class ContractLines:
    """The lines in which our contract declares its paths and components.

    Args:
        folder: `contracts/openapi`, or another folder of the same layout.
    """

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, tuple[Document, Lines]] = {
            path.name: load_located(path) for path in sorted(folder.glob("*.yaml"))
        }
        self._shown = f"{folder.parent.name}/{folder.name}"
        self._owners: dict[tuple[str, ...], str] = {}
        for name, (document, _) in self._files.items():
            for path, item in (document.get("paths") or {}).items():
                if "$ref" not in item:
                    self._owners["paths", path] = name
            for section, entries in (document.get("components") or {}).items():
                for entry, value in entries.items():
                    if not isinstance(value, dict) or value.keys() != {"$ref"}:
                        self._owners["components", section, entry] = name
        self._added = _Additions(folder.parent / "additions.yaml")

    def edit(self, change: Change, *, ours_is_old: bool) -> Edit:
        """Return where our contract declares what differs from the other source.

        Args:
            change: the change.
            ours_is_old: the older source is our contract; otherwise the newer one is.
        """
        declaration = change.old if ours_is_old else change.new
        steps = [unescaped(token) for token in declaration.removeprefix("#/").split("/") if token]
        step = change.path[-1] if change.path else ""
        if change.what == (REMOVED if ours_is_old else ADDED) and step.startswith("."):
            steps += ["properties", step[1:]]
        elif change.what == REQUIRED:
            steps.append("required")
        elif change.what not in MEMBERSHIP:
            steps.append(_KEYWORDS.get(change.what, change.what))
        return self.of(steps)

    def of(self, steps: list[str]) -> Edit:
        """Return where our contract declares something; the list of paths, if it does not.

        Args:
            steps: keys and indexes from the root of the bundled document; the nearest existing one counts.
        """
        if (added := self._added.edit(steps)) is not None:
            return added
        for length in (2, 3):
            if (name := self._owners.get(tuple(steps[:length]))) is not None:
                return Edit(f"{self._shown}/{name}", self._files[name][1].of(_numbered(steps)))
        return Edit(f"{self._shown}/{_ROOT}", self._files[_ROOT][1].of(["paths"]))


class _Additions:
    """The lines of what only SDKs declare: of whole operations, schemas and properties.

    Args:
        path: the Overlay; there may be none.
    """

    def __init__(self, path: Path) -> None:
        self._shown = f"{path.parent.name}/{path.name}"
        self._starts: dict[tuple[str, ...], tuple[str | int, ...]] = {}
        if not path.exists():
            return
        document, self._lines = load_located(path)
        for number, action in enumerate(document["actions"]):
            if isinstance(update := action.get("update"), dict):
                for entry in update:
                    target = tuple(action["target"].removeprefix("$.").split("."))
                    self._starts[*target, str(entry)] = ("actions", number, "update", str(entry))

    def edit(self, steps: list[str]) -> Edit | None:
        """Return the line of a declaration, if an addition has it."""
        for length in range(len(steps), 1, -1):
            if start := self._starts.get(tuple(steps[:length])):
                return Edit(self._shown, self._lines.of([*start, *_numbered(steps)[length:]]))
        return None


def _numbered(steps: list[str]) -> list[str | int]:
    """Return the steps with the positions in lists, such as those of `allOf`, as numbers."""
    lists = {"allOf", "oneOf", "anyOf", "parameters"}
    return [
        int(step) if number and steps[number - 1] in lists and step.isdigit() else step
        for number, step in enumerate(steps)
    ]
