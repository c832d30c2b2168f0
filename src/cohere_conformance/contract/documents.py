"""Loads the documents below `contracts/`; the parsed form of shipped files is stored."""

from __future__ import annotations

import marshal
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from cohere_conformance.data import is_shipped
from cohere_conformance.errors import ContractError
from cohere_conformance.inputs.derived import derived
from cohere_conformance.inputs.files import read_document

if TYPE_CHECKING:
    from types import ModuleType

Document = dict[str, Any]
T = TypeVar("T")


def load_yaml(path: Path) -> Document:
    """Read one YAML document whose top is a mapping; the parsed form of a shipped one is stored.

    Raises:
        ContractError: as `yaml12.load_located`.
    """
    try:
        content = read_document(path)
        if not is_shipped(path):
            return cast("Document", marshal.loads(_parsed(content)))
    except (OSError, ContractError):
        return cast("Document", _parser().load_located(path)[0])  # says what is wrong
    return derived(path, content + rules(), lambda: cast("Document", _parser().load_located(path)[0]))


@lru_cache(maxsize=128)
def _parsed(content: bytes) -> bytes:
    """Return the parsed form of a document, for a command that reads the same one several times."""
    return marshal.dumps(_parser().parse_located(Path(), content)[0])


@lru_cache(maxsize=1)
def rules() -> bytes:
    """Return the text of the parser: a parsed document depends on it as well."""
    return Path(__file__).with_name("yaml12.py").read_bytes()


def _parser() -> ModuleType:
    """Import the parser of YAML, which stored documents do not need."""
    return import_module("cohere_conformance.contract.yaml12")


def load_typed(path: Path, shape: type[T]) -> T:
    """Read one YAML document into a typed value.

    Raises:
        ContractError: as `load_yaml`, or a field is missing, unknown or of another type than `shape` says.
    """
    try:
        return msgspec.convert(load_yaml(path), shape)
    except msgspec.ValidationError as error:
        raise ContractError(f"{path}: {error}") from error
