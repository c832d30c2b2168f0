"""Pages of a list, with opaque tokens."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from cohere_conformance.reference.handling import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cohere_conformance.reference.handling import Call

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Page(Generic[_Item]):
    """One page of a list.

    Attributes:
        items: the items of the page.
        previous: the last item of the previous page, if there is one.
        size: the maximum number of items.
        next_token: the token of the next page; `None` on the last page.
    """

    items: Sequence[_Item]
    previous: Sequence[_Item]
    size: int
    next_token: str | None


def page(items: Sequence[_Item], size: int, token: str, scope: str) -> Page[_Item]:
    """Return one page.

    Args:
        items: the complete list.
        size: the maximum number of items.
        token: from the previous page; `""` for the first page.
        scope: identifies the list; the token of another list is rejected.

    Raises:
        ApiError: 400, the token is not from this list.
    """
    start = _offset(token, scope) if token else 0
    end = start + size
    previous = items[max(0, start - 1) : start]
    return Page(items[start:end], previous, size, _token(end, scope) if end < len(items) else None)


def _token(offset: int, scope: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([scope, offset]).encode()).decode().rstrip("=")


def _offset(token: str, scope: str) -> int:
    try:
        decoded = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError):
        decoded = None
    match decoded:
        case [str(name), int(offset)] if name == scope and offset >= 0:
            return offset
    raise ApiError(400, "invalid page_token: it was not given by this list")


# -- what several groups inject as a fault


def without_first(found: Page[_Item], call: Call) -> Page[_Item]:
    """Leave out the first item of every page but the first."""
    return replace(found, items=found.items[1:]) if found.previous else found


def with_previous(found: Page[_Item], call: Call) -> Page[_Item]:
    """Repeat the last item of the previous page."""
    return replace(found, items=[*found.previous, *found.items][: found.size]) if found.items else found
