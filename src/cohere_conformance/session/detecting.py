"""Which cases detect which fault of the reference server, as selftests have observed: `suites/detected.json`.

A selftest runs these cases first, and all others only where they do not detect the fault. The file is no
evidence: a fault counts as detected if the run that has just ended detects it.

`python -m cohere_conformance.session.detecting` updates it from the last selftest (`make selftest`).
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cohere_conformance.cases import shipped_suite
from cohere_conformance.data import folder
from cohere_conformance.errors import ContractError
from cohere_conformance.reference.faults import catalogue
from cohere_conformance.report.render.parts import DEFAULT_FOLDER
from cohere_conformance.report.selftest import Matrix

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cohere_conformance.report import Row

DETECTED = "detected.json"
"""The name of the file in `suites/`."""


@cache
def load_detections(path: Path | None = None) -> Mapping[str, tuple[str, ...]]:
    """Return the ids of the cases that detect a fault, by its name.

    Args:
        path: of the file; the shipped one if not given.

    Raises:
        ContractError: it cannot be read, or has another form.
    """
    path = path or folder("suites") / DETECTED
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, tuple[str, ...]])
    except (OSError, msgspec.DecodeError) as error:
        raise ContractError(
            f"{path}: expected the cases that detect each fault, got: {error}; write it with: make selftest"
        ) from error


def detecting(rows: Iterable[Row], named: Iterable[str]) -> tuple[str, ...]:
    """Return as few cases as possible that show every requirement that names a fault.

    Args:
        rows: the findings of a run against the fault.
        named: ids of the requirements that name it; where none is violated, any finding will do.
    """
    rows = tuple(rows)
    wanted = {*named} & {row.requirement for row in rows}
    shown: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        for case in row.cases if not wanted or row.requirement in wanted else ():
            shown[_runnable(case)].add(row.requirement or "" if wanted else "")
    chosen: list[str] = []
    left = wanted or ({""} if shown else set())
    while left:
        best = min(shown, key=lambda case: (-len(shown[case] & left), case))
        chosen.append(best)
        left = left - shown[best]
    return tuple(sorted(chosen))


def _runnable(name: str) -> str:
    """Return the id of a case: what creates a resource is run with the first case that needs it."""
    cases = shipped_suite().cases
    return next((case.id for case in cases if name in case.needs), name)


def as_text(detections: Mapping[str, Iterable[str]]) -> str:
    """Return the content of the file."""
    ordered = {fault: list(cases) for fault, cases in sorted(detections.items())}
    return msgspec.json.format(msgspec.json.encode(ordered), indent=1).decode() + "\n"


def updated(detections: Mapping[str, tuple[str, ...]], matrix: Matrix) -> dict[str, tuple[str, ...]]:
    """Return the detections after a selftest; faults that it has not injected keep theirs.

    Args:
        detections: known before.
        matrix: result of the selftest.
    """
    tried = {trial.fault: trial.detected_by for trial in matrix.trials}
    known = {fault: cases for fault, cases in detections.items() if fault in catalogue()}
    return {fault: cases for fault, cases in {**known, **tried}.items() if cases}


def main() -> None:
    """Write the file after the selftest whose report is in the usual folder."""
    matrix = msgspec.json.decode(Path(DEFAULT_FOLDER, "selftest.json").read_bytes(), type=Matrix)
    text = as_text(updated(load_detections(), matrix))
    (folder("suites") / DETECTED).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
