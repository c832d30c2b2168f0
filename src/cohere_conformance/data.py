"""Where the shipped folders lie: beside the sources in a checkout, inside the package in a wheel."""

from __future__ import annotations

from pathlib import Path

from cohere_conformance.errors import ConformanceError

_PACKAGE = Path(__file__).resolve().parent


def is_shipped(path: Path) -> bool:
    """Return whether a file is one of the shipped documents that a run reads and never writes."""
    return any(path.is_relative_to(folder(name)) for name in ("contracts", "suites"))


def folder(name: str) -> Path:
    """Return the shipped folder `name` (`contracts`, `suites`, `cassettes` or `reports`).

    The checkout wins whenever the package is imported from `src/`, because an editable install leaves a
    stale copy of the data behind.

    Raises:
        ConformanceError: neither place has the folder, so the installation is incomplete.
    """
    checkout = _PACKAGE.parent.parent / name
    if _PACKAGE.parent.name == "src" and checkout.is_dir():
        return checkout
    shipped = _PACKAGE / "_data" / name
    if shipped.is_dir():
        return shipped
    raise ConformanceError(
        f"the folder {name!r} is missing from this installation (looked at {checkout} and {shipped}); "
        "reinstall cohere-conformance"
    )
