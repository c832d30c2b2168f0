"""The part of a report that says what has changed since earlier runs of the same target."""

from typing import Literal

import msgspec

from cohere_conformance.model import Severity
from cohere_conformance.report.coverage import Count

ChangeState = Literal["new", "persisting", "regressed", "flapping", "resolved"]
"""`regressed` was resolved before; `flapping` comes and goes."""


class RunChange(msgspec.Struct, frozen=True, kw_only=True):
    """A cause or a finding, compared with earlier runs.

    Attributes:
        id: of the cause, or fingerprint of the finding.
        state: what has changed.
        title: what is wrong, in words.
        severity: how much it matters.
        operations: labels of the operations that show it.
        first_seen: RFC 3339 time of the first run that showed it.
        last_seen: RFC 3339 time of the last run that showed it.
        runs: how many runs have shown it.
    """

    id: str
    state: ChangeState
    title: str
    severity: Severity
    operations: tuple[str, ...]
    first_seen: str
    last_seen: str
    runs: Count


class MeasureChange(msgspec.Struct, frozen=True, kw_only=True):
    """A measure that differs from earlier runs, or did: coverage, a latency, or the model of a role.

    Attributes:
        name: such as `coverage`, `latency of POST /v2/chat` or `model of role chat`.
        state: what has changed, within the last ten runs.
        usual: what it is in most runs before.
        other: what it is now; of a resolved one, what it was in the run before.
        first_seen: RFC 3339 time of the first of these runs that differs.
        last_seen: RFC 3339 time of the last one.
        runs: how many of them differ.
    """

    name: str
    state: ChangeState
    usual: str
    other: str
    first_seen: str
    last_seen: str
    runs: Count


class RunFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one run, for the trend.

    Attributes:
        started_at: RFC 3339 time at which it began.
        breaking: distinct breaking findings.
        additive: distinct additive findings.
        notice: distinct notices.
        causes: causes of these findings.
        seen: declarations that its exchanges covered.
        declared: declarations of the operations that it was about.
        latency: milliseconds: the median of the medians of those operations that the report's own run has
            called as well; null if none is known.
    """

    started_at: str
    breaking: Count
    additive: Count
    notice: Count
    causes: Count
    seen: Count
    declared: Count
    latency: float | None = None


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What has changed since earlier runs of the same target with the same contract.

    Attributes:
        target: what the target is called in the history.
        since: RFC 3339 time of the run before; null if this is the first one.
        causes: the causes of this run in their order, then those that are resolved.
        findings: the findings of this run in their order, then those that are resolved.
        measures: coverage, latencies and models that differ from those of earlier runs with the same command.
        trend: the figures of the last 30 runs with a verdict and the same command, the oldest first; this run
            is the last of them if it has a verdict.
    """

    target: str
    since: str | None
    causes: tuple[RunChange, ...] = ()
    findings: tuple[RunChange, ...] = ()
    measures: tuple[MeasureChange, ...] = ()
    trend: tuple[RunFigures, ...] = ()
