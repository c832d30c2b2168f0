"""Walks through a list that grows: every page shows what there was when the walk began."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cohere_conformance.reference.handling import ApiError

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def begun(call: Call) -> tuple[datetime, str]:
    """Return when the walk began that the call goes on with, and the token within the list.

    Raises:
        ApiError: 400, the token was not given by a list.
    """
    since, _, token = (call.query.get("page_token") or "").partition(".")
    if not since:
        return call.now, ""
    try:
        # Without a second part it is no token of any list; paging refuses it.
        return _EPOCH + timedelta(microseconds=int(since, 16)), token or "none"
    except (ValueError, OverflowError) as error:
        raise ApiError(400, "invalid page_token: it was not given by this list") from error


def following(since: datetime, token: str) -> str:
    """Return the token of the next page of a walk."""
    return f"{(since - _EPOCH) // timedelta(microseconds=1):x}.{token}"
