"""What may be sent to a target: what it implements, which tiers are allowed, which keys are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.client.creations import Creations
from cohere_conformance.client.guard import Guard
from cohere_conformance.contract.collections import shipped_collections
from cohere_conformance.contract.named import lacking
from cohere_conformance.contract.tiers import Effect, Tier, shipped_policies
from cohere_conformance.session.plan import TargetKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from cohere_conformance.cases import Case, Suite
    from cohere_conformance.client.ledger import CreationLedger
    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.tiers import LivePolicy
    from cohere_conformance.session.plan import Plan


class Permission:
    """Decides what is not sent, and why.

    Args:
        plan: what the run may do.
        suite: the resources that cases need.
        contract: the operations and their groups.
        policies: effect and tier of each operation, by label.
        keys: names of the known further keys.
    """

    def __init__(
        self,
        plan: Plan,
        suite: Suite,
        contract: Contract,
        policies: Mapping[str, LivePolicy],
        keys: Collection[str],
    ) -> None:
        self._plan = plan
        self._suite = suite
        self._contract = contract
        self._policies = policies
        self._keys = keys

    def left_out(self, case: Case) -> str | None:
        """Return why a case is not sent to this target; `None` if it is."""
        plan = self._plan
        if (missing := self._lacking([case.template.operation])) is not None:
            return f"{missing} not declared by the target"
        if (skip := case.skip(plan.profile)) is not None:
            return skip.reason
        tiers = () if case.id in plan.canaries else (case.tier,)
        if (reason := self.unavailable(case.needs, *tiers)) is not None:
            return reason
        if case.id not in plan.canaries and (tier := self._policies[case.operation].tier) not in plan.tiers:
            return f"tier {tier} not allowed on a live host"
        if case.key in {"trial", "expired"} and case.key not in self._keys:
            return f"no {case.key} key known for the target"
        return None

    def unavailable(self, needs: Iterable[str], *further: Tier) -> str | None:
        """Return why the resources of a request must not be created; `None` if they may.

        Args:
            needs: names of resources.
            further: tiers of the request itself.
        """
        needed = self._suite.in_order(needs)
        if tiers := sorted({*further, *(resource.tier for resource in needed)} - self._plan.tiers):
            return f"tier {', '.join(tiers)} not allowed on a live host"
        if (missing := self._lacking(resource.create.operation for resource in needed)) is not None:
            return f"needs {missing}, not declared by the target"
        return None

    def forbidden(self, operations: Collection[str]) -> str | None:
        """Return why a test must not call the target; `None` if it may."""
        plan = self._plan
        if (missing := self._lacking(operations)) is not None:
            return f"{missing} not declared by the target"
        if tiers := sorted({self._policies[label].tier for label in operations} - plan.tiers):
            return f"tier {', '.join(tiers)} not allowed on a live host"
        return None

    def _lacking(self, labels: Iterable[str]) -> str | None:
        return lacking(labels, self._plan.declares, self._contract.groups)

    def harmless(self, operation: str) -> bool:
        """Return whether an operation changes nothing on the server."""
        return self._policies[operation].effect in {Effect.READS, Effect.COMPUTES}


def _canaries(plan: Plan, *effects: Effect) -> frozenset[str]:
    """Return labels of the retired operations with one of these effects, if the plan has canaries."""
    return frozenset(
        label
        for label, policy in shipped_policies().items()
        if plan.canaries and policy.tier is Tier.RETIRED and policy.effect in effects
    )


def guard(plan: Plan, contract: Contract, ledger: CreationLedger | None = None) -> Guard:
    """Return the guard of the target of a run.

    Args:
        plan: what may be sent.
        contract: the operations.
        ledger: where it is noted what the run creates, if that may outlive the run.
    """
    policies = shipped_policies()
    return Guard(
        contract,
        policies,
        tiers=plan.tiers,
        declares=plan.declares,
        canaries=_canaries(plan, Effect.READS, Effect.COMPUTES),
        empty_canaries=_canaries(plan, Effect.CREATES),
        hosted=plan.target_kind is TargetKind.LIVE,
        fresh=plan.target_kind is TargetKind.EMBEDDED,
        creations=None if ledger is None else Creations(ledger, policies, shipped_collections()),
    )
