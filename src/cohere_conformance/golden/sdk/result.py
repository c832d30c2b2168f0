"""The result of parsing recorded responses with the official SDK."""

import msgspec

from cohere_conformance.sdk.loss import LossKind


class Loss(msgspec.Struct, frozen=True, order=True):
    """One location in the responses of an operation that the SDK loses.

    Attributes:
        operation: label such as `POST /v2/chat`.
        location: as in a finding; `status:404` is the class of an error.
        what: how it is lost.
        count: how many responses show it.
        example: id of the first cassette that does.
    """

    operation: str
    location: str
    what: LossKind
    count: int
    example: str


class SdkFailure(msgspec.Struct, frozen=True):
    """One recorded response that the SDK cannot parse.

    Attributes:
        case: id of the cassette.
        operation: label such as `POST /v2/chat`.
        reason: what the SDK did instead, for a reader.
    """

    case: str
    operation: str
    reason: str


class SdkReplay(msgspec.Struct, frozen=True):
    """The result for all recorded responses.

    Attributes:
        version: of the SDK.
        parsed: how many responses it parsed, including errors that it raised as its exceptions; a refused
            response is neither parsed nor failed.
        failed: the responses that it could not parse.
        losses: what it lost of the responses.
        absent_operations: recorded operations without a method in the SDK; their responses are not parsed.
        inexpressible: how many recorded requests its methods cannot send, such as broken JSON; their
            responses are parsed all the same.
    """

    version: str
    parsed: int
    failed: tuple[SdkFailure, ...]
    losses: tuple[Loss, ...]
    absent_operations: tuple[str, ...]
    inexpressible: int

    @property
    def passed(self) -> bool:
        """Whether the SDK can parse every response; losses do not fail."""
        return not self.failed
