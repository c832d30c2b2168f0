"""Builds the report from the journals in a folder, after a run or on request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.checks.exercised import exercised_with_keywords
from cohere_conformance.checks.judge import judgement_of
from cohere_conformance.checks.parsed import ParsedExchange
from cohere_conformance.checks.requested import requested
from cohere_conformance.checks.shapes import response_shape
from cohere_conformance.client.address import address
from cohere_conformance.contract import load_declarations
from cohere_conformance.contract.elements import declared, declared_keywords
from cohere_conformance.contract.named import implemented
from cohere_conformance.contract.requested import requestable
from cohere_conformance.contract.requirements import shipped_requirements
from cohere_conformance.errors import ReportError
from cohere_conformance.history import target_name
from cohere_conformance.names import slug
from cohere_conformance.report import (
    Background,
    Correction,
    Fuzzing,
    Record,
    Report,
    Sentences,
    merged_header,
    read_journals,
    report_of,
    run_part,
    write,
)
from cohere_conformance.report.shape import REPORT_HTML, REPORT_JSON, REPORT_MARKDOWN
from cohere_conformance.sdk.parsers import SdkParsers, of_names
from cohere_conformance.session.claims import waived
from cohere_conformance.session.deprecations import known_deprecations
from cohere_conformance.session.judging import Judge, JudgeSettings
from cohere_conformance.session.sdk_evidence import with_sdk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from cohere_conformance.cases import Case
    from cohere_conformance.contract import Contract
    from cohere_conformance.contract.compile import Operation
    from cohere_conformance.model import Element, Exchange, Untestable
    from cohere_conformance.report import Header, Opening, RunPart


def publish(
    folder: Path, contract: Contract | None = None, sdks: SdkParsers | None = None
) -> tuple[Report, tuple[Path, ...]]:
    """Build the report out of the journals in `folder`, write it there, and return it with its files.

    Args:
        folder: of the run.
        contract: that judged the run; if not given, it is made for the target in the journals.
        sdks: the official SDKs that parse what deviates; if not given, those of the run that are here.

    Raises:
        ReportError: there are no journals, they are broken or of another contract, or nothing can be written.
        UsageError: an official SDK is to be used and does not work.
    """
    part = run_part(folder)
    report = _report([part], part.header, contract or _contract([part]), sdks)
    return report, tuple(write(report, folder))


def merged(folders: Sequence[Path]) -> Report:
    """Return the report of the run that the runs in some folders are the parts of.

    Args:
        folders: of shards, or of runs of other cases each, in any order.

    Raises:
        ReportError: a part is missing, there twice, not complete or of another contract, target or
            configuration; or its journals cannot be read.
    """
    parts = [run_part(folder) for folder in folders]
    return _report(parts, merged_header(parts, target_name), _contract(parts))


def _contract(parts: Sequence[RunPart]) -> Contract:
    """Return the contract as the runs had it: with the base URL of the target, which may have a path."""
    targets = (part.header.target for part in parts)
    urls = dict.fromkeys(one.url for one in targets if one is not None and not one.serve)
    return Judge(JudgeSettings(servers=tuple(address("--url", url).url for url in urls))).contract


def _report(
    parts: Sequence[RunPart], header: Header, contract: Contract, sdks: SdkParsers | None = None
) -> Report:
    """Return the report of a run by its journals, or by those of its shards."""
    openings = [opening for part in parts for opening in part.openings]
    if (digest := header.contract_digest) != contract.digest:
        raise ReportError(
            f"{parts[0].folder}: expected journals of the contract {contract.digest}, got {digest}; "
            "read them with the version of cohere-conformance that wrote them"
        )
    operations = _scope(openings, contract)
    targets = [opening.header.target for opening in openings if opening.header.target is not None]
    unjudged = frozenset().union(*(waived(one.without, protocol_only=one.protocol_only) for one in targets))

    def untestable(exchange: Exchange) -> Sequence[Untestable]:
        found = judgement_of(contract, ParsedExchange(exchange)).untestable
        return [one for one in found if one.requirement not in unjudged]

    from cohere_conformance.session.shown_features import feature_source  # imports the cases

    if sdks is None:
        sdks = of_names(header.sdks)
    header = replace(header, sdks=sdks.names or header.sdks)
    background = background_of(contract)
    report = report_of(
        parts,
        header,
        operations=operations,
        further=contract.operations.keys() - operations.keys(),
        declared=_declared(contract.operations[label] for label in operations),
        exercised=lambda exchange: exercised_with_keywords(contract, exchange),
        untestable=untestable,
        finished_at=now(),
        fuzzing=Fuzzing(
            requestable=[one for label in operations for one in requestable(contract.operations[label])],
            requested=lambda exchange: requested(contract, exchange),
            shape=lambda exchange: response_shape(contract, exchange),
        ),
        background=background,
        sdks=sdks or None,
        features=feature_source(next((one.profile for one in targets), "contract"), contract),
    )
    return with_sdk(report, background) if sdks.python else report


def _declared(operations: Iterable[Operation]) -> Iterator[Element]:
    for operation in operations:
        yield from declared(operation)
        yield from declared_keywords(operation)


def background_of(contract: Contract, *, sent: bool = True) -> Background:
    """Return what the contract and the cases say, for the causes of findings.

    Args:
        contract: that judged.
        sent: whether the exchanges may be of cases; recorded ones are not, and reading the cases takes long.
    """
    cases = _cases() if sent else ()
    requirements = shipped_requirements().requirements
    return Background(
        declarations=_DeclaredAt(contract.operations),
        sentences=Sentences(
            requirements={one.id: one.says for one in requirements.values()},
            cases={case.id: case.about for case in cases},
        ),
        refused=frozenset(case.id for case in cases if max(case.expect.status, default=0) >= 400),
        follows={one.id: one.follows for one in requirements.values() if one.follows},
        corrections={one.id: Correction(one.klass, one.reason) for one in load_declarations().changes},
        deprecations=known_deprecations(contract),
    )


class _DeclaredAt(Mapping[tuple[str, str], str]):
    """Where the document declares a location, by operation and location; found when asked for."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._operations = operations
        self._known: dict[str, dict[str, str]] = {}

    def __getitem__(self, key: tuple[str, str]) -> str:
        label, location = key
        return self._of(label)[location]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((label, location) for label in self._operations for location in self._of(label))

    def __len__(self) -> int:
        return sum(len(self._of(label)) for label in self._operations)

    def _of(self, label: str) -> dict[str, str]:
        if label not in self._known:
            found: dict[str, str] = {}
            operation = self._operations.get(label)
            for one in () if operation is None else declared(operation):
                if one.declaration:
                    # Branches of a union may declare one location: ids of causes need the same one each time.
                    found[one.name] = min(found.get(one.name, one.declaration), one.declaration)
            self._known[label] = found
        return self._known[label]


