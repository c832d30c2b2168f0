"""The part of a report that says what was covered and what was not."""

from typing import Annotated, Literal

import msgspec

from cohere_conformance.model import Aspect
from cohere_conformance.report.feature_cases import FeatureCases
from cohere_conformance.report.sdk_effect import SdkResponses

Count = Annotated[int, msgspec.Meta(ge=0)]

NOT_CLAIMED = "not claimed: "
"""What the reason begins with why a case was skipped that needs a feature which the target does without."""

CaseOutcome = Literal["passed", "failed", "inconclusive", "skipped", "error"]
"""The result of a case: `inconclusive` if it says nothing about the API, `error` if the harness failed."""


class RequestCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """The client's side of an operation.

    Attributes:
        judged: exchanges whose request was judged.
        deviating: exchanges whose request breaks the contract.
    """

    judged: Count
    deviating: Count


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long the responses of an operation took, from the request to the end of the response.

    The figures are exact to 1 %. They are for information: no verdict depends on them.

    Attributes:
        count: complete responses whose duration is known.
        median: milliseconds that half of them did not exceed.
        p95: milliseconds that 95 % of them did not exceed.
    """

    count: Count
    median: float
    p95: float


class OperationCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one operation. Numbers are exchanges, not findings.

    Attributes:
        operation: label such as `POST /v2/chat`.
        judged: exchanges of this operation.
        clean: those whose body was judged without a breaking or additive finding, known defects aside.
        breaking: those with at least one breaking finding.
        additive: those with at least one additive finding.
        notice: those with at least one notice about the server.
        known_defects: those with at least one finding that is a known spec defect.
        statuses: HTTP statuses with their number of exchanges.
        media_types: media types of the responses with their number of exchanges.
        streams: exchanges whose response is a stream.
        requests: the client's side.
        cases: exchanges that test cases sent, without setup and teardown.
        unrecorded: exchanges whose response body was not recorded, so that only the rest was judged.
        undecoded: exchanges whose response body could not be decoded, likewise.
        latency: how long its responses took; null if no recording has the time.
    """

    operation: str
    judged: Count
    clean: Count
    breaking: Count
    additive: Count
    notice: Count
    known_defects: Count
    statuses: dict[str, int]
    media_types: dict[str, int]
    streams: Count
    requests: RequestCoverage
    cases: Count = 0
    unrecorded: Count = 0
    undecoded: Count = 0
    latency: Latency | None = None


class AmendmentUse(msgspec.Struct, frozen=True, kw_only=True):
    """How many findings are a known spec defect by one amendment.

    Attributes:
        amendment: id of the amendment.
        findings: distinct findings that it covers.
        exchanges: exchanges with at least one of them.
    """

    amendment: str
    findings: Count
    exchanges: Count


