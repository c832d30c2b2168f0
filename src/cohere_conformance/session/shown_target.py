"""The target of a run, as reports name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.report import RoleModel, Target
from cohere_conformance.session.plan import TargetKind

if TYPE_CHECKING:
    from cohere_conformance.session.plan import Plan

EMBEDDED = "reference server (embedded)"
"""The name of the embedded target in a report."""


def shown_target(plan: Plan, workers: int, models: tuple[RoleModel, ...]) -> Target:
    """Return the target of a run for its report.

    Args:
        plan: what the run may do.
        workers: how many processes send.
        models: of the roles that the cases use.
    """
    return Target(
        url=plan.shown_url or EMBEDDED,
        profile=plan.profile,
        declares=plan.declared,
        without=plan.without,
        protocol_only=plan.protocol_only,
        key=plan.key is not None,
        seed=plan.seed,
        workers=workers,
        serve=_serve(plan),
        models=models,
        shard=plan.shard,
    )


def _serve(plan: Plan) -> tuple[str, ...]:
    """Return the arguments of the command that starts the embedded server again."""
    if plan.target_kind is not TargetKind.EMBEDDED:
        return ()
    return ("serve", "--profile", plan.profile, *(f"--fault={name}" for name in plan.faults))