def _cases() -> tuple[Case, ...]:
    from cohere_conformance.cases import shipped_suite  # only a run that sends needs them

    return shipped_suite().cases


def _scope(openings: list[Opening], contract: Contract) -> dict[str, str]:
    """Return the operations that the run was about, with their groups.

    These are the fuzzed ones and those of the groups of its cases, if the target implements them.
    """
    planned = {case for opening in openings for case in opening.planned or ()}
    groups = {case.partition(".")[0] for case in planned}
    fuzzed = {case.rpartition(".")[2] for case in planned if case.startswith("fuzz.")}
    targets = [opening.header.target for opening in openings]
    declares = tuple({name for target in targets if target is not None for name in target.declares})
    offered = implemented(declares, contract.groups)
    return {
        label: group
        for label, group in contract.groups.items()
        if (group in groups or slug(label) in fuzzed) and label in offered
    }


def exercised_cases(folder: Path, report: Report) -> set[str]:
    """Return ids of the cases of a run whose responses say something about the target.

    Args:
        folder: of the journals.
        report: of the run.

    Raises:
        ReportError: there are no journals.
    """
    sent = {
        line.case
        for journal in read_journals(folder)
        for line in journal.lines()
        if isinstance(line, Record) and line.exchange is not None and not line.setup
    }
    ends = () if report.coverage.cases is None else report.coverage.cases.ends
    return sent - {one.case for one in ends if one.outcome != "failed"}


def clear_report(folder: Path) -> None:
    """Remove the report of an earlier run, which could be taken for that of the current one.

    Raises:
        ReportError: a file cannot be removed.
    """
    for name in (REPORT_JSON, REPORT_MARKDOWN, REPORT_HTML):
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise ReportError(
                f"{folder / name}: expected to remove the report of an earlier run, got: "
                f"{error.strerror or error}; name another folder with --report-dir"
            ) from error


def now() -> str:
    """Return the time as RFC 3339, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
