"""The report as a value: header, rows, coverage, footer.

Field names are the names in `report.json`. They are read by other people's scripts, so a change of meaning
raises `header.FORMAT`; a new field with a default does not.
"""

import enum
from collections.abc import Iterable
from typing import Annotated

import msgspec

from cohere_conformance.model import Kind, Severity
from cohere_conformance.report.changes import Changes
from cohere_conformance.report.coverage import CaseCoverage, Count, Coverage
from cohere_conformance.report.deprecated import Deprecation
from cohere_conformance.report.header import EntryProblem, Header
from cohere_conformance.report.sdk_effect import SdkEffect, SdkParse

REPORT_JSON = "report.json"
REPORT_MARKDOWN = "report.md"
REPORT_HTML = "report.html"


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """The exchange that proves a finding: the smallest one whose request should succeed, if there is one.

    Attributes:
        file: path of the recording, as the caller named it.
        position: place in the file that a person can go to.
        recorded_at: RFC 3339 time of the recording, if known.
        request: method and address.
        curl: a command that repeats the request; null where the body was too long to repeat here.
        inexact: why the command differs from the judged request (something is redacted, or was not
            recorded); empty if it does not.
        request_text: method, address, headers and body of the request as text, cut; empty in older reports.
        response_text: status, headers and body of the response as text, cut; empty in older reports.
        sdks: how official SDKs parsed the response; empty if none was used or could. One is named several
            times where its parser depends on a request that was not recorded.
    """

    file: str
    position: str
    recorded_at: str | None
    request: str
    curl: str | None = None
    inexact: tuple[str, ...] = ()
    request_text: str = ""
    response_text: str = ""
    sdks: tuple[SdkParse, ...] = ()


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One distinct finding with the number of exchanges that show it.

    Attributes:
        fingerprint: identity across runs, 12 hex digits.
        kind: what deviates.
        severity: how much it matters; the worst, where exchanges differ.
        operation: label such as `POST /v2/chat`.
        status: HTTP status; the smallest, where exchanges differ within one class such as 4xx.
        location: JSON pointer with folded indexes, event tag first in a stream, or `header:NAME`.
        expected: what the contract declares.
        observed: what the example has instead.
        requirement: id of the violated requirement, if any.
        amendment: id of the amendment that makes it a known spec defect; such rows are in `known_defects`.
        count: number of exchanges that show it.
        example: the exchange that proves it.
        first_seen: earliest recording time among the exchanges, if any is known.
        last_seen: latest recording time among the exchanges, if any is known.
        cases: ids of the cases that show it, the first 20 in alphabetical order.
        omitted: at least so many more findings of the example's exchange have no row.
        correction: id of the amendment that corrects the document here; only where exchanges were compared
            with the document as published.
        sdk_effects: what happens to an application with each official SDK that has parsed the exchanges.
    """

    fingerprint: str
    kind: Kind
    severity: Severity
    operation: str
    status: int
    location: str
    expected: str
    observed: str
    requirement: str | None
    amendment: str | None
    count: Annotated[int, msgspec.Meta(ge=1)]
    example: Example
    first_seen: str | None = None
    last_seen: str | None = None
    cases: tuple[str, ...] = ()
    omitted: Count = 0
    correction: str | None = None
    sdk_effects: tuple[SdkEffect, ...] = ()

    @property
    def client_side(self) -> bool:
        """Tell whether the client, not the server, deviates."""
        return self.kind is Kind.REQUEST_INVALID


class Blame(enum.StrEnum):
    """Who has to act on a cause."""

    SERVER = "server"
    """Whoever runs the server: nothing that is known supports what it sent."""
    DOCUMENT = "document"
    """Whoever maintains the OpenAPI document: it contradicts what servers and SDKs do."""
    CONTRACT_BEHIND = "contract behind"
    """This package: an SDK of the vendor knows what its contract does not."""
    CLIENT = "client"
    """Whoever wrote the recorded client: its request deviates."""
    SDK = "SDK"
    """Whoever maintains the official SDK: it does not return as it was sent what conforms."""
    HARNESS = "harness"
    """This package: it sent an invalid request, or its own reference server deviates."""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake that explains one or more findings.

    Every finding is a member of exactly one cause.

    Attributes:
        id: identity across runs, 8 hex digits: independent of wording and order.
        rule: what the findings have in common, such as `requirement` or `declaration`.
        title: what is wrong, in words.
        severity: the worst of the findings.
        change: what to change, in one sentence.
        operations: labels of the operations that show it, the first one an ordinary client calls first.
        findings: fingerprints of the findings, the one that says most first.
        cases: how many cases fail because of it and nothing else: they pass once it is mended.
        case_ids: ids of cases that show it, the first 20; those that pass once it is mended first.
        example: the smallest exchange that shows it; of a request that should succeed, if there is one.
        feature: name of the feature that the server lacks, for `without`; null if it is something else.
        framework: name of the framework whose default behaviour this is; null if none is recognised.
        blame: who has to act.
        blame_reason: why, and what to do unless it is the server, in words; empty in older reports.
        sdk_effects: what happens to an application with each official SDK that has parsed the responses.
    """

    id: str
    rule: str
    title: str
    severity: Severity
    change: str
    operations: tuple[str, ...]
    findings: tuple[str, ...]
    cases: Count
    case_ids: tuple[str, ...] = ()
    example: Example
    feature: str | None = None
    framework: str | None = None
    blame: Blame = Blame.SERVER
    blame_reason: str = ""
    sdk_effects: tuple[SdkEffect, ...] = ()


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers behind the verdict.

    Attributes:
        exchanges: exchanges judged.
        operations: operations seen.
        breaking: distinct breaking findings about the server.
        additive: distinct additive findings about the server.
        notice: distinct notices about the server.
        client: distinct findings about requests.
        known_defects: distinct findings that are known spec defects.
        unreadable: inputs that could not be read to their end.
        skipped: files that were not taken for traffic.
        other_hosts: exchanges with other hosts or APIs.
        unrouted: exchanges that no operation matches.
        unrecorded: exchanges judged without their response body, which was not recorded.
        undecoded: exchanges judged without their response body, which could not be decoded.
        untestable: requirements of operations that some exchanges could not show.
        inconclusive: recorded exchanges whose answer says nothing about the API.
        accepted: distinct findings that the baseline accepts.
        baseline_problems: entries of the baseline that are expired or match nothing.
    """

    exchanges: Count
    operations: Count
    breaking: Count
    additive: Count
    notice: Count
    client: Count
    known_defects: Count
    unreadable: Count
    skipped: Count
    other_hosts: Count
    unrouted: Count
    unrecorded: Count = 0
    undecoded: Count = 0
    untestable: Count = 0
    inconclusive: Count = 0
    accepted: Count = 0
    baseline_problems: Count = 0


class Footer(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a report; one without it is not a report.

    Attributes:
        totals: the numbers behind the verdict.
        exit_code: what the command returned.
        verdict: the verdict in one line.
        finished_at: RFC 3339 time at which the run ended.
        complete: always true; it is the last thing that is written.
    """

    totals: Totals
    exit_code: int
    verdict: str
    finished_at: str
    complete: Annotated[bool, msgspec.Meta(extra_json_schema={"const": True})] = True


