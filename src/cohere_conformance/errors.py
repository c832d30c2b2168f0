"""The exceptions of the engine: one tree, so that a caller can tell whose fault it is.

A deviation of the judged server is a `Finding`, never an exception. What is raised here says that no
judgement was possible, and each class maps to one exit code of the command.
"""

from __future__ import annotations


class ConformanceError(Exception):
    """Any failure of the engine; the message says what was expected, what came, where, and what to do."""


class ContractError(ConformanceError):
    """A document below `contracts/` is broken: it cannot be read, resolved, amended or compiled."""


class TrafficError(ConformanceError):
    """Recorded traffic cannot be read from here on.

    Args:
        file: path of the input, as the caller named it.
        where: the place in it ("line 12", "entry 3", "byte 4096").
        reason: what was expected and what came.
    """

    def __init__(self, file: str, where: str, reason: str) -> None:
        super().__init__(f"{file}: {where}: {reason}")
        self.file = file
        self.where = where
        self.reason = reason

    def __reduce__(self) -> tuple[type[TrafficError], tuple[str, str, str]]:
        """Pickle by parts: the default would hand the joined message to a three-argument constructor."""
        return (type(self), (self.file, self.where, self.reason))


class CaseError(ConformanceError):
    """A written case is wrong: its file cannot be read, or it cannot be what its author meant.

    Args:
        file: path of the file, as a reader finds it.
        line: the line of the mistake, from 1; 0 where there is no file to have lines.
        reason: what was expected, what came and what to do.
    """

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}" if line else f"{file}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason

    def __reduce__(self) -> tuple[type[CaseError], tuple[str, int, str]]:
        """Pickle by parts, as `TrafficError` does: runs on several cores hand errors over."""
        return (type(self), (self.file, self.line, self.reason))


class CassetteError(ConformanceError):
    """A golden cassette is none: it is cut off, of another format, or not where its name says.

    Args:
        file: path of the cassette.
        reason: what was expected, what came and what to do.
    """

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason

    def __reduce__(self) -> tuple[type[CassetteError], tuple[str, str]]:
        """Pickle by parts, as `TrafficError` does."""
        return (type(self), (self.file, self.reason))


class LeakError(ConformanceError):
    """What was about to be written holds a secret; it was not written."""


class ReportError(ConformanceError):
    """A report cannot be written, or a file that should be one is not whole."""


class UsageError(ConformanceError):
    """The call itself is wrong: an unknown name, an option that does not fit."""


class BudgetError(ConformanceError):
    """A run wants to send more requests than it may."""


class TargetError(ConformanceError):
    """The target of a run cannot be reached, or refuses the key of the run."""


class RefusedError(ConformanceError):
    """A request was not sent, because the guard of the target does not let it pass."""


class ForbiddenError(RefusedError):
    """A request was not sent, because what it calls is not allowed on the target."""


class OwnershipError(RefusedError):
    """A request was not sent, because it could change or remove what the run has not made.

    Args:
        message: what it would have touched.
        claimed: the target itself has named that as made by the run; otherwise whatever derived the request
            is wrong.
    """

    def __init__(self, message: str, *, claimed: bool) -> None:
        super().__init__(message)
        self.claimed = claimed


class HarnessError(ConformanceError):
    """A check of ours has failed where it must not: nothing follows from that for the target."""
