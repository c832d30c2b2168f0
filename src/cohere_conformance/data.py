"""Paths of the shipped data: beside the sources in a checkout, inside the package in a wheel."""

from __future__ import annotations

from pathlib import Path

from cohere_conformance.errors import ConformanceError

_PACKAGE = Path(__file__).resolve().parent


def in_checkout() -> bool:
    """Return whether the package is imported from the `src/` of a checkout, whose data can be edited."""
    return _PACKAGE.parent.name == "src"


def is_shipped(path: Path) -> bool:
    """Return whether a file belongs to the shipped documents, which a run only reads."""
    return any(path.is_relative_to(folder(name)) for name in ("contracts", "suites"))


def folder(name: str) -> Path:
    """Return the path of the shipped folder `name` (`contracts`, `suites`, `cassettes` or `reports`).

    If the package is imported from `src/`, the folder of the checkout is used, because an editable install
    leaves a stale copy of the data behind.

    Raises:
        ConformanceError: there is no such folder, so the installation is incomplete.
    """
    checkout = _PACKAGE.parent.parent / name
    if in_checkout() and checkout.is_dir():
        return checkout
    shipped = _PACKAGE / "_data" / name
    if shipped.is_dir():
        return shipped
    raise ConformanceError(
        f"the folder {name!r} is missing from this installation (looked at {checkout} and {shipped}); "
        "reinstall cohere-conformance"
    )
