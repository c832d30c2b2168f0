"""What the server remembers: its clock, its keys, and what each account has made."""

from __future__ import annotations

import secrets
import string
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from cohere_conformance.contract import load_contract
from cohere_conformance.reference.keys import Keys
from cohere_conformance.reference.profile import Profile

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract
    from cohere_conformance.reference.faults import Fault

_Record = TypeVar("_Record")


class Clock:
    """Tells the time; who has it to himself moves it ahead instead of waiting.

    Args:
        runs: time passes by itself; otherwise only when the clock is moved.
    """

    def __init__(self, *, runs: bool = True) -> None:
        self._stopped_at = None if runs else datetime.now(UTC)
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the time in UTC."""
        return (self._stopped_at or datetime.now(UTC)) + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds`."""
        self._ahead += timedelta(seconds=seconds)


@dataclass
class Account:
    """What belongs to one organisation.

    Attributes:
        organization_id: id of the organisation (a UUID).
        owner_id: id of the user who owns its keys (a UUID).
    """

    organization_id: str
    owner_id: str
    _shelves: dict[type[Any], dict[str, Any]] = field(default_factory=dict)

    def shelf(self, kind: type[_Record]) -> dict[str, _Record]:
        """Return the records of one type by id, oldest first."""
        return self._shelves.setdefault(kind, {})


class State:
    """One running server's memory.

    Args:
        profile: which behaviour to show.
        faults: what to do wrong.
        step: seconds that each step of something asynchronous takes (validation, a job, a training).
        pause: seconds between two events of a stream.
        time_per_request: seconds by which each request moves the clock ahead.
        clock: another one than that of this machine.
        keys: further keys that are accepted, as production keys.

    Attributes:
        clock: the time that everything is reckoned by.
        keys: who may call.
        contract: what requests are validated against.
    """

    def __init__(
        self,
        *,
        profile: Profile = Profile.CONTRACT,
        faults: frozenset[Fault] = frozenset(),
        step: float = 0.1,
        pause: float = 0.0,
        time_per_request: float = 0.0,
        clock: Clock | None = None,
        keys: tuple[str, ...] = (),
    ) -> None:
        self.profile = profile
        self.faults = faults
        self.step = step
        self.pause = pause
        self.time_per_request = time_per_request
        self.clock = clock or Clock()
        self.keys = Keys(keys)
        self.contract: Contract = load_contract()
        self._accounts: dict[str, Account] = {}

    def account(self, organization: str) -> Account:
        """Return the account of an organisation, opened on first use."""
        if organization not in self._accounts:
            self._accounts[organization] = Account(
                organization_id=str(uuid.uuid5(uuid.NAMESPACE_DNS, f"organization.{organization}")),
                owner_id=str(uuid.uuid5(uuid.NAMESPACE_DNS, f"owner.{organization}")),
            )
        return self._accounts[organization]


def suffix(length: int = 6) -> str:
    """Return what tells apart things of the same name: lower-case letters and digits."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))


def stamp(moment: datetime) -> str:
    """Return a time as the API writes it: RFC 3339 in UTC with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
