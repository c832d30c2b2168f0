"""Reading the documents below `contracts/`: YAML by the rules of 1.2, one answer for one file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import yaml

from cohere_conformance.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

Document = dict[str, Any]
T = TypeVar("T")

_TIMESTAMP, _BOOL = "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool"


class _Loader(yaml.CSafeLoader):
    """YAML 1.2 scalars: `OFF` and dates stay strings; a repeated key is an error."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way to declare them
        first: [(tag, rule) for tag, rule in rules if tag not in {_TIMESTAMP, _BOOL}]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a key that stands twice: PyYAML would let the later one win silently."""
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice in one mapping", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def load_yaml(path: Path) -> Document:
    """Read one YAML document whose top is a mapping.

    Raises:
        ContractError: the file is missing, is not YAML, repeats a key or holds something else.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise ContractError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ContractError(f"{path}: byte {error.start}: expected UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise ContractError(f"{path}: {where}: {error.problem}") from error
    if not isinstance(document, dict):
        raise ContractError(f"{path}: expected a mapping at the top, found {type(document).__name__}")
    return document


def load_typed(path: Path, shape: type[T]) -> T:
    """Read one YAML document into a typed value.

    Raises:
        ContractError: as `load_yaml`, or a field is missing, unknown or of another type than `shape` says.
    """
    try:
        return msgspec.convert(load_yaml(path), shape)
    except msgspec.ValidationError as error:
        raise ContractError(f"{path}: {error}") from error
