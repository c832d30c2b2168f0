"""The first requests of a run: whether there is a server, whether it accepts the key, and its models."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cohere_conformance.client.outgoing import Outgoing
from cohere_conformance.client.sender import Limits, Sender
from cohere_conformance.errors import RefusedError, TargetError
from cohere_conformance.model import FailureKind
from cohere_conformance.session.plan import Plan, TargetKind
from cohere_conformance.session.role_models import LIST_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from cohere_conformance.client.deadline import Deadline
    from cohere_conformance.client.sender import Gate
    from cohere_conformance.model import Response

_LIMITS = Limits(connect=5.0, silence=10.0, total=15.0)
_NOBODY = frozenset({FailureKind.REFUSED, FailureKind.TIMEOUT, FailureKind.RESET, FailureKind.PROTOCOL})
_SERVER = "cohere-conformance-reference"


class Probed(NamedTuple):
    """What the first request shows.

    Attributes:
        reference: the target is a reference server.
        models: the response to the request for the list of models, if it was sent.
    """

    reference: bool
    models: Response | None


def probe(
    plan: Plan,
    gate: Gate,
    deadline: Deadline,
    *,
    lists: bool = False,
    sender_class: Callable[..., Sender] = Sender,
) -> Probed:
    """Send one request to the target, and one more to a live host if the models are needed.

    Args:
        plan: of the run.
        gate: of the sender.
        deadline: of the run.
        lists: whether the list of models is needed.
        sender_class: makes the sender.

    Raises:
        TargetError: the target does not respond, or refuses the key.
    """
    live = plan.target_kind is TargetKind.LIVE
    path = LIST_PATH if lists else "/v1/models?page_size=1"
    outgoing = Outgoing("POST", "/v1/check-api-key") if live else Outgoing("GET", path)
    silence, total = _LIMITS.silence, _LIMITS.total
    if plan.request_timeout is not None:
        silence, total = max(silence, plan.request_timeout), max(total, plan.request_timeout)
    limits = msgspec.structs.replace(
        _LIMITS, silence=silence, total=min(total, deadline.left(removing=False))
    )
    with sender_class(
        plan.url or "",
        gate=gate,
        key=plan.key,
        key_variable=plan.key_variable,
        access=plan.access,
        added=plan.added,
        limits=limits,
        source="probe",
    ) as sender:
        response = sender.send(outgoing).response
        _reached(response, plan.shown_url or "")
        models = response if lists and not live else None
        if live:
            _accepted(response, plan)
            models = _list(sender) if lists else None
    reference = any(name == "server" and value == _SERVER for name, value in response.headers)
    return Probed(reference, models)


def _list(sender: Sender) -> Response | None:
    """Return the response of a live host with its models; `None` where that must not be requested."""
    try:
        return sender.send(Outgoing("GET", LIST_PATH)).response
    except RefusedError:
        return None


def _reached(response: Response, url: str) -> None:
    failure = response.failure
    if failure is not None and failure.kind in _NOBODY:
        late = "allow more with --request-timeout, " if failure.kind is FailureKind.TIMEOUT else ""
        raise TargetError(
            f"{url}: expected a server that responds, got {failure.kind}: {failure.detail}; "
            f"{late}start the server, or correct --url; nothing was judged"
        )


def _accepted(response: Response, plan: Plan) -> None:
    url = plan.shown_url
    if response.status in {401, 403}:
        raise TargetError(
            f"{url}: expected the key in {plan.key_variable} to be accepted, got status {response.status}; "
            "nothing was judged"
        )
    if response.status == 429 or response.status >= 500:
        raise TargetError(
            f"{url}: expected a response to the first request, got status {response.status}; "
            "try again later; nothing was judged"
        )
