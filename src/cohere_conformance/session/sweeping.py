"""Opens what a sweep needs: the connection to the target, and the ledger."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from cohere_conformance.client.budget import Budget
from cohere_conformance.client.deadline import Deadline
from cohere_conformance.client.ledger import CreationLedger, entries
from cohere_conformance.contract import load_contract
from cohere_conformance.session.clock import REAL
from cohere_conformance.session.plan import TargetKind
from cohere_conformance.session.probe import probe
from cohere_conformance.session.sweep import Sweep, SweepGate
from cohere_conformance.session.worker import class_of_sender, limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cohere_conformance.session.plan import Plan
    from cohere_conformance.session.sweep import Swept

_SETTLE = {TargetKind.OWN: 5.0, TargetKind.LIVE: 60.0}
"""Seconds after which a request whose client was killed has had its effect, if it has one."""
_PATIENCE = {TargetKind.OWN: 60.0, TargetKind.LIVE: 300.0}
"""Seconds to wait for the end of a job that was cancelled."""


@contextmanager
def sweeping(plan: Plan, path: Path, descriptor: int, *, removing: bool) -> Iterator[Iterator[Swept]]:
    """Sweep the target of a plan, and yield what becomes of each open entry while the context is open.

    Args:
        plan: with the target.
        path: the ledger.
        descriptor: of the ledger, which the caller has made `exclusive`.
        removing: whether anything is removed.

    Raises:
        TargetError: the target does not respond, or refuses the key.
        BudgetError: no more requests may be sent.
        LedgerError: the ledger cannot be read or written.
    """
    contract, gate = load_contract(), SweepGate()
    sender_class = class_of_sender(plan.target_kind, contract, REAL)
    probe(plan, gate, Deadline(None), sender_class=sender_class)
    sender = sender_class(
        plan.url or "",
        gate=gate,
        key=plan.key,
        key_variable=plan.key_variable,
        access=plan.access,
        added=plan.added,
        limits=limits(plan.target_kind, plan.request_timeout),
        budget=Budget(plan.max_requests),
        source="sweep",
    )
    target = plan.shown_url or ""
    with sender:
        yield Sweep(
            contract,
            gate,
            sender.send,
            CreationLedger(path, target, descriptor=descriptor),
            entries(path),
            target,
            removing=removing,
            settle=_SETTLE[plan.target_kind],
            patience=_PATIENCE[plan.target_kind],
        ).run()
