"""A selftest in Markdown: the figures, what failed, and the matrix of faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.report.selftest import Catch, Matrix, Trial
from cohere_conformance.report.verdict import quantity

if TYPE_CHECKING:
    from collections.abc import Iterator


def summary(matrix: Matrix) -> list[str]:
    """Return the summary, line by line."""
    faults = len(matrix.trials)
    caught = faults - len(matrix.of(Catch.MISSED)) - len(matrix.of(Catch.FAILED))
    exactly = len(matrix.of(Catch.EXACTLY))
    verdict = "PASSED" if matrix.passed else "FAILED"
    sharp = f"{exactly} by exactly what they break ({_share(exactly, faults)})"
    lines = [f"{verdict}: {caught} of {quantity(faults, 'fault')} caught ({_share(caught, faults)}), {sharp}"]
    for trial in matrix.faultless:
        found = "nothing" if not trial.caught and trial.exit_code == 0 else _found(trial) or trial.message
        fuzzed = ", fuzzed" if trial.fuzzed else ""
        lines.append(
            f"faultless, profile {trial.profile}{fuzzed}: exit code {trial.exit_code}, found {found}"
        )
    for name, ids in (
        ("requirement without a fault", matrix.without_fault),
        ("never tripped", matrix.untripped),
    ):
        lines += [f"{name}: {one}" for one in ids]
    lines += [f"missed: {trial.fault}" for trial in matrix.of(Catch.MISSED)]
    lines += [f"run failed: {trial.fault}: {trial.message}" for trial in matrix.of(Catch.FAILED)]
    for trial in matrix.of(Catch.OTHERWISE):
        named = ", ".join(matrix.named_by[trial.fault])
        lines.append(f"caught otherwise: {trial.fault}: expected {named}, got {_found(trial)}")
    return lines


def render(matrix: Matrix) -> str:
    """Return the page with the matrix."""
    return "\n".join(_lines(matrix)) + "\n"


def _lines(matrix: Matrix) -> Iterator[str]:
    yield from ("# Selftest", "")
    yield from (f"- {line}" for line in summary(matrix))
    yield from (
        "",
        "| fault | caught | requirements | kinds | shown by | seconds |",
        "|---|---|---|---|--:|--:|",
    )
    for trial in matrix.trials:
        named = set(matrix.named_by.get(trial.fault, ()))
        ids = ", ".join(f"**{one}**" if one in named else one for one in trial.requirements)
        cells = (trial.fault, matrix.catch(trial), ids, ", ".join(trial.kinds), trial.cases)
        yield f"| {' | '.join(map(str, cells))} | {trial.seconds:.1f} |"
    yield from ("", "Bold: a requirement that names the fault.")


def _found(trial: Trial) -> str:
    return ", ".join((*trial.requirements, *trial.kinds))


def _share(part: int, whole: int) -> str:
    return f"{part * 1000 // whole / 10:.1f} %" if whole else "0 %"
