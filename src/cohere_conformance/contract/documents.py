"""Loads YAML documents; the parsed form of shipped files is stored."""

from __future__ import annotations

import marshal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from cohere_conformance.contract.lines import Lines
from cohere_conformance.data import is_shipped
from cohere_conformance.errors import ContractError
from cohere_conformance.inputs.derived import derived
from cohere_conformance.inputs.files import read_document

if TYPE_CHECKING:
    from cohere_conformance.contract.lines import Tree

Document = dict[str, Any]
T = TypeVar("T")


def load_yaml(path: Path) -> Document:
    """Read one YAML document whose top is a mapping; the parsed form of a shipped one is stored.

    Raises:
        ContractError: the file is missing, is not YAML, repeats a key or holds something else.
    """
    content = _content(path)
    if is_shipped(path):
        return derived(path, content + rules(), lambda: _parse(path, content)[0])
    return cast("Document", marshal.loads(_parsed(path, content)[0]))


def load_located(path: Path) -> tuple[Document, Lines]:
    """Read one YAML document as `load_yaml` does, and the lines of its values.

    Raises:
        ContractError: as `load_yaml`.
    """
    content = _content(path)
    if is_shipped(path):
        document, tree = derived(path.with_suffix(".lines"), content + rules(), lambda: _parse(path, content))
    else:
        document, tree = map(marshal.loads, _parsed(path, content))
    return document, Lines(tree)


def _content(path: Path) -> bytes:
    try:
        return read_document(path)
    except OSError as error:
        raise ContractError(f"{path}: cannot be read: {error.strerror or error}") from error


def _parsed(path: Path, content: bytes) -> tuple[bytes, bytes]:
    """Return the parsed form of a document and its lines."""
    try:
        return _parsed_once(content)
    except ContractError:
        _parse(path, content)  # says in which file
        raise


@lru_cache(maxsize=128)
def _parsed_once(content: bytes) -> tuple[bytes, bytes]:
    """Return the same for a command that reads one document several times, with its lines or without."""
    document, tree = _parse(Path(), content)
    return marshal.dumps(document), marshal.dumps(tree)


@lru_cache(maxsize=1)
def rules() -> bytes:
    """Return the text of the parser: a parsed document depends on it as well."""
    return b"".join(Path(__file__).with_name(name).read_bytes() for name in ("yaml12.py", "lines.py"))


def _parse(path: Path, content: bytes) -> tuple[Document, Tree]:
    # Stored documents do not need the parser of YAML, which is slow to import.
    from cohere_conformance.contract import yaml12

    return yaml12.parse(path, content)


def load_typed(path: Path, shape: type[T]) -> T:
    """Read one YAML document into a typed value.

    Raises:
        ContractError: as `load_yaml`, or a field is missing, unknown or of another type than `shape` says.
    """
    try:
        return msgspec.convert(load_yaml(path), shape)
    except msgspec.ValidationError as error:
        raise ContractError(f"{path}: {error}") from error
