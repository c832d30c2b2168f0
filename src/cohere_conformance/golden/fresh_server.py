"""Sends written cases to the reference server of this package, each to a server that has just started.

The id of the case is the seed of everything that is random, and the clock starts at a fixed time. Request and
response depend on the case and on the code of the server, not on other cases, their order, the time of day or
the process.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cohere_conformance.cases.roles import with_models
from cohere_conformance.client.sender import OPEN, Sender
from cohere_conformance.golden.whole import HOME
from cohere_conformance.model import Expectation
from cohere_conformance.privacy.secret import Secret
from cohere_conformance.reference.inprocess import InProcess
from cohere_conformance.reference.keys import EXPIRED, PRODUCTION, TRIAL
from cohere_conformance.reference.state import Clock, ServerState
from cohere_conformance.session.patience import Patience, Timer
from cohere_conformance.session.resources import Resources
from cohere_conformance.session.result import Sent
from cohere_conformance.session.unique import Unique

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from cohere_conformance.cases import Case, Suite
    from cohere_conformance.cases.request_template import RequestTemplate
    from cohere_conformance.client.budget import Budget
    from cohere_conformance.contract import Contract
    from cohere_conformance.model import Exchange

_START = datetime(2026, 1, 1, tzinfo=UTC)
_TIME_PER_REQUEST = 0.001
"""Seconds that a request takes by the server's clock: no two things are created at one time."""
_STEP = 0.01
"""Seconds that each step of a job takes by that clock: long beside a request, and over after one pause."""
_AUTHORIZATIONS = {"trial": f"Bearer {TRIAL}", "expired": f"Bearer {EXPIRED}"}


class FreshServer:
    """Sends each case to a reference server that has just started.

    Args:
        suite: the resources that cases need.
        contract: of the responses.
        budget: limits the number of requests.
    """

    def __init__(self, suite: Suite, contract: Contract, budget: Budget | None = None) -> None:
        self._suite = suite
        self._contract = contract
        transport = self._transport = InProcess(ServerState())
        self._sender = Sender(
            HOME, gate=OPEN, key=Secret(PRODUCTION), budget=budget, transport=transport, now=transport.now
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Release what the servers run on."""
        self._sender.close()

    def send(self, case: Case, profile: str) -> Sent:
        """Send a case and return its exchange.

        Args:
            case: one that is run under the profile.
            profile: of the server.

        Raises:
            MissingError: a resource that the case needs could not be created.
            BudgetError: no further request may be sent.
            UsageError: a placeholder has no value.
        """
        state = ServerState(
            profile=profile,
            seed=case.id,
            clock=Clock(runs=False, start=_START),
            time_per_request=_TIME_PER_REQUEST,
            step=_STEP,
        )
        self._transport.restart(state)
        unique = Unique(case.id)
        patience = Patience(timer=Timer(state.clock.advance))
        suite = with_models(self._suite, case.models)
        resources = Resources(suite, self._contract, self._send, unique(), unique, patience=patience)
        values = resources.values(case.needs)
        expectation = case.expectation(profile, values)
        if not isinstance(expectation, Expectation):
            raise ValueError(f"expected a case that is run under the profile {profile}, got {case.id}")
        outgoing = case.outgoing(values, _AUTHORIZATIONS.get(case.key))
        return Sent(self._sender.send(outgoing, position=case.id), expectation, values)

    def _send(
        self, template: RequestTemplate, name: str, values: Mapping[str, str], _: Expectation
    ) -> Exchange:
        return self._sender.send(template.outgoing(values, name=name), position=name)
