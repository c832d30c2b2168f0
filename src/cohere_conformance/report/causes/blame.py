"""Who has to act on a cause: the server, the document, the contract of this package, or the client.

Everything is derived from the report and what is known besides; nothing is sent.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.model import Kind
from cohere_conformance.report.shape import Blame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cohere_conformance.report.causes.seen import Background, Correction
    from cohere_conformance.report.coverage import Coverage
    from cohere_conformance.report.header import Header, Target
    from cohere_conformance.report.shape import Report, Row

_OF_AN_SDK = "sdk-addition"
"""The class of the amendments that only an SDK declares."""
_NEW = frozenset(
    {Kind.PROPERTY_UNDOCUMENTED, Kind.STREAM_EVENT_UNKNOWN, Kind.ENUM_UNKNOWN, Kind.ROUTE_UNKNOWN}
)
"""Something that the contract lacks; any other finding contradicts what it has."""
_UNKNOWN_MODEL = "models.known"
_ENOUGH = 3
"""Responses that all have to show a deviation before they are evidence against the document."""
_FAULT = "--fault="
_SERVER = "No amendment, SDK or list of models that is known supports what the server sent."
_SDK = (
    "The response conforms to the contract, and the SDK is behind it: use another release of the SDK, or "
    "report it to its maintainers."
)
_REPORT = "please report it to cohere-conformance"


@dataclass(frozen=True)
class Circumstances:
    """What the blame depends on besides the findings.

    Attributes:
        header: what was judged.
        coverage: of the run.
        corrections: the amendments, by id.
        declared_by: the SDK that declares what a response has, by the fingerprint of the finding.
    """

    header: Header
    coverage: Coverage
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    declared_by: Mapping[str, str] = field(default_factory=dict)

    def successes(self, operation: str) -> int:
        """Return how many 2xx responses of an operation were judged."""
        statuses = next((one.statuses for one in self.coverage.operations if one.operation == operation), {})
        return sum(number for status, number in statuses.items() if status.startswith("2"))


class Judged(msgspec.Struct, frozen=True):
    """Who has to act, and why.

    Attributes:
        blame: who.
        reason: one sentence, with what to do unless it is the server.
    """

    blame: Blame
    reason: str


def blame_of(rows: Sequence[Row], circumstances: Circumstances) -> Judged:
    """Return who has to act on a cause.

    The server has to act as long as one finding is left that nobody else has to correct.

    Args:
        rows: the findings of the cause, the one that says most first; at least one.
        circumstances: what is known besides.
    """
    judged = [_of_row(row, circumstances) for row in rows]
    counts = Counter(one.blame for one in judged)
    blame = Blame.SERVER if counts[Blame.SERVER] else judged[0].blame
    reason = next(one.reason for one in judged if one.blame is blame)
    if len(counts) > 1:
        reason += f" This is so for {counts[blame]} of {len(rows)} findings of this cause."
    return Judged(blame, reason)


def with_declarations(report: Report, background: Background, declared_by: Mapping[str, str]) -> Report:
    """Return a report whose causes are blamed with what SDKs declare as well.

    Args:
        report: of the run.
        background: what explains its findings.
        declared_by: the SDK that declares what a response has, by the fingerprint of the finding.
    """
    circumstances = Circumstances(report.header, report.coverage, background.corrections, declared_by)
    rows = {row.fingerprint: row for row in report.findings}
    causes = []
    for cause in report.causes:
        judged = blame_of([rows[name] for name in cause.findings], circumstances)
        causes.append(msgspec.structs.replace(cause, blame=judged.blame, blame_reason=judged.reason))
    return msgspec.structs.replace(report, causes=tuple(causes))


def _of_row(row: Row, circumstances: Circumstances) -> Judged:
    known = circumstances.declared_by.get(row.fingerprint, "")
    if row.kind is Kind.SDK_INCOMPATIBLE:
        return Judged(Blame.SDK, _SDK)
    if row.kind in {Kind.REQUEST_INVALID, Kind.ROUTE_UNKNOWN} and not (known or row.correction):
        return _of_request(row, circumstances.header.target)
    if (target := circumstances.header.target) is not None and target.serve:
        return _embedded(target)
    if row.correction is not None:
        return _corrected(row.correction, circumstances.corrections)
    if row.requirement == _UNKNOWN_MODEL:
        return Judged(
            Blame.CONTRACT_BEHIND,
            "The list of models of this package lacks a model that the server lists: update "
            "cohere-conformance, or add the model to contracts/models.yaml.",
        )
    if known and row.kind in _NEW:
        return Judged(
            Blame.CONTRACT_BEHIND,
            f"{known} declares what was sent and the contract does not: update cohere-conformance, or run "
            "cohere-conformance contract propose.",
        )
    if known:
        return _contradicting(row, known, circumstances)
    return Judged(Blame.SERVER, _SERVER)


def _of_request(row: Row, target: Target | None) -> Judged:
    if target is not None:
        return Judged(
            Blame.HARNESS, f"This package sent a request that deviates from its contract: {_REPORT}."
        )
    if row.kind is Kind.ROUTE_UNKNOWN:
        return Judged(
            Blame.CLIENT,
            "The recorded client called what the contract does not have: correct method and path of its "
            "request.",
        )
    return Judged(Blame.CLIENT, "The recorded client sent it: correct the request of the client.")


def _embedded(target: Target) -> Judged:
    """Return who has to act if the reference server of this package deviates."""
    faults = [name.removeprefix(_FAULT) for name in target.serve if name.startswith(_FAULT)]
    if faults:
        return Judged(Blame.SERVER, f"The reference server has an injected fault: {', '.join(faults)}.")
    return Judged(
        Blame.HARNESS, f"The reference server of this package deviates without an injected fault: {_REPORT}."
    )


def _corrected(name: str, corrections: Mapping[str, Correction]) -> Judged:
    """Return who has to act on what an amendment corrects; the document was used without it."""
    found = corrections.get(name)
    why = f" {found.reason.rstrip('.')}" if found is not None else " several amendments together explain it"
    if found is not None and found.klass == _OF_AN_SDK:
        return Judged(
            Blame.CONTRACT_BEHIND,
            f"{name}:{why}. The document lacks what an SDK declares; judge without --as-published.",
        )
    return Judged(
        Blame.DOCUMENT, f"{name}:{why}. The document needs this correction; judge without --as-published."
    )


def _contradicting(row: Row, known: str, circumstances: Circumstances) -> Judged:
    """Return who has to act if an SDK declares what the contract contradicts."""
    successes = circumstances.successes(row.operation)
    if row.count >= successes >= _ENOUGH:
        return Judged(
            Blame.DOCUMENT,
            f"All {successes} responses of {row.operation} show it and {known} declares it so: the document "
            "is wrong; write an amendment.",
        )
    return Judged(
        Blame.SERVER,
        f"{known} declares it so, but only {row.count} of {successes} responses of {row.operation} show it.",
    )
