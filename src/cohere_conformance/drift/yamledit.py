"""Edits of YAML text that keep everything else as it is: comments, layout, order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from cohere_conformance.drift.yamltext import as_yaml, in_flow, scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

_NO_CONTENT = re.compile(r"\s*(#.*)?")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class EditError(Exception):
    """The text cannot be edited there; the message says why."""


def is_list(text: str, location: Sequence[str | int]) -> bool:
    """Return whether a value of the document is a list.

    Raises:
        EditError: there is no such value.
    """
    return isinstance(_node(text, location), yaml.SequenceNode)


def with_entry(text: str, location: Sequence[str | int], key: str, value: Any) -> str:
    """Return the text with a further key at the end of a mapping.

    Args:
        text: the document.
        location: of the mapping.
        key: that it does not have.
        value: of the key.

    Raises:
        EditError: there is no such mapping.
    """
    node = _node(text, location)
    if not isinstance(node, yaml.MappingNode):
        raise EditError("expected a mapping")
    if node.flow_style:
        return _in_flow(text, node, f"{scalar(key)}: {in_flow(value)}")
    return _below(text, node, list(as_yaml({key: value}, _column(node.value[0][0]))))


def with_item(text: str, location: Sequence[str | int], value: Any) -> str:
    """Return the text with a further item at the end of a list.

    Raises:
        EditError: there is no such list.
    """
    node = _node(text, location)
    if not isinstance(node, yaml.SequenceNode):
        raise EditError("expected a list")
    if node.flow_style:
        return _in_flow(text, node, in_flow(value))
    return _below(text, node, list(as_yaml([value], node.start_mark.column)))


def with_value(text: str, location: Sequence[str | int], value: Any) -> str:
    """Return the text with another value in place of a scalar or of a list in one line.

    Raises:
        EditError: there is none.
    """
    node = _node(text, location)
    start, end = node.start_mark, node.end_mark
    block = isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}
    if start.line != end.line or isinstance(node, yaml.MappingNode) or block:
        raise EditError("expected a value in one line")
    lines = text.split("\n")
    line = lines[start.line]
    lines[start.line] = f"{line[: start.column]}{in_flow(value)}{line[end.column :]}"
    return "\n".join(lines)


def _node(text: str, location: Sequence[str | int]) -> Any:
    node: Any = yaml.compose(text, Loader=_LOADER)
    for step in location:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == str(step)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            node = None
        if node is None:
            raise EditError(f"there is no {step!r}")
    return node


def _column(node: yaml.Node) -> int:
    column: int = node.start_mark.column
    return column


def _in_flow(text: str, node: yaml.Node, added: str) -> str:
    end = node.end_mark
    lines = text.split("\n")
    line, column = lines[end.line], end.column - 1
    before = line[:column].rstrip()
    separator = ", " if node.value else ""
    if not before or before.endswith(","):
        raise EditError("expected a list or mapping that ends on the line of its last value")
    lines[end.line] = f"{before}{separator}{added}{line[column:]}"
    return "\n".join(lines)


def _below(text: str, node: yaml.Node, added: list[str]) -> str:
    """Return the text with lines after the last line of a value, before blank lines that follow it."""
    lines = text.split("\n")
    number = min(node.end_mark.line, len(lines))
    while number > node.start_mark.line + 1 and _NO_CONTENT.fullmatch(lines[number - 1]):
        number -= 1
    if node.end_mark.column and number == node.end_mark.line and node.end_mark.line < len(lines):
        number += 0 if _NO_CONTENT.fullmatch(lines[node.end_mark.line][: node.end_mark.column]) else 1
    return "\n".join([*lines[:number], *added, *lines[number:]])
