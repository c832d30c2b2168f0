"""The plan of a night, as a report shows it."""

import msgspec

from cohere_conformance.report.coverage import Count


class LaterNight(msgspec.Struct, frozen=True, kw_only=True):
    """Cases that are planned for a later night.

    Attributes:
        night: its number; the night of the report has number 1.
        cases: their ids.
    """

    night: Count
    cases: tuple[str, ...]


class NightPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of a night: a part of the cases that a target may be sent, chosen to fit a budget.

    Attributes:
        day: of the night, such as `2026-11-29`, in UTC.
        remembered: whether a history says what earlier nights have exercised.
        cases: ids of the cases of this night.
        requests: how many these send at most, without retries.
        calls: number of requests by label of the operation.
        bills: the most that these can be charged, by unit, as estimated.
        elements: how many declared response elements these are expected to show.
        reachable: how many the nights of a round are expected to show together.
        declared: how many the contract declares of the operations that may be called, apart from canaries.
        later: the cases that are planned for later nights.
        unplanned: ids of cases that are too large for any night.
    """

    day: str
    remembered: bool
    cases: tuple[str, ...]
    requests: Count
    calls: dict[str, int]
    bills: dict[str, int]
    elements: Count
    reachable: Count
    declared: Count
    later: tuple[LaterNight, ...] = ()
    unplanned: tuple[str, ...] = ()
