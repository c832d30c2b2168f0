"""Pages of a list, with tokens that mean nothing to anybody but the server."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, TypeVar

from cohere_conformance.reference.handling import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

_Item = TypeVar("_Item")


def page(items: Sequence[_Item], size: int, token: str, scope: str) -> tuple[Sequence[_Item], str | None]:
    """Return one page and the token of the next one, `None` after the last.

    Args:
        items: the whole list in its order.
        size: how many at most.
        token: what the previous page gave; `""` for the first page.
        scope: which list it is; a token of another list is refused.

    Raises:
        ApiError: 400, the token was not given by this list.
    """
    start = _offset(token, scope) if token else 0
    end = start + size
    return items[start:end], _token(end, scope) if end < len(items) else None


def _token(offset: int, scope: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([scope, offset]).encode()).decode().rstrip("=")


def _offset(token: str, scope: str) -> int:
    try:
        told = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError):
        told = None
    match told:
        case [str(name), int(offset)] if name == scope and offset >= 0:
            return offset
    raise ApiError(400, "invalid page_token: it was not given by this list")
