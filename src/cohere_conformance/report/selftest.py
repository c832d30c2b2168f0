"""The result of a selftest: which faults are detected, by which requirements, and which are not."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cohere_conformance.model import Requirement


class Catch(enum.StrEnum):
    """How a fault was detected."""

    EXACTLY = "exactly"
    """By a requirement that names it or, if none does, by the contract or a case."""
    OTHERWISE = "otherwise"
    """By something else than the requirements that name it."""
    MISSED = "missed"
    """By nothing."""
    FAILED = "failed"
    """The run itself failed."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The suites against one fault.

    Attributes:
        fault: its name; empty for the server without faults.
        profile: of the server.
        exit_code: of the run.
        requirements: ids of the violated requirements.
        kinds: kinds of the other findings.
        cases: how many cases and tests detected it, of those that were run.
        detected_by: ids of as few of them as show every requirement that names the fault.
        seconds: how long it took.
        message: the last line of output of a run that failed.
        fuzzed: whether the fuzzer was run instead of the cases.
    """

    fault: str
    profile: str
    exit_code: int
    requirements: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    cases: int = 0
    detected_by: tuple[str, ...] = ()
    seconds: float = 0.0
    message: str = ""
    fuzzed: bool = False

    @property
    def caught(self) -> bool:
        """Whether anything was found."""
        return bool(self.requirements or self.kinds)


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """Requirements by faults.

    Attributes:
        trials: one for each fault.
        faultless: the same without a fault, by profile.
        named_by: by fault, the requirements that name it.
        without_fault: requirements that name no known fault.
        untripped: requirements that none of their faults violates.
    """

    trials: tuple[Trial, ...]
    faultless: tuple[Trial, ...]
    named_by: dict[str, tuple[str, ...]]
    without_fault: tuple[str, ...]
    untripped: tuple[str, ...]

    def catch(self, trial: Trial) -> Catch:
        """Return how the fault of a trial was detected."""
        if trial.message:
            return Catch.FAILED
        if not trial.caught:
            return Catch.MISSED
        named = self.named_by.get(trial.fault, ())
        return Catch.EXACTLY if not named or set(named) & set(trial.requirements) else Catch.OTHERWISE

    def of(self, catch: Catch) -> tuple[Trial, ...]:
        """Return the trials whose fault was detected that way."""
        return tuple(trial for trial in self.trials if self.catch(trial) is catch)

    @property
    def passed(self) -> bool:
        """Whether every fault is detected, every requirement is violated by one, and none without a fault."""
        quiet = all(trial.exit_code == 0 and not trial.caught for trial in self.faultless)
        lost = self.of(Catch.MISSED) or self.of(Catch.FAILED) or self.without_fault or self.untripped
        return quiet and not lost


def merged(trials: Sequence[Trial]) -> Trial:
    """Return several runs against the same fault as one.

    Args:
        trials: in the order in which they were run; at least one.
    """
    return Trial(
        fault=trials[0].fault,
        profile=trials[0].profile,
        exit_code=max(trial.exit_code for trial in trials),
        requirements=tuple(sorted({one for trial in trials for one in trial.requirements})),
        kinds=tuple(sorted({one for trial in trials for one in trial.kinds})),
        cases=sum(trial.cases for trial in trials),
        detected_by=tuple(sorted({one for trial in trials for one in trial.detected_by})),
        seconds=round(sum(trial.seconds for trial in trials), 2),
        message=trials[-1].message,
        fuzzed=trials[0].fuzzed,
    )


def matrix_of(
    trials: Iterable[Trial],
    faultless: Iterable[Trial],
    requirements: Mapping[str, Requirement],
    faults: Iterable[str],
) -> Matrix:
    """Combine trials.

    Args:
        trials: one for each fault that was tried.
        faultless: without a fault, one for each profile.
        requirements: the catalogue.
        faults: names of all faults that there are.
    """
    tried = {trial.fault: trial for trial in trials}
    known = set(faults)
    named: dict[str, list[str]] = {}
    for requirement in requirements.values():
        for fault in requirement.faults:
            named.setdefault(fault, []).append(requirement.id)
    untripped = [
        requirement.id
        for requirement in requirements.values()
        if (ours := [tried[fault] for fault in requirement.faults if fault in tried])
        and not any(requirement.id in trial.requirements for trial in ours)
    ]
    return Matrix(
        trials=tuple(sorted(tried.values(), key=lambda trial: trial.fault)),
        faultless=tuple(faultless),
        named_by={fault: tuple(sorted(ids)) for fault, ids in sorted(named.items())},
        without_fault=tuple(
            requirement.id for requirement in requirements.values() if not known & set(requirement.faults)
        ),
        untripped=tuple(untripped),
    )
