"""Authentication: API keys, their kinds, and the rate limits of trial keys."""

from __future__ import annotations

import enum
import hmac
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from cohere_conformance.contract.tiers import shipped_policies
from cohere_conformance.reference.api_error import ApiError
from cohere_conformance.reference.faults import fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cohere_conformance.reference.http_messages import Fields

PRODUCTION = "reference-key"
"""A production key that every reference server accepts."""
TRIAL = "reference-trial-key"
"""A trial key, with quota headers and rate limits."""
EXPIRED = "reference-expired-key"
"""An expired trial key."""

IGNORED = fault("auth.ignored", "Every call succeeds, with any key or none.")
WRONG_ACCEPTED = fault("auth.any-key", "Any key is accepted.")
SCHEME_ACCEPTED = fault("auth.any-scheme", "A key is accepted under any scheme instead of Bearer only.")
SCHEME_CASE = fault("auth.scheme-case", "The scheme `bearer` in lower case is rejected.")
EXPIRED_ACCEPTED = fault("auth.expired-accepted", "An expired key is accepted.")
LATE = fault("auth.late", "Other errors of a request are reported before its key is checked.")
REPEATED = fault("auth.key-repeated", "The message about a wrong key contains the complete key.")
FORBIDDEN = fault("auth.forbidden", "A wrong or missing key is a 403 instead of a 401.")
UNLIMITED = fault("limits.never", "Trial keys have no rate limit, and their remaining calls do not decrease.")
ABOVE = fault("limits.remaining-above", "The remaining calls of a trial key are above its limit.")

MONTHLY = 1000
"""The maximum number of calls of a trial key, for each endpoint and month (R-02)."""
_MINUTE = timedelta(minutes=1)
_DEFAULT_LIMIT = 40


class KeyKind(enum.Enum):
    """The kind of a key."""

    PRODUCTION = enum.auto()
    TRIAL = enum.auto()
    EXPIRED = enum.auto()


@dataclass
class ApiKey:
    """One known key.

    Attributes:
        kind: its kind.
        organization: the name of its organization.
    """

    kind: KeyKind
    organization: str
    _calls: dict[str, deque[datetime]] = field(default_factory=dict)

    def quota(self, label: str, now: Callable[[], datetime], faults: frozenset[object]) -> Fields:
        """Count a call and return the quota headers; none for a production key.

        Args:
            label: of the operation.
            now: returns the time.
            faults: of the server.

        Raises:
            ApiError: 429, the rate limit is exceeded.
        """
        if self.kind is not KeyKind.TRIAL:
            return []
        limit, unlimited, moment = _limit(label), UNLIMITED in faults, now()
        calls = self._calls.setdefault(label, deque())
        while calls and calls[0] <= moment - _MINUTE:
            calls.popleft()
        if len(calls) >= limit and not unlimited:
            raise ApiError(
                429,
                f"You are using a Trial key, which is limited to {limit} API calls / minute. "
                "Use a production key, or wait a moment",
            )
        if not unlimited:
            calls.append(moment)
        remaining = limit - len(calls) + (limit if ABOVE in faults else 0)
        return [
            (b"x-endpoint-monthly-call-limit", b"%d" % MONTHLY),
            (b"x-trial-endpoint-call-limit", b"%d" % limit),
            (b"x-trial-endpoint-call-remaining", b"%d" % remaining),
        ]


def _limit(label: str) -> int:
    limit = _POLICIES[label].limit
    countable = limit is not None and limit.unit == "calls" and limit.per == "minute"
    return limit.trial if limit is not None and countable and limit.trial is not None else _DEFAULT_LIMIT


_POLICIES = shipped_policies()


class Keys:
    """The keys of a server.

    Args:
        further: production keys besides the built-in one.
    """

    def __init__(self, further: tuple[str, ...] = ()) -> None:
        self._keys = {
            PRODUCTION: ApiKey(KeyKind.PRODUCTION, "reference"),
            TRIAL: ApiKey(KeyKind.TRIAL, "trial"),
            EXPIRED: ApiKey(KeyKind.EXPIRED, "trial"),
        } | {key: ApiKey(KeyKind.PRODUCTION, "reference") for key in further}
        self._encoded = [(name.encode(), key) for name, key in self._keys.items()]
        self.holder = lru_cache(maxsize=64)(self._holder)

    def _holder(self, authorization: str | None, faults: frozenset[object]) -> ApiKey:
        """Return the key of an `Authorization` header.

        Raises:
            ApiError: 401, there is no key, or it is not accepted (G-03 to G-07).
        """
        status = 403 if FORBIDDEN in faults else 401
        scheme, _, token = (authorization or "").strip().partition(" ")
        token = token.strip()
        if IGNORED in faults:
            return self._keys.get(token, self._keys[PRODUCTION])
        if not token and scheme.lower() != "bearer":
            token, scheme = ("", scheme) if not scheme else (scheme, "")
        if not token:
            raise ApiError(status, "no api key supplied", traced=False)
        if SCHEME_CASE in faults and scheme != "Bearer":
            raise ApiError(status, "invalid api token: expected Bearer", traced=False)
        if scheme.lower() != "bearer" and SCHEME_ACCEPTED not in faults:
            raise ApiError(status, "invalid api token: expected a bearer token", traced=False)
        key = self._find(token)
        lax = WRONG_ACCEPTED in faults or (SCHEME_ACCEPTED in faults and scheme.lower() != "bearer")
        if key is None and lax:
            key = self._keys[PRODUCTION]
        if key is None:
            shown = token if REPEATED in faults else masked(token)
            raise ApiError(status, f"Incorrect API key provided: {shown}", traced=False)
        if key.kind is KeyKind.EXPIRED and EXPIRED_ACCEPTED not in faults:
            raise ApiError(status, "your trial API key has expired", traced=False)
        return key

    def _find(self, token: str) -> ApiKey | None:
        found, sent = None, token.encode("utf-8", "surrogateescape")
        for known, key in self._encoded:
            if hmac.compare_digest(known, sent):
                found = key
        return found


def masked(token: str) -> str:
    """Return a key for an error message: its first and last two characters."""
    return f"{token[:2]}****{token[-2:]}" if len(token) > 8 else "****"
