"""Edits of the files of `contracts/` that carry out actions on the bundled document."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cohere_conformance.contract.documents import load_yaml
from cohere_conformance.drift.proposals import SDK
from cohere_conformance.drift.yamledit import EditError, is_list, with_entry, with_item, with_value
from cohere_conformance.drift.yamltext import as_yaml
from cohere_conformance.errors import ContractError
from cohere_conformance.pointer import MISSING, escaped, value_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cohere_conformance.drift.proposed_action import Location, ProposedAction

ROOT = "openapi.yaml"
_SHARED = "shared.yaml"
_GROUP = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")


class OpenApiFiles:
    """The files of `openapi/`.

    Args:
        folder: that they are in.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def edit(self, action: ProposedAction, location: Location) -> None:
        """Edit the file of `openapi/` that an action belongs to."""
        if location == ("paths",):
            for path, item in action.update.items():
                self._add_path(action, path, item)
            return
        name, inside = self._owner(location, action)
        edit(self._folder / name, inside, action, self._with_files(action.update, name))
        if inside[:1] == ("components",) and len(inside) == 2 and isinstance(action.update, dict):
            self._component_files.update({(str(inside[1]), str(key)): name for key in action.update})

    def _owner(self, location: Location, action: ProposedAction) -> tuple[str, Location]:
        """Return the file that declares a location, and the location in it."""
        root = load_yaml(self._folder / ROOT)
        if location[:1] == ("paths",) and len(location) > 1:
            file = str(root["paths"][location[1]].get("$ref", "")).partition("#")[0]
            return file or ROOT, location
        if location[:1] == ("components",):
            if len(location) > 2:
                return self._component_files[str(location[1]), str(location[2])], location
            name = action.edit.partition(":")[0].rpartition("/")[2]
            known = {path.name for path in self._folder.glob("*.yaml")} - {ROOT}
            name = name if name in known else _SHARED
            present = value_at(load_yaml(self._folder / name), map(str, location))
            if present is MISSING:
                raise ContractError(f"{action.id}: {name} has no {'/'.join(map(str, location))}")
            return name, location
        return ROOT, location

    @cached_property
    def _component_files(self) -> dict[tuple[str, str], str]:
        """The file that declares each component."""
        return {
            (section, key): path.name
            for path in sorted(self._folder.glob("*.yaml"))
            for section, entries in (load_yaml(path).get("components") or {}).items()
            for key, value in entries.items()
            if not isinstance(value, dict) or value.keys() != {"$ref"}
        }

    def _with_files(self, value: Any, name: str) -> Any:
        """Return a value with references to components of other files as `other.yaml#/components/...`."""
        files = self._component_files

        def rewritten(node: Any, mapping: bool = False) -> Any:
            if isinstance(node, list):
                return [rewritten(one) for one in node]
            if not isinstance(node, dict):
                return _reference(node) if mapping else node
            return {
                key: _reference(one) if key == "$ref" else rewritten(one, mapping=mapping or key == "mapping")
                for key, one in node.items()
            }

        def _reference(target: Any) -> Any:
            parts = str(target).removeprefix("#/components/").split("/")
            file = files.get((parts[0], parts[1])) if len(parts) == 2 else None
            return target if file is None or file == name else f"{file}{target}"

        return rewritten(value)

    def _add_path(self, action: ProposedAction, path: str, item: Any) -> None:
        """Declare a path in the file of its group, and name it in the root."""
        tags = [
            tag
            for operation in (item.values() if isinstance(item, dict) else ())
            if isinstance(operation, dict)
            for tag in (operation.get("tags") or ())[:1]
        ]
        group = tags[0] if tags and isinstance(tags[0], str) and _GROUP.fullmatch(tags[0]) else "other"
        name = f"{group}.yaml"
        if name in {ROOT, _SHARED}:
            name = f"{group}-paths.yaml"
        file = self._folder / name
        item = self._with_files(item, name)
        if file.exists():
            edit(file, ("paths",), action, {path: item})
        else:
            file.write_text("\n".join(["paths:", *as_yaml({path: item}, 2)]) + "\n", encoding="utf-8")
        edit(self._folder / ROOT, ("paths",), action, {path: {"$ref": f"{name}#/paths/{escaped(path)}"}})


def append(file: Path, actions: Sequence[ProposedAction]) -> None:
    """Add actions to the end of an Overlay."""
    text = file.read_text(encoding="utf-8")
    text = re.sub(r"^actions: \[\]\s*\Z", "actions:\n", text, flags=re.MULTILINE)
    lines = []
    seen: set[str] = set()
    for action in actions:
        if action.id not in seen:
            lines.append("")
        lines += as_yaml([dict(_entry(action, first=action.id not in seen))], 2)
        seen.add(action.id)
    if text.rstrip().endswith("actions:"):
        lines = lines[1:]
    file.write_text(text.rstrip("\n") + "\n" + "\n".join(lines) + "\n", encoding="utf-8")


def _entry(action: ProposedAction, *, first: bool) -> Iterator[tuple[str, Any]]:
    yield "target", action.target
    yield "x-id", action.id
    if first:
        yield "x-class", action.klass
        yield "x-reason", action.reason
        yield "x-evidence", action.evidence
        if action.klass == SDK:
            yield "x-since", action.since
    if action.description:
        yield "description", action.description
    yield "update", action.update


def edit(file: Path, location: Location, action: ProposedAction, update: Any) -> None:
    """Carry out an action in one file.

    Args:
        file: the file.
        location: of what is added to.
        action: the action.
        update: what is added, as this file has it.

    Raises:
        ContractError: the file cannot be edited there.
    """
    text = file.read_text(encoding="utf-8")
    try:
        if not isinstance(update, dict) or is_list(text, location):
            text = with_item(text, location, update)
        else:
            for key, value in update.items():
                if key in action.replaces:
                    text = with_value(text, (*location, key), value)
                else:
                    text = with_entry(text, location, key, value)
    except EditError as error:
        raise ContractError(f"{action.id}: {action.target}: {file.name}: {error}; edit it by hand") from error
    file.write_text(text, encoding="utf-8")
