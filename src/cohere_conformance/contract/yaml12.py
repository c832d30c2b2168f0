"""Parses documents by the rules of YAML 1.2, with the lines of their values."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import yaml

from cohere_conformance.contract.lines import tree_of
from cohere_conformance.data import is_shipped
from cohere_conformance.errors import ContractError
from cohere_conformance.inputs.yamlevents import events

if TYPE_CHECKING:
    from pathlib import Path

    from cohere_conformance.contract.lines import Tree

_TAG = "tag:yaml.org,2002:"
_OLD = {_TAG + name for name in ("timestamp", "bool", "int", "float", "value")}  # other rules in YAML 1.1


class _Loader(yaml.CSafeLoader):
    """YAML 1.2 scalars: `OFF` and dates stay strings; a repeated key is an error."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way to declare them
        first: [(tag, rule) for tag, rule in rules if tag not in _OLD]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a repeated key: PyYAML would use the later one silently."""
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(
                    None, None, "expected a scalar as a key, got a list or a mapping", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"expected unique keys, got {key!r} twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_int(self, node: Any) -> int:
        """Read `10`, `0o17` and `0x1F`; a leading zero means nothing."""
        text = self.construct_scalar(node)
        return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)

    def construct_float(self, node: Any) -> float:
        """Read `1.5`, `1e3`, `.inf` and `.nan`."""
        return float(self.construct_scalar(node).lower().replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
}
for _name, (_rule, _starts) in _SCALARS.items():
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"^(?:{_rule})$"), list(_starts))
_Loader.add_constructor(_TAG + "int", _Loader.construct_int)
_Loader.add_constructor(_TAG + "float", _Loader.construct_float)


def parse(path: Path, content: bytes) -> tuple[dict[str, Any], Tree]:
    """Parse one YAML document whose top is a mapping, and return the lines of its values as well.

    Args:
        path: of the file that has the content, or will have it.
        content: its bytes.

    Raises:
        ContractError: it is not YAML, repeats a key or holds something else.
    """
    try:
        text = content.decode("utf-8")
        if not is_shipped(path):
            for _ in events(text):  # checked first: the loader recurses, and expands aliases and merges
                pass
        loader = _Loader(text)
        root = loader.get_single_node()
        document = loader.construct_document(root) if root is not None else None
    except UnicodeDecodeError as error:
        raise ContractError(f"{path}: byte {error.start}: expected UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise ContractError(f"{path}: {where}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ContractError(f"{path}: not YAML: {error}") from error
    except ValueError as error:
        raise ContractError(f"{path}: a number that cannot be read: {error}") from error
    if root is None or not isinstance(document, dict):
        raise ContractError(f"{path}: expected a mapping at the top, found {type(document).__name__}")
    return document, tree_of(root)
