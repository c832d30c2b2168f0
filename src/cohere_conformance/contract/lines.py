"""The lines of the values in a YAML file, for error messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable


class Lines:
    """The lines of a file.

    Args:
        root: of its tree; `None` if the file is empty.
    """

    def __init__(self, root: yaml.Node | None) -> None:
        self._root = root

    def of(self, steps: Iterable[str | int]) -> int:
        """Return the line (from 1) of a value or its key; of the nearest existing one if there is none.

        Args:
            steps: keys and indexes from the root.
        """
        if self._root is None:
            return 1
        node, line = self._root, self._root.start_mark.line
        for step in steps:
            found = _child(node, step)
            if found is None:
                break
            node, line = found
        return line + 1


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    """Return the node that a step leads to, with its line."""
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item: yaml.Node = node.value[step]
        return item, item.start_mark.line
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return value, key.start_mark.line
    return None
