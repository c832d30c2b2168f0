"""Check-api-key: whom a key belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.reference.faults import fault
from cohere_conformance.reference.handling import ApiError, JsonResponse, new_id, operation

if TYPE_CHECKING:
    from cohere_conformance.reference.handling import Call

INVALID = fault("check-api-key.invalid", "A key that was accepted is called invalid.")
NO_VERDICT = fault("check-api-key.no-verdict", "The answer does not say whether the key is valid.")
CHANGING = fault("check-api-key.changing-owner", "The ids of organisation and owner change with each call.")

REFUSED = fault("check-api-key.body-refused", "A body that holds anything is refused.")


@operation("POST /v1/check-api-key")
def check_api_key(call: Call) -> JsonResponse:
    """Answer whose key it is; a wrong one never gets this far (KEY-S01)."""
    if call.body and call.faulty(REFUSED):
        raise ApiError(400, "invalid request: there must be no body")
    account = call.account
    body = {
        "valid": not call.faulty(INVALID),
        "organization_id": account.organization_id,
        "owner_id": account.owner_id,
    }
    if call.faulty(NO_VERDICT):
        del body["valid"]
    if call.faulty(CHANGING):
        body |= {"organization_id": new_id(), "owner_id": new_id()}
    return JsonResponse(body)
