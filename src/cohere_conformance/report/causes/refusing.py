"""Operations that serve nothing, or not always: a key is refused, a limit is spent, or a backend is down."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cohere_conformance.model import Kind
from cohere_conformance.report.causes.group import Key
from cohere_conformance.report.causes.inputs import NOTHING, changed_part
from cohere_conformance.report.causes.topics import refusal_expected

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cohere_conformance.report.causes.seen import SeenFinding
    from cohere_conformance.report.coverage import Coverage

RULE = "refuses-everything"
"""The rule of the cause."""
_OF_EVERYTHING = frozenset({401, 402, 403, 429})
"""Refusals that say nothing about the request itself; failures (5xx) do not either."""
_AT_TIMES = frozenset({429, 502, 503, 504})
"""What a limit or a backend responds at times, whatever the request is."""
_BY_STATUS = {
    Kind.STATUS_UNEXPECTED,
    Kind.VALID_REFUSED,
    Kind.SERVER_ERROR,
    Kind.STATUS_UNDECLARED,
    Kind.REQUIREMENT_VIOLATED,
    Kind.EXPECTATION_FAILED,
    Kind.RULE_UNENFORCED,
}
"""Kinds that a status explains; what is wrong with the body of an error is a mistake of its own."""
_ENOUGH = 3
"""Responses that are needed to say that nothing is served."""
_SEVERAL = 2
"""Operations that are needed to say that requests are not served at times: one may refuse something valid."""


class RefusingOperations:
    """The operations that serve nothing, or not always, and with which status they respond instead.

    Args:
        sightings: every finding.
        coverage: of the run.
        absent: operations that do not exist on the target.
    """

    def __init__(self, sightings: Sequence[SeenFinding], coverage: Coverage, absent: Collection[str]) -> None:
        refused: dict[str, set[int]] = {}
        for one in sightings:
            if _of_valid_request(one):
                refused.setdefault(one.row.operation, set()).add(one.row.status)
        called = {one.operation: one for one in coverage.operations if one.judged}
        serving = {label for label, one in called.items() if any(map(_success, one.statuses))}
        found = {
            label: min(statuses)
            for label, statuses in refused.items()
            if len(statuses) == 1 and label in called.keys() - serving - {*absent}
        }
        responses = Counter[int]()
        for label, status in found.items():
            responses[status] += called[label].judged
        self._status = {
            label: status
            for label, status in found.items()
            if (status in _OF_EVERYTHING or status >= 500) and responses[status] >= _ENOUGH
        }
        # Where a resource could not be made, only requests were sent that have to be refused in another way.
        statuses = set(self._status.values())
        for label, operation in called.items():
            only = {*operation.statuses} if len(operation.statuses) == 1 else set[str]()
            if label not in absent and only & {*map(str, statuses)}:
                self._status.setdefault(label, int(min(only)))
        alone = len(statuses) == 1 and called.keys() <= self._status.keys()
        self._everywhere = min(statuses) if alone else None
        at_times = Counter(
            status for label in refused.keys() & serving for status in refused[label] & _AT_TIMES
        )
        self._at_times = {status for status, operations in at_times.items() if operations >= _SEVERAL}

    def key(self, one: SeenFinding) -> Key | None:
        """Return what a finding has in common with all others that show that requests are not served."""
        row = one.row
        if row.kind not in _BY_STATUS:
            return None
        if row.status == self._status.get(row.operation, self._everywhere):
            everywhere = self._everywhere == row.status
            return Key(RULE, (str(row.status), _EVERYWHERE if everywhere else "some operations"))
        return Key(RULE, (str(row.status), _SOMETIMES)) if row.status in self._at_times else None


_EVERYWHERE, _SOMETIMES = "everywhere", "at times"


def _success(status: str) -> bool:
    return status.startswith("2")


def _of_valid_request(one: SeenFinding) -> bool:
    """Return whether the request of a case is not served, also where the fuzzer repeats it."""
    row = one.row
    if row.kind in {Kind.VALID_REFUSED, Kind.SERVER_ERROR}:
        return changed_part(row)[0] == NOTHING
    return row.kind is Kind.STATUS_UNEXPECTED and not refusal_expected(row)


def refusing_words(key: Key, where: str, says: str) -> tuple[str, str]:
    """Return what is wrong, and what to change.

    Args:
        key: of the cause.
        where: the operations, for a reader.
        says: the message of the errors; empty if there is none.
    """
    status, says = int(key.parts[0]), f": {says}" if says else ""
    if key.parts[1] == _SOMETIMES:
        title = f"Some requests to {where} are answered with {status}{says}"
        return title, _CHANGES.get(status, _FAILURE_AT_TIMES)
    subject = "Every valid request" if key.parts[1] == _EVERYWHERE else f"Every valid request to {where}"
    return f"{subject} is answered with {status}{says}", _CHANGES.get(status, _FAILURE)


_KEY = "Accept the key of the run, or run with one that the server accepts (CO_API_KEY, --key-variable)."
_CHANGES = {
    401: _KEY,
    402: "Run with a key that may be charged (CO_API_KEY, --key-variable).",
    403: _KEY,
    429: "Raise the limits of the server for the run, or wait until they allow requests again.",
}
_FAILURE = "Find the failure in the log of the server, and of what is behind it: no valid request is served."
_FAILURE_AT_TIMES = (
    "Find in the log of the server, and of what is behind it, why it fails at times: "
    "other requests are served."
)
