"""A connector, as it was registered and changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class Connector:
    """One connector.

    Attributes:
        id: its name with a suffix.
        name: the display name.
        url: of its search.
        created_at: the time of its creation.
        updated_at: the time of its last change.
        description: of its content; `None` if it was not sent.
        excludes: fields of its documents that are hidden from the model; `None` if it was not sent.
        active: whether it may be used.
        continue_on_failure: whether a chat continues when it fails.
        oauth: the OAuth settings, with secrets.
        token: of the service.
        authorized_at: the time of its last authorization.
    """

    id: str
    name: str
    url: str
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    excludes: tuple[str, ...] | None = None
    active: bool = True
    continue_on_failure: bool = False
    oauth: dict[str, str] | None = None
    token: str | None = None
    authorized_at: datetime | None = None
