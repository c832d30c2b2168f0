"""What is unusual in requests that crash a server, and which of them have it in common.

The same empty text breaks a pattern in one place, is no listed value in another and too short in a third.
"""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from cohere_conformance.model import Kind
from cohere_conformance.report.causes.inputs import changed_part, sort_of_input

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cohere_conformance.report.causes.group import CauseGroup
    from cohere_conformance.report.causes.seen import SeenFinding

_EMPTY_TEXT, _EMPTY_LIST, _EMPTY_OBJECT = "Empty texts", "Empty lists", "Empty objects"
_ZERO, _NULL, _ESCAPED = "Zeros", "Nulls", "Escaped characters in paths"
_CONTROL, _SURROGATE, _ASTRAL = "Control characters", "Halves of surrogate pairs", "Characters above U+FFFF"
_LAST_OF_BMP = "\uffff"


def joined_crashes(groups: Sequence[CauseGroup]) -> list[CauseGroup]:
    """Return groups in which generated requests are together that crash a server and have a trait in common.

    Args:
        groups: of all findings.
    """
    left: list[CauseGroup] = []
    crashes: list[tuple[CauseGroup, frozenset[str]]] = []
    for group in sorted(groups, key=lambda one: (-len(one.members), one.key.parts)):
        traits = _common(group.members) if group.key.rule == "input" and _crashes(group) else frozenset()
        known = next((number for number, (_, theirs) in enumerate(crashes) if theirs & traits), None)
        if known is None:
            left.append(group)
            crashes += [(group, traits)] if traits else []
        else:
            first, theirs = crashes[known]
            first.members += group.members
            crashes[known] = (first, theirs & traits)
    places = {id(group): number for number, group in enumerate(groups)}
    return sorted(left, key=lambda group: places[id(group)])


def common_trait(group: CauseGroup) -> str:
    """Return what requests of several sorts have in common, in the plural; empty if they are of one sort."""
    sorts = {(changed_part(one.row)[0], sort_of_input(one)) for one in group.members}
    return min(_common(group.members), default="") if len(sorts) > 1 and _crashes(group) else ""


def _crashes(group: CauseGroup) -> bool:
    return all(one.row.kind is Kind.SERVER_ERROR for one in group.members)


def _common(members: Sequence[SeenFinding]) -> frozenset[str]:
    return frozenset.intersection(*(frozenset(_traits(one)) for one in members))


def _traits(one: SeenFinding) -> Iterator[str]:
    """Yield the traits of the request of an example, as far as it is shown completely."""
    head, _, body = one.row.example.request_text.partition("\n\n")
    url = urlsplit(head.partition("\n")[0].partition(" ")[2])
    if "%" in url.path:
        yield _ESCAPED
        yield from _of_text(unquote(url.path))
    for name, value in parse_qsl(url.query, keep_blank_values=True):
        yield from _of_text(name)
        yield from _of_text(value)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    if value != {}:  # a body without properties says nothing about those that it could have
        yield from _of_value(value)


def _of_value(value: object) -> Iterator[str]:
    match value:
        case str():
            yield from _of_text(value)
        case None:
            yield _NULL
        case bool():
            return
        case int() | float():
            if value == 0:
                yield _ZERO
        case list():
            if not value:
                yield _EMPTY_LIST
            for one in value:
                yield from _of_value(one)
        case dict():
            if not value:
                yield _EMPTY_OBJECT
            for one in value.values():
                yield from _of_value(one)


def _of_text(text: str) -> Iterator[str]:
    if not text:
        yield _EMPTY_TEXT
    categories = set(map(unicodedata.category, text))
    if "Cc" in categories:
        yield _CONTROL
    if "Cs" in categories:
        yield _SURROGATE
    if text and max(text) > _LAST_OF_BMP:
        yield _ASTRAL
