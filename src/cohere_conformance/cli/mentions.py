"""Which tests of the suites name a requirement, with their ids as in reports."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def naming(requirement: str, suites: Path) -> list[str]:
    """Return the ids of the tests that name a requirement; the name of the file if shared code names it.

    Args:
        requirement: its id.
        suites: the folder of the suites.
    """
    # An id may be the beginning of another one.
    named = re.compile(rf"(?<![\w.-]){re.escape(requirement)}(?![\w-]|\.\w)")
    return [
        test
        for path in sorted(suites.glob("*/test_*.py"))
        for test in _naming(named, path, path.read_text(encoding="utf-8"))
    ]


def _naming(named: re.Pattern[str], path: Path, text: str) -> Iterator[str]:
    if not named.search(text):
        return
    file = f"{path.parent.name}.{path.stem.removeprefix('test_')}".replace("_", "-")
    found = [node for node in ast.parse(text).body if named.search(ast.get_source_segment(text, node) or "")]
    tests = [
        node.name for node in found if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    yield from (f"{file}.{name.removeprefix('test_').replace('_', '-')}" for name in tests)
    if len(tests) < len(found):
        yield file
