"""Which cases a night sends to somebody else's server: each night costs little, a week shows all."""

from cohere_conformance.planning.billing import BillingUnits, most_billed, total
from cohere_conformance.planning.nights import Night, NightLimits, PlannedCase, choose, cycle, schedule
from cohere_conformance.planning.observed import (
    Observations,
    ObservedCase,
    SharedRequest,
    load_observations,
    ranges,
)

__all__ = [
    "BillingUnits",
    "Night",
    "NightLimits",
    "Observations",
    "ObservedCase",
    "PlannedCase",
    "SharedRequest",
    "choose",
    "cycle",
    "load_observations",
    "most_billed",
    "ranges",
    "schedule",
    "total",
]
