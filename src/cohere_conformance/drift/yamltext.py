"""Values as YAML in the layout of `contracts/`, with remarks as comments; JSONPaths of locations."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import yaml

from cohere_conformance.report.render.safe import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PLAIN = re.compile(r"[A-Za-z$/][A-Za-z0-9_./$()+-]*(?: [A-Za-z0-9_./$()+-]+)*")
_WORDS = re.compile(r"true|false|null|yes|no|on|off", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST = 1_000_000


class Remark(str):
    """A key whose value is written as a comment, for a person who may make it a part of the value."""

    __slots__ = ()


def as_yaml(value: Any, indent: int) -> Iterator[str]:
    """Yield the lines of a value in block style.

    Args:
        value: of mappings, lists and scalars; a key that is a `Remark` becomes a comment.
        indent: the number of spaces before each line.
    """
    before = " " * indent
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(key, Remark):
                for name, one in inner.items():
                    remark = f"{plain(key)} it; uncomment to require it"
                    yield f"{before}# {scalar(name)}: {in_flow(one)}  # {remark}"
            else:
                yield from _entry(f"{before}{scalar(key)}:", inner, indent)
    elif isinstance(value, list):
        for inner in value:
            lines = list(as_yaml(inner, indent + 2)) if inner and isinstance(inner, (dict, list)) else []
            number = next((n for n, line in enumerate(lines) if not line.lstrip().startswith("#")), 0)
            if lines:
                yield from lines[:number]
                yield f"{before}- {lines[number][indent + 2 :]}"
                yield from lines[number + 1 :]
            else:
                yield f"{before}- {in_flow(inner)}"
    else:
        yield f"{before}{scalar(value)}"


def _entry(head: str, value: Any, indent: int) -> Iterator[str]:
    if not isinstance(value, (dict, list)) or not value:
        yield f"{head} {in_flow(value)}"
    elif isinstance(value, list) and not any(isinstance(one, (dict, list)) for one in value):
        flow = in_flow(value)
        if len(head) + len(flow) < 110:
            yield f"{head} {flow}"
        else:
            yield head
            yield from as_yaml(value, indent + 2)
    elif all(isinstance(key, Remark) for key in value):
        yield f"{head} {{}}"
        yield from as_yaml(value, indent + 2)
    else:
        yield head
        yield from as_yaml(value, indent + 2)


def in_flow(value: Any) -> str:
    """Return a value on one line, without its remarks."""
    if isinstance(value, dict):
        entries = {key: one for key, one in value.items() if not isinstance(key, Remark)}
        return f"{{{', '.join(f'{scalar(key)}: {in_flow(one)}' for key, one in entries.items())}}}"
    return f"[{', '.join(map(in_flow, value))}]" if isinstance(value, list) else scalar(value)


def scalar(value: Any) -> str:
    """Return a scalar so that the rules of YAML 1.1 and 1.2 agree on it, on one line."""
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and not _WORDS.fullmatch(value):
            return value
        if value.isprintable():
            return "'" + value.replace("'", "''") + "'"
        dumped: str = yaml.dump(value, default_style='"', allow_unicode=False, width=_LONGEST)
        return dumped.rstrip("\n")
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return repr(value)


def json_path(steps: Iterable[str | int]) -> str:
    """Return the JSONPath (RFC 9535) of a location."""
    return "$" + "".join(map(_segment, steps))


def _segment(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _NAME.fullmatch(step):
        return f".{step}"
    return "['" + "".join(map(_character, step)) + "']"


def _character(char: str) -> str:
    if char in "'\\":
        return f"\\{char}"
    return char if char.isprintable() or ord(char) > 0xFFFF else f"\\u{ord(char):04x}"
