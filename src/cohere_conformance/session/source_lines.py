"""The line that a finding is about: of the case that shows it, or of the contract that it violates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cohere_conformance.cases import shipped_suite
from cohere_conformance.data import folder
from cohere_conformance.drift.edits import ContractLines
from cohere_conformance.report.formats import SourceLine
from cohere_conformance.session.evidence import background_of

if TYPE_CHECKING:
    from cohere_conformance.contract import Contract
    from cohere_conformance.drift.edits import Edit
    from cohere_conformance.report import Row


class SourceLines:
    """The lines that the findings of a report are about.

    Args:
        contract: the contract of the report.
    """

    def __init__(self, contract: Contract) -> None:
        self._declarations = background_of(contract).declarations
        self._cases = {case.id: SourceLine(_shipped(case.file), case.line) for case in shipped_suite().cases}
        self._contract = ContractLines(folder("contracts") / "openapi")

    def __call__(self, row: Row) -> SourceLine | None:
        """Return the line of a finding; `None` if neither a case nor an operation is known.

        What a schema declares is found at the schema, whatever case shows it; what only a case expects, or
        a requirement demands, at the first case.
        """
        if declaration := self._declarations.get((row.operation, row.location)):
            return _line(self._contract.of(_steps(declaration)))
        for case in row.cases:
            if case in self._cases:
                return self._cases[case]
        method, _, path = row.operation.partition(" ")
        if not path.startswith("/"):
            return None
        return _line(self._contract.of(["paths", path, method.lower()]))


def _shipped(file: str) -> str:
    """Return the path of a file of cases in the project, whatever the current folder is."""
    return f"suites/{Path(file).resolve().relative_to(folder('suites')).as_posix()}"


def _line(edit: Edit) -> SourceLine:
    return SourceLine(edit.file, edit.line)


def _steps(declaration: str) -> list[str]:
    """Return the steps to a declaration: of `Meta/api_version`, or of `Reason = COMPLETE`."""
    schema, *tokens = declaration.partition(" = ")[0].split("/")
    steps = ["components", "schemas", schema]
    for token in tokens:
        steps += ["items"] if token == "*" else ["properties", token]
    return steps
