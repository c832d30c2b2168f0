"""Reports of several targets side by side: what each does, and what one does unlike all others."""

from cohere_conformance.report.implementations.build import WaivedRequirements, compare_implementations
from cohere_conformance.report.implementations.shape import (
    CellState,
    Implementation,
    ImplementationCell,
    ImplementationMatrix,
    ImplementationRow,
    MatrixBy,
)

__all__ = [
    "CellState",
    "Implementation",
    "ImplementationCell",
    "ImplementationMatrix",
    "ImplementationRow",
    "MatrixBy",
    "WaivedRequirements",
    "compare_implementations",
]