class Sentences(msgspec.Struct, frozen=True, kw_only=True):
    """What the requirements and the cases that findings name are about, in one sentence each.

    Attributes:
        requirements: what a requirement says, by its id.
        cases: the behaviour that a case shows, by its id.
    """

    requirements: dict[str, str] = {}
    cases: dict[str, str] = {}

    def named_by(self, rows: Iterable[Row]) -> "Sentences":
        """Return the sentences about the requirements and cases that rows name."""
        requirements = {row.requirement for row in rows if row.requirement}
        cases = {case for row in rows for case in row.cases}
        return Sentences(
            requirements={
                name: self.requirements[name] for name in sorted(requirements & self.requirements.keys())
            },
            cases={name: self.cases[name] for name in sorted(cases & self.cases.keys())},
        )


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one run found, as a value.

    Attributes:
        header: what was judged, against what, and when.
        findings: the distinct findings that are not known spec defects, worst first.
        known_defects: the distinct findings that are known spec defects, worst first; they never fail a run.
        accepted: the distinct findings that the baseline accepts, worst first; they never fail a run.
        baseline_problems: what is wrong with entries of the baseline; each fails a run.
        baseline_unseen: entries of the baseline about operations that were not called.
        causes: the mistakes that explain the findings, the most important one first.
        changes: what has changed since earlier runs; null without a history.
        deprecated: the deprecated operations, properties and models in requests, and what the server said
            about the end of something; what ends first comes first.
        coverage: what was covered and what was not.
        sentences: about the requirements and cases that the findings name.
        footer: totals and verdict.
    """

    header: Header
    findings: tuple[Row, ...]
    known_defects: tuple[Row, ...] = ()
    accepted: tuple[Row, ...] = ()
    baseline_problems: tuple[EntryProblem, ...] = ()
    baseline_unseen: Count = 0
    causes: tuple[Cause, ...] = ()
    changes: Changes | None = None
    deprecated: tuple[Deprecation, ...] = ()
    coverage: Coverage
    sentences: Sentences = Sentences()
    footer: Footer

    @property
    def exchanges_judged(self) -> int:
        """Return how many exchanges were judged."""
        return self.footer.totals.exchanges

    @property
    def bodies_unjudged(self) -> int:
        """Return how many exchanges were judged without their response body."""
        return self.footer.totals.unrecorded + self.footer.totals.undecoded

    @property
    def exchanges_unrouted(self) -> int:
        """Return how many exchanges with the judged API no operation matches."""
        return self.footer.totals.unrouted

    @property
    def inputs_unreadable(self) -> int:
        """Return how many inputs could not be read."""
        return len(self.coverage.unreadable)

    @property
    def cases(self) -> CaseCoverage | None:
        """Return how the cases ended, where cases were sent."""
        return self.coverage.cases

    @property
    def open_severities(self) -> frozenset[Severity]:
        """Return the severities of the findings that are not known spec defects."""
        return frozenset(row.severity for row in self.findings)

    @property
    def baseline_errors(self) -> int:
        """Return how many entries of the baseline are expired or match nothing."""
        return len(self.baseline_problems)

    @property
    def inconclusive(self) -> int:
        """Return how many recorded exchanges say nothing about the API."""
        return self.footer.totals.inconclusive

    @property
    def untestable_unexplained(self) -> int:
        """Return how many requirements were not testable for no reason that a finding gives."""
        return sum(1 for one in self.coverage.untestable if one.unexplained)
