"""Bundles the root file and the files it refers to into one self-contained OpenAPI document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cohere_conformance.contract.documents import Document, load_yaml, rules
from cohere_conformance.data import is_shipped
from cohere_conformance.errors import ContractError
from cohere_conformance.inputs.derived import derived
from cohere_conformance.inputs.files import read_document
from cohere_conformance.pointer import unescaped

_LOCAL = "#/components/"


def resolve(document: Document, pointer: str) -> Any:
    """Return the value in the document that the JSON pointer `#/...` leads to.

    Raises:
        ContractError: there is none.
    """
    node: Any = document
    for token in pointer.removeprefix("#/").split("/"):
        key = unescaped(token)
        if not isinstance(node, dict) or key not in node:
            raise ContractError(f"{pointer}: expected a component, got nothing at {key!r}")
        node = node[key]
    return node


def bundle(root: Path) -> Document:
    """Merge `root` and every file it refers to into one document with local references only.

    A reference to another file is either a path item, which is put in its place, or a component, whose name
    is unique over all files.

    Raises:
        ContractError: a file cannot be read, a reference names nothing, or two files declare one name.
    """
    if not is_shipped(root):
        return _bundled(root)
    files = (*sorted(root.parent.glob("*.yaml")), Path(__file__))
    source = b"".join(map(read_document, files)) + rules()
    return derived(root.with_name("bundle"), source, lambda: _bundled(root))


def _bundled(root: Path) -> Document:
    files: dict[str, Document] = {}

    def opened(name: str) -> Document:
        if name not in files:
            files[name] = load_yaml(root.parent / name)
        return files[name]

    document = opened(root.name)
    paths = {}
    for path, item in document.get("paths", {}).items():
        reference = item.get("$ref", "")
        file, _, pointer = reference.partition("#")
        found = resolve(opened(file), f"#{pointer}") if file else item
        paths[path] = _localised(found, file or root.name, opened)
    merged = {key: value for key, value in document.items() if key not in {"paths", "components"}}
    merged["paths"] = paths

    components: dict[str, Document] = {}
    origin: dict[tuple[str, str], str] = {}
    done: set[str] = set()
    while pending := sorted(files.keys() - done):
        for name in pending:
            done.add(name)
            for section, entries in files[name].get("components", {}).items():
                for key, value in entries.items():
                    local = _localised(value, name, opened)
                    if local == {"$ref": f"{_LOCAL}{section}/{key}"}:
                        continue  # a component of another file, which is merged from there
                    earlier = origin.setdefault((section, key), name)
                    if earlier != name:
                        raise ContractError(
                            f"components/{section}/{key} in {earlier} and in {name}: expected it in one file"
                        )
                    components.setdefault(section, {})[key] = local
    merged["components"] = components
    for pointer in sorted(references(merged)):
        resolve(merged, pointer)
    return merged


def references(node: Any) -> set[str]:
    """Return every `$ref` and discriminator target below the node."""
    found: set[str] = set()
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                found.add(value)
            elif _is_discriminator(key, value):
                found.update(target for target in value["mapping"].values() if isinstance(target, str))
            else:
                found |= references(value)
    elif isinstance(node, list):
        for value in node:
            found |= references(value)
    return found


def _is_discriminator(key: str, value: Any) -> bool:
    """Return whether a node is a discriminator with a mapping, and not a property of that name."""
    mapping = value.get("mapping") if key == "discriminator" and isinstance(value, dict) else None
    return isinstance(mapping, dict) and all(isinstance(target, str) for target in mapping.values())


def _localised(node: Any, file: str, opened: Any) -> Any:
    """Rewrite `other.yaml#/components/x` to `#/components/x`, opening each file on the way."""
    if isinstance(node, list):
        return [_localised(value, file, opened) for value in node]
    if not isinstance(node, dict):
        return node
    out: Document = {}
    for key, value in node.items():
        if key == "$ref" and isinstance(value, str):
            out[key] = _local(value, file, opened)
        elif _is_discriminator(key, value):
            mapping = {tag: _local(target, file, opened) for tag, target in value["mapping"].items()}
            out[key] = {**value, "mapping": mapping}
        else:
            out[key] = _localised(value, file, opened)
    return out


def _local(reference: str, file: str, opened: Any) -> str:
    other, _, pointer = reference.partition("#")
    if other:
        opened(other)
    if not f"#{pointer}".startswith(_LOCAL):
        raise ContractError(
            f"{file}: {reference}: expected a component as the target of a reference to another file"
        )
    return f"#{pointer}"
