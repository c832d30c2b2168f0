"""The options that name our contract and the witnesses of `contract drift` and `contract propose`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_Command = TypeVar("_Command", bound="Callable[..., int]")

ROOT = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with the layout of contracts/; the shipped one by default.",
)
_DOCUMENT = click.option(
    "--document", metavar="FILE|URL", help="An OpenAPI document; one at an http or https URL is fetched."
)
_SDK = click.option(
    "--sdk",
    "sdks",
    metavar="SPEC",
    multiple=True,
    help="An SDK, in a form of `contract diff`; repeatable.",
)
_TRAFFIC = click.option(
    "--traffic",
    type=click.Path(path_type=Path),
    metavar="REPORT",
    help="A report.json of `run`, `fuzz` or `check`, or its folder.",
)


def witnesses(command: _Command) -> _Command:
    """Add the options that name witnesses."""
    return _DOCUMENT(_SDK(_TRAFFIC(command)))


def require_witness(document: str | None, sdks: tuple[str, ...], traffic: Path | None) -> None:
    """Raise an error if no witness is named."""
    if document is None and not sdks and traffic is None:
        raise click.UsageError("expected at least one of --document, --sdk and --traffic, got none")
