"""What the process that began a run passes to every worker."""

import msgspec

from cohere_conformance.report import NightPlan, RoleModel

IDENTITY, WORKERS = "conformance_identity", "conformance_workers"
"""The keys under which a process of `-n` is given the identity of the run and the number of processes."""


class Identity(msgspec.Struct, frozen=True):
    """What the process that began a run passes to every worker.

    Attributes:
        run: distinguishes this run from others.
        started_at: RFC 3339 time at which it began.
        reference: the target is a reference server.
        until: time of day, in seconds, at which the run has to end; `None` without a limit.
        models: of the roles that the cases use.
        night: the plan of the night, if there is one.
    """

    run: str
    started_at: str
    reference: bool
    until: float | None = None
    models: tuple[RoleModel, ...] = ()
    night: NightPlan | None = None
