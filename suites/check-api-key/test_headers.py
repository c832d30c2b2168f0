"""Check-api-key: response headers and the header `x-client-name`, tested where a call costs nothing."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from cohere_conformance.cases import Credential
from cohere_conformance.errors import UsageError

if TYPE_CHECKING:
    from cohere_conformance.session.api import Api

CHECK = "POST /v1/check-api-key"
pytestmark = [pytest.mark.operations(CHECK), pytest.mark.protocol]


def test_each_answer_has_a_trace_id_of_its_own(api: Api) -> None:
    """Two responses have different trace ids of 32 hexadecimal digits, which users quote to the support."""
    responses = [api.call(CHECK) for _ in range(2)]
    traces = [response.header("x-debug-trace-id") or "" for response in responses]
    api.require(
        "common.trace-id",
        len(set(traces)) == len(traces) and all(re.fullmatch("[0-9a-f]{32}", trace) for trace in traces),
        responses[-1],
        location="header:x-debug-trace-id",
        expected="32 hexadecimal digits, different in each response",
        observed=traces,
    )


def test_the_name_of_a_client_changes_nothing(api: Api) -> None:
    """A request with `x-client-name`, which the vendor's SDKs send, gets the same response as one without."""
    plain = api.call(CHECK)
    named = api.call(CHECK, headers={"x-client-name": "conformance"}, status=(200, 400, 403, 422))
    api.require(
        "common.client-name",
        (named.status, named.body) == (plain.status, plain.body),
        named,
        expected="the response to a call without x-client-name",
        observed=f"status {named.status}",
    )


def test_the_calls_of_a_trial_key_are_counted(api: Api) -> None:
    """The number of remaining calls of a trial key decreases by one with each call."""
    try:
        responses = [api.call(CHECK, key=Credential.TRIAL, status=(200, 429)) for _ in range(3)]
    except UsageError:
        pytest.skip("the run has no trial key for this target")
    remaining = [
        response.header("x-trial-endpoint-call-remaining") for response in responses if response.status == 200
    ]
    counts = [int(text) for text in remaining if text is not None and re.fullmatch("[0-9]{1,9}", text)]
    api.require(
        "common.quota-counts-down",
        # The count starts again with each minute, which may end between two calls.
        len(remaining) < len(responses) or any(after == before - 1 for before, after in pairwise(counts)),
        responses[-1],
        location="header:x-trial-endpoint-call-remaining",
        expected="one less after each call",
        observed=remaining,
    )
