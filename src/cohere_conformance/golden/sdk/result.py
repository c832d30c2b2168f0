"""What the official SDK made of recorded answers, as a value."""

from __future__ import annotations

import enum

import msgspec


class LossKind(enum.StrEnum):
    """What becomes of a part of an answer that does not arrive as it was sent."""

    DROPPED = "dropped"
    """The property is gone."""
    NONE = "none"
    """It had a value and is `None`."""
    CHANGED = "changed"
    """It has another value."""
    UNTYPED = "untyped"
    """It arrives, but the SDK has no type for it: a property that its class does not declare, an object that
    stays a plain `dict` where a class is promised, an error without its own class."""
    SKIPPED = "skipped"
    """The event of a stream is never told."""
    REFUSED = "refused"
    """Nothing of the answer arrives: the request asked for a media type that the SDK does not read."""


class Loss(msgspec.Struct, frozen=True, order=True):
    """One place of an operation's answers that does not come through the SDK as it was sent.

    Attributes:
        operation: label such as `POST /v2/chat`.
        location: where, written as that of a finding; `status:404` is the class of an error.
        what: what becomes of it.
        count: how many answers show it.
        example: id of the first cassette that does.
    """

    operation: str
    location: str
    what: LossKind
    count: int
    example: str


class SdkFailure(msgspec.Struct, frozen=True):
    """One recorded answer that the SDK cannot parse.

    Attributes:
        case: id of the cassette.
        operation: label such as `POST /v2/chat`.
        reason: what the SDK did instead, for a reader.
    """

    case: str
    operation: str
    reason: str


class SdkReplay(msgspec.Struct, frozen=True):
    """What the official SDK made of every recorded answer.

    Attributes:
        version: of the SDK.
        parsed: how many answers it has parsed, errors that arrived as its exceptions included; what it
            refuses is neither parsed nor failed.
        failed: the answers that it could not parse.
        losses: what did not come through as it was sent.
        absent_operations: recorded operations that the SDK has no method for; their answers are not judged.
        inexpressible: how many recorded requests its methods cannot send as they were, such as broken JSON;
            their answers are judged all the same.
    """

    version: str
    parsed: int
    failed: tuple[SdkFailure, ...]
    losses: tuple[Loss, ...]
    absent_operations: tuple[str, ...]
    inexpressible: int

    @property
    def passed(self) -> bool:
        """Whether the SDK can parse every answer; losses are listed and fail nothing."""
        return not self.failed
