"""The facts of a LAP file: its operations and the names of their inputs.

LAP (`@lap v0.3`) is a short text form of an API description for language models. It does not say whether
an input is sent in the query, a header or the body, leaves multipart bodies out, and shortens schemas; so
names of inputs are all that is compared. Names that begin with a capital letter are those of headers, and
are left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohere_conformance.drift.facts import Description, DescriptionKind, Node, operation_key
from cohere_conformance.errors import DescriptionError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES = "any|str|int|num|bool|map|list|array|object|float|date|enum|file|binary|bytes"
_INPUT = re.compile(rf"([$\w][$\w.:-]*):\s+(?=\[|[A-Z]|(?:{_TYPES})\b)")
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"}


def lap_facts(text: str, name: str) -> Description:
    """Return the facts of a LAP file.

    Args:
        text: of the file.
        name: of the source.

    Raises:
        DescriptionError: it is no LAP file, or a line of it cannot be understood.
    """
    operations: dict[str, Node] = {}
    labels: dict[str, str] = {}
    key = ""
    found = False
    for number, directive, rest in _directives(text):
        found = found or directive == "lap"
        if directive == "endpoint":
            method, _, path = rest.partition(" ")
            if method.upper() not in _METHODS or not path.strip().startswith("/"):
                raise DescriptionError(
                    name, f"line {number}", f"expected '@endpoint METHOD /path', got {'@endpoint ' + rest!r}"
                )
            key = operation_key(method, path.strip())
            labels[key] = f"{method.upper()} {path.strip()}"
            operations[key] = Node(f"line {number}")
        elif directive in {"required", "optional"} and key:
            known = dict(operations[key].children)
            in_path = set(re.findall(r"{([^}]*)}", labels[key]))
            for given in _names(rest):
                if given not in in_path and not given[0].isupper():
                    known[f"input.{given}"] = Node(f"line {number}")
            operations[key] = Node(operations[key].origin, {}, known)
        elif directive == "body" and key:
            operations[key] = Node(operations[key].origin, {}, operations[key].children, opaque=True)
    if not found or not operations:
        raise DescriptionError(
            name,
            "line 1",
            "expected a LAP file, with '@lap' at the top and '@endpoint' for each operation, got none",
        )
    return Description(name, operations, labels, DescriptionKind.LAP, frozenset(), frozenset({"input"}))


def _directives(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the name and the rest of each directive, with the lines that continue it."""
    current: tuple[int, str, str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        opened = re.match(r"@(\w+)\s*(.*)", line.strip())
        if opened:
            if current:
                yield current
            current = (number, opened[1], opened[2])
        elif current and line.strip():
            current = (*current[:2], f"{current[2]} {line.strip()}")
    if current:
        yield current


def _names(block: str) -> Iterator[str]:
    """Yield the names of the inputs in `{name: type, ...}`; a comma in a description separates nothing."""
    position = block.find("{") + 1
    while position:
        named = _INPUT.match(block, position)
        if not named:
            return
        yield named[1]
        position = _after(block, named.end())


def _after(block: str, position: int) -> int:
    """Return where the next input of a block begins; 0 if there is none."""
    depth, comment = 0, False
    while position < len(block):
        character = block[position]
        comment = comment or (depth <= 0 and block.startswith(" # ", position))
        depth += 0 if comment else (character in "{[(") - (character in "}])")
        if character == "," and depth <= 0:
            following = re.compile(r"\s*").match(block, position + 1)
            assert following is not None
            if _INPUT.match(block, following.end()):
                return following.end()
        position += 1
    return 0
