"""The exceptions of the engine, one class for each cause, under one base class.

A deviation of the judged server is a `Finding`, never an exception. An exception says that no judgement was
possible; each class maps to one exit code of the command.
"""

from __future__ import annotations


class ConformanceError(Exception):
    """Any error of the engine. Its message says what was expected, what was received, where, what to do."""


class ContractError(ConformanceError):
    """A document in `contracts/` is invalid: it cannot be read, resolved, amended or compiled."""


class TrafficError(ConformanceError):
    """A recording, or one exchange in it, cannot be parsed.

    Args:
        file: path of the recording as given by the caller.
        where: location in the file ("line 12", "entry 3", "byte 4096").
        reason: what was expected and what was received.
    """

    def __init__(self, file: str, where: str, reason: str) -> None:
        super().__init__(f"{file}: {where}: {reason}")
        self.file = file
        self.where = where
        self.reason = reason

    def __reduce__(self) -> tuple[type[TrafficError], tuple[str, str, str]]:
        """Pickle the arguments: by default the joined message would be passed to this constructor."""
        return (type(self), (self.file, self.where, self.reason))


class CaseError(ConformanceError):
    """A written case is invalid, or its file cannot be read.

    Args:
        file: path of the file for a reader.
        line: the line of the mistake, from 1; 0 if there is no file.
        reason: what was expected, what was received and what to do.
    """

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}" if line else f"{file}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason

    def __reduce__(self) -> tuple[type[CaseError], tuple[str, int, str]]:
        """Pickle the arguments, as `TrafficError` does: runs on several cores exchange errors."""
        return (type(self), (self.file, self.line, self.reason))


class CassetteError(ConformanceError):
    """A golden cassette is invalid: it is cut off, has another format, or its path is not that of its case.

    Args:
        file: path of the cassette.
        reason: what was expected, what was received and what to do.
    """

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file
        self.reason = reason

    def __reduce__(self) -> tuple[type[CassetteError], tuple[str, str]]:
        """Pickle the arguments, as `TrafficError` does."""
        return (type(self), (self.file, self.reason))


class DescriptionError(ConformanceError):
    """A description of the API (an OpenAPI document, an SDK, a LAP file) cannot be read.

    Args:
        source: the description, as the caller named it.
        where: the place in it.
        reason: what was expected, what was received and what to do.
    """

    def __init__(self, source: str, where: str, reason: str) -> None:
        super().__init__(f"{source}: {where}: {reason}")
        self.source = source
        self.where = where
        self.reason = reason

    def __reduce__(self) -> tuple[type[DescriptionError], tuple[str, str, str]]:
        """Pickle by parts, as `TrafficError` does."""
        return (type(self), (self.source, self.where, self.reason))


class LeakError(ConformanceError):
    """A file was not written, because its content holds a secret."""


class ReportError(ConformanceError):
    """A report cannot be written, or a file is no complete report."""


class LedgerError(ConformanceError):
    """The ledger of what runs create cannot be read or written."""


class UsageError(ConformanceError):
    """The command was called wrongly: an unknown name, or options that exclude each other."""


class BudgetError(ConformanceError):
    """A run has reached its maximum number of requests."""


class TargetError(ConformanceError):
    """The target of a run cannot be reached, or rejects the key of the run."""


class RefusedError(ConformanceError):
    """A request was not sent, because the guard of the target forbids it."""


class ForbiddenError(RefusedError):
    """A request was not sent, because its operation is not allowed on the target."""


class NotClaimedError(ForbiddenError):
    """A request was not sent, because it needs a feature that the target does without."""


class OwnershipError(RefusedError):
    """A request was not sent, because it could change or delete a resource that the run has not created.

    Args:
        message: the resource, for a reader.
        claimed: whether a response of the target has named the resource as created by the run; otherwise the
            code that derived the request is wrong.
    """

    def __init__(self, message: str, *, claimed: bool) -> None:
        super().__init__(message)
        self.claimed = claimed


class HarnessError(ConformanceError):
    """A check itself has failed with an exception: nothing follows from that for the target."""
