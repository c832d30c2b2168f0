"""The header of a report: what was judged, against what, and under which conditions."""

import enum

import msgspec

from cohere_conformance.model import Severity
from cohere_conformance.report.configuration_used import ConfigurationUsed
from cohere_conformance.report.coverage import Count
from cohere_conformance.report.night import NightPlan
from cohere_conformance.report.role_model import RoleModel
from cohere_conformance.report.shard import Shard

FORMAT = 3
"""The version of the shape of `report.json` that this version reads and writes."""


class Mode(enum.StrEnum):
    """Which declaration the traffic was judged against."""

    AMENDED = "amended"
    AS_PUBLISHED = "as-published"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The target of a run.

    Attributes:
        url: base URL, without credentials.
        profile: what kind of server it is expected to be, such as `contract` or `live-2026`.
        declares: what the target implements: groups, groups of one version, operations; empty if
            everything.
        without: ids of the features that the target does without.
        protocol_only: only the protocol was judged, not the content of responses.
        key: whether a key was sent.
        seed: seed of the random choices, if there is one.
        workers: number of processes.
        serve: arguments of the command that starts the embedded server again.
        models: the models of the roles that the cases use.
        shard: the share of the cases that was run; null if all of them were.
        merged: how many runs the report was merged from; 0 if it is that of one run.
    """

    url: str
    profile: str = "contract"
    declares: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    protocol_only: bool = False
    key: bool = False
    seed: int | None = None
    workers: Count = 1
    serve: tuple[str, ...] = ()
    models: tuple[RoleModel, ...] = ()
    shard: Shard | None = None
    merged: Count = 0


class GoldenCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The golden cassettes of a run, by the kind of server that they were recorded from.

    Attributes:
        interactions: how many there are.
        reference: recorded from the reference server of this package, so they show what we expect.
        live: recorded from the API itself.
        other: recorded from some other server.
        imported: imported from traffic that somebody else recorded.
        broken: files that cannot be read as cassettes.
        compared: whether the responses of a target were compared with them.
        shape_only: with how many of them only status and shape were compared, because the reference server's
            values are not demanded of others.
    """

    interactions: Count
    reference: Count
    live: Count
    other: Count = 0
    imported: Count = 0
    broken: Count = 0
    compared: bool = False
    shape_only: Count = 0


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """Findings that are accepted until a day: those that fit everything that is named here.

    Attributes:
        finding: fingerprint, or its beginning; empty if it does not matter.
        cause: id of a cause; empty if it does not matter.
        operation: label such as `POST /v2/chat`, in which `*` means any text; empty if it does not
            matter.
        kind: such as `type-changed`; empty if it does not matter.
        location: in which `*` means any text; null if it does not matter.
        reason: why it is accepted.
        owner: who answers for it; may be empty.
        link: such as that of an issue; may be empty.
        expires: the last day on which it is accepted, such as `2027-01-31`.
        line: of the entry in its file.
    """

    finding: str = ""
    cause: str = ""
    operation: str = ""
    kind: str = ""
    location: str | None = None
    reason: str
    owner: str = ""
    link: str = ""
    expires: str
    line: Count = 0


class AcceptedDrift(msgspec.Struct, frozen=True, kw_only=True):
    """The accepted drift that was in force.

    Attributes:
        file: its path, as seen from the folder of the run.
        entries: in the order of the file.
    """

    file: str
    entries: tuple[Acceptance, ...]


class EntryProblem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with an entry of the baseline; it fails a run.

    Attributes:
        line: of the entry in its file.
        says: what is wrong, and the correction.
        gone: whether nothing that it accepts was seen, so that it can be removed.
    """

    line: Count
    says: str
    gone: bool


class ComparedShapes(msgspec.Struct, frozen=True, kw_only=True):
    """Observed shapes that responses were compared with: what `shape-vanished` and `shape-new` are based on.

    Attributes:
        source: path of the file, or `shipped`.
        responses: how many responses the shapes were learnt from.
        scenarios: in how many scenarios, such as a stream with tools.
        first: day of the first of these responses; empty if none has a date.
        last: day of the last one, likewise.
    """

    source: str
    responses: Count
    scenarios: Count
    first: str = ""
    last: str = ""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What was judged, against what, and when it began.

    Attributes:
        tool: name of the program.
        version: its version.
        contract_version: the version the contract declares.
        contract_digest: digest of the contract; reports with the same digest are comparable.
        mode: `amended`, or `as-published` for the declaration without our amendments.
        inputs: the paths, as the caller named them.
        started_at: RFC 3339 time at which the run began.
        fail_on: the least severity that makes the run fail.
        arguments: the command line after the program's name, where there was one.
        target: the target of a run; null if traffic was read and nothing was sent.
        golden: the golden cassettes that were replayed or compared with; null if none were.
        configuration: what was taken from a configuration file; null if there was none.
        baseline: the accepted drift; null if there was no such file.
        origins: how many operations the contract has of each origin: the vendor's `document`, or an `SDK`
            only; empty in older reports.
        sdks: names and versions of the official SDKs that parse what deviates.
        observed: the observed shapes that responses were compared with.
        night: the plan of the night; null if every case was run that the target may be sent.
        format: the version of this shape.
    """

    tool: str
    version: str
    contract_version: str
    contract_digest: str
    mode: Mode
    inputs: tuple[str, ...]
    started_at: str
    fail_on: Severity = Severity.ADDITIVE
    arguments: tuple[str, ...] = ()
    target: Target | None = None
    golden: GoldenCounts | None = None
    configuration: ConfigurationUsed | None = None
    baseline: AcceptedDrift | None = None
    origins: dict[str, int] = {}
    sdks: tuple[str, ...] = ()
    observed: tuple[ComparedShapes, ...] = ()
    night: NightPlan | None = None
    format: int = FORMAT

    @property
    def shard(self) -> Shard | None:
        """Return the share of the cases that was run; `None` if all of them were."""
        return self.target.shard if self.target is not None else None
