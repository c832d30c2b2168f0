"""Builds the matrix of targets from their reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cohere_conformance.errors import ReportError
from cohere_conformance.model import Severity
from cohere_conformance.report.implementations.shape import (
    CellState,
    Implementation,
    ImplementationMatrix,
    ImplementationRow,
    MatrixBy,
)
from cohere_conformance.report.implementations.tested import NOT_CALLED, NOT_CLAIMED, Tested, cell
from cohere_conformance.report.render import parts
from cohere_conformance.report.verdict import RANK, quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cohere_conformance.report.feature_cases import FeatureCases
    from cohere_conformance.report.implementations.shape import ImplementationCell
    from cohere_conformance.report.shape import Cause, Report, Row

WaivedRequirements = Callable[["Report"], Collection[str]]
"""Returns the ids of the requirements that a run did not judge."""

_OTHERS = 2
"""Targets that have to agree before one is called unlike all others."""
_OF_ONE_FINDING = frozenset(
    {"requirement", "declaration", "header", "media-type", "status", "stream", "golden", "expectation"}
)
"""Rules of causes that a finding alone shows; others say what several findings have in common."""
_OPPOSITE = {CellState.PASS: CellState.FAIL, CellState.FAIL: CellState.PASS}


def compare_implementations(
    reports: Mapping[str, Report], by: MatrixBy, waived: WaivedRequirements
) -> ImplementationMatrix:
    """Return the reports of several targets side by side.

    Args:
        reports: by the name of the target, in the order of the columns.
        by: what a line is about.
        waived: returns the ids of the requirements that a run did not judge.

    Raises:
        ReportError: the reports are of several contracts.
    """
    first, *others = reports.items()
    for name, report in others:
        ours, theirs = first[1].header, report.header
        if (ours.contract_digest, ours.mode) != (theirs.contract_digest, theirs.mode):
            raise ReportError(
                f"{name}: expected a report of the contract of {first[0]}, {ours.contract_digest} "
                f"({ours.mode}), got {theirs.contract_digest} ({theirs.mode}); run it again with this version"
            )
    targets = [Tested(report, waived(report)) for report in reports.values()]
    rows = _ROWS[by](targets)
    tested = [row for row in rows if any(one.state is not CellState.NOT_TESTED for one in row.cells)]
    return ImplementationMatrix(
        by=by,
        contract_version=first[1].header.contract_version,
        contract_digest=first[1].header.contract_digest,
        implementations=tuple(_implementation(name, report) for name, report in reports.items()),
        rows=tuple(replace(row, cells=_marked(row.cells)) for row in tested),
        untested=tuple(row.title for row in rows if row not in tested),
    )


def _implementation(name: str, report: Report) -> Implementation:
    header = report.header
    return Implementation(
        name=name,
        target=", ".join(header.inputs) if header.target is None else parts.target_line(header.target),
        command=header.arguments[0] if header.arguments else "check",
        verdict=report.footer.verdict,
        exit_code=report.footer.exit_code,
        causes=len(report.causes),
        exchanges=report.footer.totals.exchanges,
    )


def _marked(cells: Sequence[ImplementationCell]) -> tuple[ImplementationCell, ...]:
    """Mark the one cell whose opposite all others agree on that say anything."""
    states = [one.state for one in cells if one.state in _OPPOSITE]
    alone = [state for state in _OPPOSITE if states.count(state) == 1 and len(states) > _OTHERS]
    return tuple(replace(one, unlike=True) if one.state in alone else one for one in cells)


# -- by check


def _checks(targets: Sequence[Tested]) -> list[ImplementationRow]:
    found: dict[str, list[tuple[Cause, list[Row]]]] = {}
    for target in targets:
        by_fingerprint = {row.fingerprint: row for row in target.report.findings}
        for cause in target.report.causes:
            members = [by_fingerprint[one] for one in cause.findings if one in by_fingerprint]
            if all(row.client_side for row in members):
                continue
            found.setdefault(cause.id, []).append((cause, members))
    rows = [_check(name, causes, targets) for name, causes in found.items()]
    titles = Counter(row.title for row in rows)
    for number, row in enumerate(rows):
        cases = found[row.id][0][0].case_ids
        if titles[row.title] > 1 and cases:
            rows[number] = replace(row, title=f"{row.title} ({cases[0]})")
    return sorted(rows, key=_order)


def _check(
    name: str, causes: Sequence[tuple[Cause, list[Row]]], targets: Sequence[Tested]
) -> ImplementationRow:
    members = [row for _, rows in causes for row in rows]
    first = causes[0][0]
    # What says most: the other findings of a cause may only follow from it.
    main = (
        frozenset(cause.findings[0] for cause, _ in causes) if first.rule in _OF_ONE_FINDING else frozenset()
    )
    return ImplementationRow(
        id=name,
        title=_title(first, causes[0][1], targets),
        severity=_worst(cause.severity for cause, _ in causes),
        cells=tuple(_of_check(target, name, first.rule, members, main) for target in targets),
    )


def _title(cause: Cause, members: Sequence[Row], targets: Sequence[Tested]) -> str:
    """Return what a mistake is, without what one target responds: the requirement, if it violates one."""
    violated = next((row.requirement for row in members if row.fingerprint == cause.findings[0]), None)
    known = (target.report.sentences.requirements for target in targets)
    sentence = next((found for one in known if violated and (found := one.get(violated))), None)
    if cause.rule == "requirement" and sentence is not None:
        return sentence.rstrip(".")
    return cause.title.partition(": got ")[0]


def _of_check(
    target: Tested, name: str, rule: str, members: Sequence[Row], main: frozenset[str]
) -> ImplementationCell:
    causes = target.report.causes
    if (same := next((one for one in causes if one.id == name), None)) is not None:
        return cell(
            CellState.FAIL, f"{quantity(len(same.findings), 'finding')}: {same.title}", len(same.findings)
        )
    if (other := next((one for one in causes if not main.isdisjoint(one.findings)), None)) is not None:
        return cell(CellState.FAIL, f"with {other.id}: {other.title}")
    if rule == "no-operation":
        states = list(CellState)
        labels = dict.fromkeys(row.operation for row in members)
        return min(map(target.untroubled, labels), key=lambda one: states.index(one.state))
    return target.without(members)


def _order(row: ImplementationRow) -> tuple[object, ...]:
    """Return what orders lines: the worst first, then what most targets do."""
    failing = sum(one.state is CellState.FAIL for one in row.cells)
    return (RANK[row.severity] if row.severity else len(RANK), -failing, row.title, row.id)


def _worst(severities: Iterable[Severity]) -> Severity | None:
    return min(severities, key=RANK.__getitem__, default=None)


# -- by feature


def _features(targets: Sequence[Tested]) -> list[ImplementationRow]:
    known = [{one.feature: one for one in _feature_cases(target)} for target in targets]
    titles = {name: one.title for by_name in known for name, one in by_name.items()}
    return [
        ImplementationRow(
            id=name,
            title=title,
            cells=tuple(
                _of_feature(target, name, by_name.get(name))
                for target, by_name in zip(targets, known, strict=True)
            ),
        )
        for name, title in sorted(titles.items())
    ]


def _feature_cases(target: Tested) -> tuple[FeatureCases, ...]:
    return target.report.cases.features if target.report.cases is not None else ()


def _of_feature(target: Tested, name: str, ended: FeatureCases | None) -> ImplementationCell:
    header = target.report.header
    if header.target is not None and name in header.target.without:
        return cell(CellState.NOT_TESTED, NOT_CLAIMED)
    if ended is None:
        return cell(CellState.NOT_TESTED, NOT_CALLED)
    tried = ended.passed + ended.failed
    if not tried and ended.inconclusive:
        return cell(CellState.INCONCLUSIVE, quantity(ended.inconclusive, "inconclusive case"))
    if not tried:
        return cell(CellState.NOT_TESTED, quantity(ended.skipped, "skipped case"))
    if not ended.failed:
        return cell(CellState.PASS, quantity(tried, "case"), f"{tried}/{tried}")
    lacking = f", {ended.lacking} of them without it in the response" if ended.lacking else ""
    detail = f"{ended.failed} of {quantity(tried, 'case')} failed{lacking}"
    return cell(CellState.FAIL, detail, f"{ended.passed}/{tried}")


# -- by operation


def _operations(targets: Sequence[Tested]) -> list[ImplementationRow]:
    labels = {
        label
        for target in targets
        for label in (
            *(one.operation for one in target.report.coverage.operations),
            *target.report.coverage.unseen,
        )
    }
    rows = []
    for label in sorted(labels, key=lambda one: one.partition(" ")[::-1]):
        found = [[row for row in parts.server_rows(one.report) if row.operation == label] for one in targets]
        rows.append(
            ImplementationRow(
                id=label,
                title=label,
                cells=tuple(
                    _of_operation(target, label, some) for target, some in zip(targets, found, strict=True)
                ),
            )
        )
    return rows


def _of_operation(target: Tested, label: str, rows: Sequence[Row]) -> ImplementationCell:
    if label in target.absent:
        return cell(CellState.FAIL, "not implemented")
    deviating = [row for row in rows if row.severity is not Severity.NOTICE]
    if deviating:
        causes = [one for one in target.report.causes if label in one.operations]
        detail = f"{quantity(len(deviating), 'finding')} of {quantity(len(causes), 'cause')}"
        return cell(CellState.FAIL, detail, len(deviating))
    return target.untroubled(label)


_ROWS = {MatrixBy.CHECK: _checks, MatrixBy.FEATURE: _features, MatrixBy.OPERATION: _operations}
