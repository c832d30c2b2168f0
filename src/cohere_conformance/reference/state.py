"""The state of a server: its clock, its keys, and the accounts with their records."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from cohere_conformance.contract import load_contract
from cohere_conformance.errors import UsageError
from cohere_conformance.names import unknown
from cohere_conformance.reference.faults import Fault, chosen
from cohere_conformance.reference.keys import Keys
from cohere_conformance.reference.profile import Profile
from cohere_conformance.reference.randomness import source
from cohere_conformance.reference.randomness import suffix as suffix
from cohere_conformance.reference.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cohere_conformance.contract import Contract

_Record = TypeVar("_Record")


class Clock:
    """A clock, which tests can move forward instead of waiting.

    Args:
        runs: whether time passes; otherwise the clock moves only when it is advanced.
        start: the time at first, of a clock that does not run by itself; now, if not given.
    """

    def __init__(self, *, runs: bool = True, start: datetime | None = None) -> None:
        self._stopped_at = None if runs else start or datetime.now(UTC)
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the time in UTC."""
        return (self._stopped_at or datetime.now(UTC)) + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds`."""
        self._ahead += timedelta(seconds=seconds)


@dataclass
class Account:
    """The account of one organization.

    Attributes:
        organization_id: the id of the organization (a UUID).
        owner_id: the id of the owner of its keys (a UUID).
    """

    organization_id: str
    owner_id: str
    _shelves: dict[type[Any], dict[str, Any]] = field(default_factory=dict)

    def shelf(self, kind: type[_Record]) -> dict[str, _Record]:
        """Return the records of one type by id, oldest first."""
        return self._shelves.setdefault(kind, {})


class ServerState:
    """The state of one server, which can be changed while it runs.

    Args:
        profile: of the behaviour, or its name, such as `live-2026`.
        faults: the injected faults, or their names, such as `rerank.unsorted`.
        step: the seconds of each step of an asynchronous process (validation, job, training).
        pause: the seconds between two events of a stream.
        time_per_request: the seconds by which each request moves the clock forward.
        clock: instead of the clock of this machine.
        keys: further production keys.
        seed: makes ids and other random values repeatable; they are random if it is not given.

    Attributes:
        clock: the clock of all times.
        keys: the accepted keys.
        contract: validates the requests.
        randomness: the source of random ids.
        remembered: validated bodies, with results that depend on them only.

    Raises:
        UsageError: a profile or fault is unknown, or a number of seconds is invalid.
    """

    def __init__(
        self,
        *,
        profile: Profile | str = Profile.CONTRACT,
        faults: Iterable[Fault | str] = (),
        step: float = 0.1,
        pause: float = 0.0,
        time_per_request: float = 0.0,
        clock: Clock | None = None,
        keys: Iterable[str] = (),
        seed: str | None = None,
    ) -> None:
        if profile not in [*Profile]:
            raise UsageError(unknown("profile", str(profile), [one.value for one in Profile]))
        self.profile = Profile(profile)
        self.faults = faults
        self.step = _seconds("step", step)
        self.pause = _seconds("pause", pause)
        self.time_per_request = _seconds("time_per_request", time_per_request)
        self.clock = clock or Clock()
        # A string is one key, not one for each character.
        self.keys = Keys((keys,) if isinstance(keys, str) else tuple(keys))
        self.contract: Contract = load_contract()
        self.randomness = source(seed)
        self.remembered = Remembered()
        self._accounts: dict[str, Account] = {}

    @property
    def faults(self) -> frozenset[Fault]:
        """The injected faults; they can be changed while the server runs, also by name."""
        return self._faults

    @faults.setter
    def faults(self, wanted: Iterable[Fault | str]) -> None:
        named = (wanted,) if isinstance(wanted, str | Fault) else tuple(wanted)
        self._faults = chosen((one.name if isinstance(one, Fault) else str(one) for one in named), "faults")

    def account(self, organization: str) -> Account:
        """Return the account of an organization, which is created when it is first used."""
        if organization not in self._accounts:
            account = Account(
                organization_id=str(uuid.uuid5(uuid.NAMESPACE_DNS, f"organization.{organization}")),
                owner_id=str(uuid.uuid5(uuid.NAMESPACE_DNS, f"owner.{organization}")),
            )
            # Another thread may have created it meanwhile.
            self._accounts.setdefault(organization, account)
        return self._accounts[organization]


def _seconds(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise UsageError(f"{name}: expected a number of seconds from 0 on, got {value!r}")
    return value


def stamp(moment: datetime) -> str:
    """Return a time in the format of the API: RFC 3339 in UTC with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
