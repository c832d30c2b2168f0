"""Who owns what on the target: what was there before the run is never touched, whatever a response says.

An id in the response to a creation proves nothing: a faulty server may name something that somebody else has.
So a resource is the run's own only if it was not there before and the target itself shows it to be no older
than the request that made it.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from cohere_conformance.recordings.fields import first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cohere_conformance.model import Response

_UNSAFE = re.compile(r"[\x00-\x20\x7f/\\?#%;:]|^\.+$")
"""Characters that make an id more than one segment of a path, for some server."""
_LONGEST = 256
_DECODINGS = 3
_NOBODY = re.compile(
    r"00000000-0000-4000-8000-000000000000|conformance-(?:nobody|no-such|no-uuid|never)", re.IGNORECASE
)
"""Prefixes of ids that no resource has: tests use them to get a 404."""
_OURS = "conformance-"
"""How the names begin that the run gives: what has such a name and is new is not somebody else's."""
_TOLERANCE = timedelta(seconds=1)
"""How far the clock behind `created_at` may be behind that of the `Date` header."""
_DOUBT = timedelta(minutes=1)
"""How much older than its request a resource must be reported for that to be a deviation."""
_SLOW_CLOCK = timedelta(minutes=10)
"""How far the clock of a target may be behind the local one."""


class Standing(enum.Enum):
    """Whether something on the target may be touched."""

    OWN = "own"
    """The run has created it."""
    NOBODYS = "nobodys"
    """There is no such resource, by the prefix of its id."""
    UNPROVEN = "unproven"
    """A response says that the run has created it; nothing confirms that so far."""
    FOREIGN = "foreign"
    """A response says that the run has created it, but it existed before, or its id is not safe to send."""
    UNKNOWN = "unknown"
    """No response says that the run has created it."""


@dataclass
class _Claim:
    """A resource that the run has created, according to a response.

    Attributes:
        since: the earliest time, by the clock of the target, at which it can have been made.
        refusal: what the response names instead of something new, if that is known.
        created: when it was made, as the target reports it; `None` while that is not known.
    """

    since: datetime
    refusal: str = ""
    created: datetime | None = None


@dataclass
class _Before:
    """What a collection contained when the run created something in it.

    Attributes:
        ids: of everything that a list showed then.
        listed: the list was asked for.
        later: ids that a response has shown since then, and that the run has not made.
    """

    ids: set[str] = field(default_factory=set)
    listed: bool = False
    later: set[str] = field(default_factory=set)


class Named(NamedTuple):
    """A resource in a list.

    Attributes:
        id: of the resource.
        name: that the run has given to something which it created.
    """

    id: str
    name: str


class _Nameless(NamedTuple):
    """Something that the run has created, and whose id the response lacks.

    Attributes:
        since: the earliest time, by the clock of the target, at which it can have been made.
        seen: ids that responses had shown by then.
    """

    since: datetime
    seen: frozenset[str]


