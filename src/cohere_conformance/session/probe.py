"""The first request of a run: whether there is a server, and whether it accepts the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.client.sender import Limits, Outgoing, Sender
from cohere_conformance.errors import TargetError
from cohere_conformance.model import FailureKind
from cohere_conformance.session.plan import KEY, Plan, TargetKind

if TYPE_CHECKING:
    from cohere_conformance.client.deadline import Deadline
    from cohere_conformance.client.sender import Gate
    from cohere_conformance.model import Response

_LIMITS = Limits(connect=5.0, silence=10.0, total=15.0)
_NOBODY = frozenset({FailureKind.REFUSED, FailureKind.TIMEOUT, FailureKind.RESET, FailureKind.PROTOCOL})
_SERVER = "cohere-conformance-reference"


def probe(plan: Plan, url: str, gate: Gate, deadline: Deadline) -> bool:
    """Send one request to the target, and return whether it is a reference server.

    Args:
        plan: of the run.
        url: base URL of the target.
        gate: of the sender.
        deadline: of the run.

    Raises:
        TargetError: the target does not respond, or refuses the key.
    """
    live = plan.target_kind is TargetKind.LIVE
    outgoing = Outgoing("POST", "/v1/check-api-key") if live else Outgoing("GET", "/v1/models?page_size=1")
    limits = msgspec.structs.replace(_LIMITS, total=min(_LIMITS.total, deadline.left(removing=False)))
    with Sender(url, gate=gate, key=plan.key, limits=limits, source="probe") as sender:
        response = sender.send(outgoing).response
    _reached(response, url)
    if live:
        _accepted(response, url)
    return any(name == "server" and value == _SERVER for name, value in response.headers)


def _reached(response: Response, url: str) -> None:
    failure = response.failure
    if failure is not None and failure.kind in _NOBODY:
        raise TargetError(
            f"{url}: expected a server that responds, got {failure.kind}: {failure.detail}; "
            "start the server, or correct --url; nothing was judged"
        )


def _accepted(response: Response, url: str) -> None:
    if response.status in {401, 403}:
        raise TargetError(
            f"{url}: expected the key in {KEY} to be accepted, got status {response.status}; "
            "nothing was judged"
        )
    if response.status == 429 or response.status >= 500:
        raise TargetError(
            f"{url}: expected a response to the first request, got status {response.status}; "
            "try again later; nothing was judged"
        )
