"""The part of a report that says what was looked at and what was not."""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0)]


class RequestCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """The client's side of an operation.

    Attributes:
        judged: exchanges whose request was judged.
        deviating: exchanges whose request breaks the contract.
    """

    judged: Count
    deviating: Count


class OperationCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one operation. Numbers are exchanges, not findings.

    Attributes:
        operation: label such as `POST /v2/chat`.
        judged: exchanges of this operation.
        clean: those without a breaking or additive finding, explained ones aside.
        breaking: those with at least one unexplained breaking finding.
        additive: those with at least one unexplained additive finding.
        notice: those with at least one unexplained notice about the server.
        explained: those with at least one finding that an amendment explains.
        statuses: HTTP statuses with their number of exchanges.
        media_types: media types of the answers with their number of exchanges.
        streams: exchanges answered by a stream.
        requests: the client's side.
    """

    operation: str
    judged: Count
    clean: Count
    breaking: Count
    additive: Count
    notice: Count
    explained: Count
    statuses: dict[str, int]
    media_types: dict[str, int]
    streams: Count
    requests: RequestCoverage


class AmendmentUse(msgspec.Struct, frozen=True, kw_only=True):
    """How often one amendment explained something.

    Attributes:
        amendment: id of the amendment.
        findings: distinct findings it explains.
        exchanges: exchanges with at least one of them.
    """

    amendment: str
    findings: Count
    exchanges: Count


class Foreign(msgspec.Struct, frozen=True, kw_only=True):
    """Exchanges with other hosts or other APIs, which were not judged.

    Attributes:
        exchanges: how many.
        hosts: the hosts with their number of exchanges.
    """

    exchanges: Count
    hosts: dict[str, int]


class Unreadable(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """An input that could not be read to its end.

    Attributes:
        file: path, as the caller named it.
        where: the place in it from which on nothing could be read.
        reason: what was expected and what came.
    """

    file: str
    where: str
    reason: str


class Skipped(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A file that was not taken for recorded traffic.

    Attributes:
        file: path, as the caller named it.
        reason: why.
    """

    file: str
    reason: str


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at and what was not.

    Attributes:
        operations: one entry for each operation that was seen.
        unseen: operations of the contract without a single exchange.
        unrouted: exchanges with the judged API that no operation matches.
        amendments: amendments that explained something.
        foreign: exchanges that were not judged.
        unreadable: inputs that could not be read to their end.
        skipped: files that were not taken for traffic.
    """

    operations: tuple[OperationCoverage, ...]
    unseen: tuple[str, ...]
    unrouted: Count
    amendments: tuple[AmendmentUse, ...]
    foreign: Foreign
    unreadable: tuple[Unreadable, ...]
    skipped: tuple[Skipped, ...]
