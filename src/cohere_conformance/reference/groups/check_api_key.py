"""Check-api-key: the organization and the owner of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation
from cohere_conformance.reference.injection import inject, without

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call
    from cohere_conformance.reference.injection import FaultTable

BODY_REFUSED = fault("check-api-key.body-refused", "A body with any property is rejected with 400.")
BODY: FaultTable[dict[str, Any]] = {
    fault("check-api-key.invalid", "valid is false for an accepted key."): (
        lambda body, _: {**body, "valid": False}
    ),
    fault("check-api-key.no-verdict", "The response has no `valid`."): lambda body, _: without(body, "valid"),
    fault("check-api-key.changing-owner", "The ids of organization and owner differ from call to call."): (
        lambda body, _: {**body, "organization_id": new_id(), "owner_id": new_id()}
    ),
}


@operation("POST /v1/check-api-key")
def check_api_key(call: Call) -> JsonResponse:
    """Return the owner of the key; a request with an invalid key is rejected before (KEY-S01)."""
    if call.body and call.faulty(BODY_REFUSED):
        raise ApiError(400, "invalid request: there must be no body")
    account = call.account
    body = {
        "valid": True,
        "organization_id": account.organization_id,
        "owner_id": account.owner_id,
    }
    return JsonResponse(inject(call, BODY, body))