class Ownership:
    """What existed before the run, and what the run has created.

    Args:
        fresh: the run has started the target itself, so that nothing existed before.
        is_word: returns whether a text is a fixed part of some path.
    """

    def __init__(self, *, fresh: bool, is_word: Callable[[str], bool] = lambda text: False) -> None:
        self._fresh = fresh
        self._is_word = is_word
        self._before: defaultdict[str, _Before] = defaultdict(_Before)
        self._claims: dict[tuple[str, str], _Claim] = {}
        self._nameless: defaultdict[tuple[str, str], list[_Nameless]] = defaultdict(list)

    def lacks_list(self, collection: str) -> bool:
        """Return whether a collection has to be listed before something is created in it."""
        return not self._fresh and not self._before[collection].listed

    def list_before(self, collection: str, ids: Iterable[str]) -> None:
        """Note what the list of a collection shows before the run creates something.

        That something is not in the list proves nothing: a list may hide what is there.
        """
        before = self._before[collection]
        before.listed = True
        before.ids |= {_folded(one) for one in ids}

    def seen(self, collection: str, ids: Iterable[str]) -> None:
        """Note other ids that a response shows: what is created later has another id."""
        if self._fresh:
            return
        keys = {_folded(one) for one in ids if not _NOBODY.match(one)}
        self._before[collection].later |= {one for one in keys if (collection, one) not in self._claims}

    def claim(self, collection: str, identity: str, since: datetime, *, result: bool = False) -> None:
        """Note that a response shows something as created by the run.

        Args:
            collection: its path.
            identity: its id.
            since: the earliest time at which it can have been made.
            result: it may have been shown already since it was made, as what a job of the run makes.
        """
        key = (collection, _folded(identity))
        if key not in self._claims:
            refusal = "" if self._fresh else self._refusal(collection, identity, result=result)
            self._claims[key] = _Claim(since, refusal)

    def expect(self, collection: str, name: str, since: datetime) -> None:
        """Note that the run has created something whose id the response lacks; a list may show it.

        Args:
            collection: its path.
            name: that the run has given to it.
            since: the earliest time at which it can have been made.
        """
        if name.startswith(_OURS):
            seen = frozenset(self._before[collection].later)
            self._nameless[collection, name.casefold()].append(_Nameless(since, seen))

    def expects(self, collection: str) -> bool:
        """Return whether a list of a collection may show something that was created without an id."""
        return any(path == collection and made for (path, _), made in self._nameless.items())

    def recognise(self, collection: str, listed: Iterable[Named]) -> list[Named]:
        """Claim what a list shows with the name of something that was created without an id.

        Nothing is claimed where more of that name are new than the run has created.

        Args:
            collection: its path.
            listed: what the list shows.

        Returns:
            what is claimed.
        """
        if not self.expects(collection):
            return []
        new: defaultdict[str, dict[str, Named]] = defaultdict(dict)
        for one in listed:
            expected = self._nameless.get((collection, one.name.casefold()), ())
            key = _folded(one.id)
            if (
                expected
                and key not in expected[0].seen
                and (collection, key) not in self._claims
                and not self._was_there(collection, one.id, result=True)
            ):
                new[one.name.casefold()][one.id] = one
        found: list[Named] = []
        for name, ones in new.items():
            expected = self._nameless[collection, name]
            if len(ones) <= len(expected):
                found += ones.values()
                for identity in ones:
                    self.claim(collection, identity, expected[0].since, result=True)
                del expected[: len(ones)]
        return found

    def dated(self, collection: str, identity: str, created: datetime) -> None:
        """Note when a resource was created, as the target reports it; the earliest time counts."""
        claim = self._claims.get((collection, _folded(identity)))
        if claim is not None and (claim.created is None or created < claim.created):
            claim.created = created

    def since(self, collection: str, identity: str) -> datetime | None:
        """Return the earliest time at which the run can have created something."""
        claim = self._claims.get((collection, _folded(identity)))
        return None if claim is None else claim.since

    def standing(self, collection: str, identity: str) -> Standing:
        """Return whether a resource may be touched."""
        claim = self._claims.get((collection, _folded(identity)))
        if claim is None:
            nobodys = _NOBODY.match(identity) and not self._was_there(collection, identity, result=True)
            return Standing.NOBODYS if nobodys else Standing.UNKNOWN
        if self._fresh:
            return Standing.OWN
        if claim.refusal or (claim.created is not None and claim.created < claim.since):
            return Standing.FOREIGN
        return Standing.UNPROVEN if claim.created is None else Standing.OWN

    def breach(self, collection: str, identity: str) -> str:
        """Return what the id in the response to a creation belongs to, if not to a new resource."""
        claim = self._claims.get((collection, _folded(identity)))
        if claim is None or self._fresh:
            return ""
        if claim.refusal or claim.created is None or claim.created >= claim.since - _DOUBT:
            return claim.refusal
        return "the id of something that is older than the request"

    def _refusal(self, collection: str, identity: str, *, result: bool) -> str:
        if self._was_there(collection, identity, result=result):
            return "the id of something that was there before"
        if _UNSAFE.search(identity) or len(identity) > _LONGEST or self._is_word(identity):
            return "an id that some server may take for another path"
        return ""

    def _was_there(self, collection: str, identity: str, *, result: bool) -> bool:
        """Return whether that id existed before, in any collection, because paths are easily mistaken.

        Collections that count from one have the same numbers, which is no sign of anything. What a job has
        made may be listed before the job names it.
        """
        key = _folded(identity)
        keys = {key, key.strip(". "), key.partition(".")[0], *_UNSAFE.split(key)} - {""}
        return any(
            keys & (before.ids if result else before.ids | before.later)
            for path, before in self._before.items()
            if path == collection or not key.isdecimal()
        )


def _folded(identity: str) -> str:
    """Return the forms of an id for servers that decode again, or that normalize letters."""
    for _ in range(_DECODINGS):
        identity = unquote(identity)
    return unicodedata.normalize("NFKC", identity).casefold()


def earliest(response: Response, now: datetime) -> datetime:
    """Return the earliest time, by the clock of the target, at which a request can have had its effect.

    Args:
        response: to the request.
        now: the time by our clock.
    """
    took = timedelta(seconds=response.seconds or 0.0)
    floor = now - took - _SLOW_CLOCK
    try:
        date = parsedate_to_datetime(first(response.headers, "date") or "")
    except (ValueError, TypeError):
        return floor
    date = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    # A Date far in the past would make every resource look new, so the local clock is used as well.
    return max(date - took - _TOLERANCE, floor)


def moment(value: object) -> datetime | None:
    """Return the time of a text; `None` if it has none that can be compared."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
