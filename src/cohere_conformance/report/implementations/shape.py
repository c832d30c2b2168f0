"""The matrix of targets as a value; its field names are those of `report matrix --format json`."""

import enum

import msgspec

from cohere_conformance.model import Severity


class MatrixBy(enum.StrEnum):
    """What a line of the matrix is about."""

    CHECK = "check"
    """A cause that at least one of the targets has."""
    FEATURE = "feature"
    """A feature of `list features`."""
    OPERATION = "operation"
    """An operation of the contract."""


class CellState(enum.StrEnum):
    """What a report says about one target and one line."""

    PASS = "pass"
    FAIL = "fail"
    NOT_TESTED = "not tested"
    INCONCLUSIVE = "inconclusive"


class ImplementationCell(msgspec.Struct, frozen=True, kw_only=True):
    """One target and one line.

    Attributes:
        state: what the report says.
        detail: why, in a few words.
        figure: the number that matters, such as `2/9` for passed cases of a feature; may be empty.
        unlike: whether all other targets that were tested, at least two, agree on the opposite.
    """

    state: CellState
    detail: str
    figure: str = ""
    unlike: bool = False


class ImplementationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the matrix.

    Attributes:
        id: of the cause, the feature or the operation.
        title: the same in words.
        severity: of a mistake, the worst that a target has; null for features and operations.
        cells: in the order of the targets.
    """

    id: str
    title: str
    severity: Severity | None = None
    cells: tuple[ImplementationCell, ...]


class Implementation(msgspec.Struct, frozen=True, kw_only=True):
    """A target of the matrix.

    Attributes:
        name: what it is called.
        target: its URL and how it was called; the inputs, if recorded traffic was judged.
        command: the command that judged it.
        verdict: in one line.
        exit_code: of that command.
        causes: number of causes of findings.
        exchanges: number of judged exchanges.
    """

    name: str
    target: str
    command: str
    verdict: str
    exit_code: int
    causes: int
    exchanges: int


class ImplementationMatrix(msgspec.Struct, frozen=True, kw_only=True):
    """Several targets side by side.

    Attributes:
        by: what a line is about.
        contract_version: the version of the contract, the same for all targets.
        contract_digest: its digest.
        implementations: the targets, in the order of the columns.
        rows: the lines that at least one target was tested for.
        untested: names of the lines that no target was tested for.
    """

    by: MatrixBy
    contract_version: str
    contract_digest: str
    implementations: tuple[Implementation, ...]
    rows: tuple[ImplementationRow, ...]
    untested: tuple[str, ...] = ()