class UntestableCoverage(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A requirement that could not be checked on some exchanges of an operation.

    Attributes:
        operation: label such as `POST /v2/chat`.
        requirement: id of the requirement.
        exchanges: on how many it could not be checked.
        unexplained: how many of them have no finding that says why.
        reason: what it depends on, and what is wrong with that; the first one in alphabetical order.
    """

    operation: str
    requirement: str
    exchanges: Count
    unexplained: Count
    reason: str


class Inconclusive(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Recorded responses of one kind that say nothing about the API, because a proxy sent them.

    Attributes:
        operation: label such as `POST /v2/chat`.
        status: HTTP status.
        reason: what the response was.
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


class OtherHosts(msgspec.Struct, frozen=True, kw_only=True):
    """Exchanges with other hosts or other APIs, which were not judged.

    Attributes:
        exchanges: how many.
        hosts: the hosts with their number of exchanges.
    """

    exchanges: Count
    hosts: dict[str, int]


class UnreadableInput(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """An input that could not be read to its end.

    Attributes:
        file: path, as the caller named it.
        where: the place in it from which on nothing could be read.
        reason: what was expected and what was received.
    """

    file: str
    where: str
    reason: str


class SkippedInput(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A file that is not recorded traffic.

    Attributes:
        file: path, as the caller named it.
        reason: why.
    """

    file: str
    reason: str


class InputNote(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A note about an input that could be read.

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
        outcome: its result; `not-run` if it was planned and no worker finished it.
        reason: why, if the findings do not say it.
    """

    case: str
    operation: str
    outcome: CaseOutcome | Literal["not-run"]
    reason: str = ""


class Waiting(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Resources that a run waited for.

    Attributes:
        kind: the collection of the resources, such as `/v1/datasets`.
        number: how many of them were waited for.
        seconds: how long, altogether.
        never_ready: how many of them were not ready when the run stopped waiting.
    """

    kind: str
    number: Count
    seconds: float
    never_ready: Count


class MissingFeature(msgspec.Struct, frozen=True, kw_only=True):
    """A feature that the target seems to do without.

    Attributes:
        feature: its id, for `--without`.
        title: its name.
        cases: how many cases need it and fail.
        operations: labels of their operations.
    """

    feature: str
    title: str
    cases: Count
    operations: tuple[str, ...]


class CaseCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """How the cases of a run ended.

    Attributes:
        run: cases that were tried: passed, failed, inconclusive or error.
        passed: cases without a deviation.
        failed: cases that show a deviation.
        failed_bare: failed cases without a finding, such as a violated relation between responses.
        inconclusive: cases whose responses say nothing about the API.
        error: cases in which the harness failed.
        skipped: cases that were left out deliberately.
        not_run: cases that were planned and not finished.
        skipped_reasons: why cases were left out, with their number.
        not_claimed: cases that were left out because the target does not claim what they need, by the name of
            the feature; one that needs several features counts for each.
        unclaimed: the number of these cases; they are not counted as skipped.
        inconclusive_reasons: why cases were inconclusive, with their number.
        ends: the result of every case that neither passed nor was skipped.
        unclosed: workers that were killed, so that their journal has no end.
        interrupted: whether the run was stopped before its end, or is not known to have ended.
        stopped: what stopped it, where that is known.
        failures: errors of the harness outside of any case.
        deviations: deviations without a finding, such as responses that the SDK cannot parse.
        waits: resources that were waited for; those of killed workers are missing.
        billed: what responses said was billed, by unit; what killed workers received is missing.
        missing: features that the target seems to do without, although nobody says so.
        features: how the cases ended that need each feature; empty in older reports.
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
    not_claimed: dict[str, int] = {}
    unclaimed: Count = 0
    inconclusive_reasons: dict[str, int] = {}
    ends: tuple[CaseEnd, ...] = ()
    unclosed: tuple[str, ...] = ()
    interrupted: bool = False
    stopped: str = ""
    failures: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    waits: tuple[Waiting, ...] = ()
    billed: dict[str, float] = {}
    missing: tuple[MissingFeature, ...] = ()
    features: tuple[FeatureCases, ...] = ()

    @property
    def ended(self) -> bool:
        """Return whether every planned case was tried, in processes that ended."""
        return not (self.interrupted or self.unclosed or self.not_run)


class Exercise(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """How much of what an operation declares was seen.

    Attributes:
        operation: label such as `POST /v2/chat`; empty where all operations are counted together.
        aspect: what is counted: statuses, properties, events, values of enumerations, or keywords.
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
    """What the fuzzer sent to one operation, and what it covered.

    An element of a request counts as reached if a positive request with it received 2xx; an element of a
    response, if any exchange of the run had it.

    Attributes:
        operation: label such as `POST /v2/chat`.
        positive: requests that keep every rule of the contract.
        served: how many of them received 2xx.
        negative: requests that break one rule.
        refused: how many of them received 4xx.
        protocol: requests with an unusual method, path, media type or bytes.
        shapes: distinct responses to all of these by status, media type and the locations of properties, or
            the types of their events.
        request_declared: parameters, parts, properties, values and branches that a request may have.
        request_reached: how many of them were reached.
        request_missing: the names of the others.
        response_declared: statuses, properties, events and values that a response may have.
        response_reached: how many of them were reached.
        unsent: requests that were not sent, because the unchanged request they derive from was rejected.
        unclaimed: requests that were not sent, because they need a feature that the target does without.
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
    unclaimed: Count = 0


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """What was covered and what was not.

    Attributes:
        operations: one entry for each operation that was seen.
        unseen: operations of the contract without a single exchange.
        unrouted: exchanges with the judged API that no operation matches.
        amendments: the amendments that findings are known spec defects by.
        untestable: requirements that could not be checked on some exchanges, with the reason.
        other_hosts: exchanges with other hosts, which were not judged.
        unreadable: inputs that could not be read to their end.
        skipped: files that are not recorded traffic.
        inconclusive: recorded responses that say nothing about the API, such as error pages of a proxy.
        cases: the results of the cases of a run; null if traffic was read and nothing was sent.
        exercise: how much of what each operation declares was seen; empty if it was not counted.
        declarations: the same for properties and values, each counted once however many operations share it;
            their `operation` is empty.
        keywords: how many types, nulls, required properties, formats and bounds of each operation's responses
            a value put to the test; empty if they were not counted.
        groups: the group of each operation of the contract; empty if the caller gave none.
        fuzzed: what the fuzzer sent to each operation and covered; empty if nothing was fuzzed.
        remarks: notes about inputs that could be read.
        sdks: what each official SDK made of the deviating responses; empty if none was used.
    """

    operations: tuple[OperationCoverage, ...]
    unseen: tuple[str, ...]
    unrouted: Count
    amendments: tuple[AmendmentUse, ...]
    other_hosts: OtherHosts
    unreadable: tuple[UnreadableInput, ...]
    skipped: tuple[SkippedInput, ...]
    untestable: tuple[UntestableCoverage, ...] = ()
    inconclusive: tuple[Inconclusive, ...] = ()
    cases: CaseCoverage | None = None
    exercise: tuple[Exercise, ...] = ()
    declarations: tuple[Exercise, ...] = ()
    keywords: tuple[Exercise, ...] = ()
    groups: dict[str, str] = {}
    fuzzed: tuple[FuzzCoverage, ...] = ()
    remarks: tuple[InputNote, ...] = ()
    sdks: tuple[SdkResponses, ...] = ()
