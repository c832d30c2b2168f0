"""The part of a report that says what was looked at and what was not."""

from typing import Annotated, Literal

import msgspec

from cohere_conformance.model import Aspect

Count = Annotated[int, msgspec.Meta(ge=0)]

CaseOutcome = Literal["passed", "failed", "inconclusive", "skipped", "error"]
"""How a case ended: `inconclusive` where the target gave no chance to judge, `error` where we failed."""


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
        clean: those whose body was judged without a breaking or additive finding, explained ones aside.
        breaking: those with at least one unexplained breaking finding.
        additive: those with at least one unexplained additive finding.
        notice: those with at least one unexplained notice about the server.
        explained: those with at least one finding that an amendment explains.
        statuses: HTTP statuses with their number of exchanges.
        media_types: media types of the answers with their number of exchanges.
        streams: exchanges answered by a stream.
        requests: the client's side.
        cases: exchanges that written cases sent, setting up and clearing away aside.
        unrecorded: exchanges whose response body was not recorded, so that only the rest of them was judged.
        undecoded: exchanges whose response body could not be decoded, likewise.
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
    cases: Count = 0
    unrecorded: Count = 0
    undecoded: Count = 0


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


class UntestableCoverage(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A requirement that some exchanges of an operation could not show.

    Attributes:
        operation: label such as `POST /v2/chat`.
        requirement: id of the requirement.
        exchanges: how many could not show it.
        unexplained: how many of them have no finding that says what is wrong with them.
        reason: what it depends on, and what is wrong with that; the first one in alphabetical order.
    """

    operation: str
    requirement: str
    exchanges: Count
    unexplained: Count
    reason: str


class Inconclusive(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Recorded answers of one kind that say nothing about the API, because something before it has answered.

    Attributes:
        operation: label such as `POST /v2/chat`.
        status: HTTP status.
        reason: what the answer was.
        exchanges: how many there are.
        file: path of the first one, as the caller named it.
        position: its place in the file.
    """

    operation: str
    status: int
    reason: str
    exchanges: Count
    file: str
    position: str


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


class Remark(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Something to know about an input that could be read.

    Attributes:
        file: path, as the caller named it.
        where: the place in it where it was noticed first.
        text: what was noticed.
    """

    file: str
    where: str
    text: str


class CaseEnd(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A case that neither passed nor was skipped.

    Attributes:
        case: id of the case.
        operation: label of its operation, as far as it is known.
        outcome: how it ended; `not-run` where it was planned and no worker got to its end.
        reason: why, where more is known than the findings tell.
    """

    case: str
    operation: str
    outcome: CaseOutcome | Literal["not-run"]
    reason: str = ""


class Waiting(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """What a run waited for because the target was at work.

    Attributes:
        kind: of the things, such as `/v1/datasets`.
        number: how many of them were waited for.
        seconds: how long, altogether.
        never_ready: how many of them were not ready when the run stopped waiting.
    """

    kind: str
    number: Count
    seconds: float
    never_ready: Count


class CaseCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """How the cases of a run ended.

    Attributes:
        run: cases that were tried: passed, failed, inconclusive or error.
        passed: cases without a deviation.
        failed: cases that show a deviation.
        failed_bare: failed cases without any finding, such as a relation between answers that does not hold.
        inconclusive: cases in which the target gave no chance to judge.
        error: cases in which the harness failed.
        skipped: cases that were left out on purpose.
        not_run: cases that were planned and did not come to their end.
        skipped_reasons: why cases were left out, with their number.
        inconclusive_reasons: why cases were inconclusive, with their number.
        ends: every case that neither passed nor was skipped.
        unclosed: workers whose journal has no end, so that they were killed.
        interrupted: whether the run was stopped before its end, or is not known to have ended.
        stopped: what stopped it, where that is known.
        failures: what failed in the harness outside of any case.
        deviations: what deviates that no finding reports, such as answers that the SDK cannot read.
        waits: what was waited for; of a worker that was killed nothing is known.
    """

    run: Count
    passed: Count
    failed: Count
    inconclusive: Count
    error: Count
    skipped: Count
    failed_bare: Count = 0
    not_run: Count = 0
    skipped_reasons: dict[str, int] = {}
    inconclusive_reasons: dict[str, int] = {}
    ends: tuple[CaseEnd, ...] = ()
    unclosed: tuple[str, ...] = ()
    interrupted: bool = False
    stopped: str = ""
    failures: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    waits: tuple[Waiting, ...] = ()


class Exercise(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """How much of what an operation declares was seen.

    Attributes:
        operation: label such as `POST /v2/chat`; empty where all operations are counted together.
        aspect: what is counted: statuses, properties, events or values of enumerations.
        declared: how many the contract declares.
        seen: how many of them at least one exchange showed.
        missing: the names of the others.
    """

    operation: str
    aspect: Aspect
    declared: Count
    seen: Count
    missing: tuple[str, ...] = ()


class FuzzCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """What the fuzzer sent to one operation, and what it has reached.

    An element of a request counts as reached where a positive request carried it that was answered with 2xx;
    an element of an answer where any exchange of the run showed it.

    Attributes:
        operation: label such as `POST /v2/chat`.
        positive: requests that keep every rule of the contract.
        served: how many of them were answered with 2xx.
        negative: requests that break one rule.
        refused: how many of them were answered with 4xx.
        protocol: requests that are odd below the contract: by their method, path, media type or bytes.
        shapes: distinct answers to all of these by status, media type and the places of their properties, or
            the types of their events.
        request_declared: parameters, parts, properties, values and branches that a request may have.
        request_reached: how many of them were reached.
        request_missing: the names of the others.
        response_declared: statuses, properties, events and values that an answer may show.
        response_reached: how many of them were reached.
        unsent: requests that were not sent, because the unchanged request that they start from is not served.
    """

    operation: str
    positive: Count
    served: Count
    negative: Count
    refused: Count
    protocol: Count
    shapes: Count
    request_declared: Count
    request_reached: Count
    request_missing: tuple[str, ...] = ()
    response_declared: Count
    response_reached: Count
    unsent: Count = 0


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at and what was not.

    Attributes:
        operations: one entry for each operation that was seen.
        unseen: operations of the contract without a single exchange.
        unrouted: exchanges with the judged API that no operation matches.
        amendments: amendments that explained something.
        untestable: requirements that some exchanges could not show, because what they depend on is broken.
        foreign: exchanges that were not judged.
        unreadable: inputs that could not be read to their end.
        skipped: files that were not taken for traffic.
        inconclusive: recorded answers that say nothing about the API, such as the pages of a gateway.
        cases: how the cases of a run ended; null where traffic was read and nothing was sent.
        exercise: how much of what each operation declares was seen; empty where nobody counted it.
        declarations: the same for properties and values, each counted once however many operations share it;
            their `operation` is empty.
        groups: the group of each operation of the contract, as far as the caller told.
        fuzzed: what the fuzzer sent to each operation and reached; empty where nothing was fuzzed.
        remarks: what there is to know about inputs that could be read.
    """

    operations: tuple[OperationCoverage, ...]
    unseen: tuple[str, ...]
    unrouted: Count
    amendments: tuple[AmendmentUse, ...]
    foreign: Foreign
    unreadable: tuple[Unreadable, ...]
    skipped: tuple[Skipped, ...]
    untestable: tuple[UntestableCoverage, ...] = ()
    inconclusive: tuple[Inconclusive, ...] = ()
    cases: CaseCoverage | None = None
    exercise: tuple[Exercise, ...] = ()
    declarations: tuple[Exercise, ...] = ()
    groups: dict[str, str] = {}
    fuzzed: tuple[FuzzCoverage, ...] = ()
    remarks: tuple[Remark, ...] = ()
