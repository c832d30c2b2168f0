"""The lines of the values in a YAML file, for error messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import yaml

Tree = int | list[Any]
"""The line of a scalar, or the line of a collection and the trees of its values: in a list, or by the text of
their key, each with the line of the key. It consists of values that can be stored."""


class Lines:
    """The lines of a file.

    Args:
        tree: of its top; `None` if the file is empty.
    """

    def __init__(self, tree: Tree | None) -> None:
        self._tree = tree

    def of(self, steps: Iterable[str | int]) -> int:
        """Return the line (from 1) of a value or its key; of the nearest existing one if there is none.

        Args:
            steps: keys and indexes from the root.
        """
        if self._tree is None:
            return 1
        line, values = _opened(self._tree)
        for step in steps:
            if isinstance(values, list) and isinstance(step, int) and step < len(values):
                line, values = _opened(values[step])
            elif isinstance(values, dict) and str(step) in values:
                line, value = values[str(step)]
                _, values = _opened(value)
            else:
                break
        return line


def _opened(tree: Tree) -> tuple[int, Any]:
    """Return the line of a value, and the trees of the values in it; none in a scalar."""
    if isinstance(tree, int):
        return tree, None
    line, values = tree
    return line, values


def tree_of(root: yaml.Node) -> Tree:
    """Return the lines of a parsed file; an alias has those of its anchor."""
    known: dict[int, Tree] = {}

    def tree(node: Any) -> Tree:
        line: int = node.start_mark.line + 1
        if node.id == "scalar":
            return line
        if (found := known.get(id(node))) is not None:
            return found
        made: list[Any] = [line, None]
        known[id(node)] = made  # before its values, which may include an alias of it
        if node.id == "sequence":
            made[1] = [tree(value) for value in node.value]
        else:
            # Of two keys with one text, such as 1 and '1', the first.
            keys = [(key, value) for key, value in reversed(node.value) if key.id == "scalar"]
            made[1] = {key.value: (key.start_mark.line + 1, tree(value)) for key, value in keys}
        return made

    return tree(root)
