"""Pagination of a list that grows: every page shows the list as it was at the first page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cohere_conformance.reference.handling import ApiError

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def begun(call: Call) -> tuple[datetime, str]:
    """Return the time of the first page, and the token within the list.

    Raises:
        ApiError: 400, the token is not from a list.
    """
    since, _, token = (call.query.get("page_token") or "").partition(".")
    if not since:
        return call.now, ""
    try:
        # A token without a second part is invalid; `paging` rejects it.
        return _EPOCH + timedelta(microseconds=int(since, 16)), token or "none"
    except (ValueError, OverflowError) as error:
        raise ApiError(400, "invalid page_token: it was not given by this list") from error


def following(since: datetime, token: str) -> str:
    """Return the token of the next page, which contains the time of the first page."""
    return f"{(since - _EPOCH) // timedelta(microseconds=1):x}.{token}"
