"""What an operation of the contract needs beside its declaration: a handler, a requirement, a case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohere_conformance.contract import load_declarations
from cohere_conformance.contract.lint import LintProblem
from cohere_conformance.contract.requirements import load_requirements
from cohere_conformance.data import folder
from cohere_conformance.errors import ConformanceError
from cohere_conformance.reference.app import handled_operations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def missing_counterparts(root: Path) -> Iterator[LintProblem]:
    """Yield what operations lack, with the file to edit, in the order in which it is written.

    Args:
        root: a folder of the layout of `contracts/`.
    """
    try:
        contract = load_declarations(root).contract()
        required = {
            label
            for requirement in load_requirements(root / "requirements").requirements.values()
            for label in requirement.operations
        }
    except ConformanceError:
        return  # reported already
    suites = folder("suites")
    cases = "\n".join(
        path.read_text(encoding="utf-8")
        for path in sorted(suites.glob("*/*"))
        if path.suffix in {".py", ".yaml"}
    )
    handled = handled_operations()
    for label, group in contract.groups.items():
        module = group.replace("-", "_")
        if label not in handled:
            where = f"src/cohere_conformance/reference/groups/{module}.py"
            yield LintProblem(
                "operation-handled",
                label,
                f"no handler in the reference server; add one with @operation to {where}",
            )
        if label not in required:
            where = f"{root.name}/requirements/{group}.yaml"
            yield LintProblem(
                "operation-required",
                label,
                f"no requirement; add one, with a fault that violates it, to {where}",
            )
        if label not in cases:
            where = f"suites/{group}/cases.yaml"
            yield LintProblem("operation-tested", label, f"no case; add one to {where}")
