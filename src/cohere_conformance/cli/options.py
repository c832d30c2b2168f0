"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cohere_conformance.history.place import HISTORY_FILE, NO_HISTORY
from cohere_conformance.model import Severity
from cohere_conformance.names import OWN_CASSETTES
from cohere_conformance.report.render.parts import DEFAULT_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable

_Command = TypeVar("_Command", bound="Callable[..., Any]")

report_dir = click.option(
    "--report-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(DEFAULT_FOLDER),
    show_default=True,
    help="Folder of report.html, report.md and report.json.",
)

baseline = click.option(
    "--baseline",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="File of accepted deviations (see `baseline`).  [default: conformance-baseline.yaml, if it is here]",
)

no_plan = click.option(
    "--no-plan",
    is_flag=True,
    help="Run all cases against a live target, not only those that are planned for this night.",
)

history = click.option(
    "--history",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Compare with the earlier runs in this file, and add this one (see `history`); `none` for neither.  "
    "[default: history.sqlite in the report folder; none for a shard]",
)


def history_file(named: str | None, report_dir: Path, shard: str | None = None) -> Path | None:
    """Return the file of earlier runs, if there is to be one.

    Args:
        named: the option `--history`.
        report_dir: folder of the report.
        shard: the option `--shard`. What a share of the cases says is only a part of a run.
    """
    if named is None:
        return None if shard else report_dir / HISTORY_FILE
    return None if named == NO_HISTORY else Path(named)


shard = click.option(
    "--shard",
    metavar="I/N",
    help="Run the Ith of N shares of the cases, such as 2/4; `report merge` joins their reports.",
)

_SDK_OPTIONS = (
    click.option(
        "--sdk-effect/--no-sdk-effect",
        default=None,
        help="Whether to parse each deviating response with the official SDK as well (the extra 'sdk'), and "
        "report what an application with it gets.  [default: if the SDK is installed]",
    ),
    click.option(
        "--sdk-effect-node",
        metavar="DIR",
        type=click.Path(file_okay=False),
        help="The same with the official TypeScript SDK in this folder (node_modules/cohere-ai), by Node.  "
        "[default: this folder, if it has one]",
    ),
)


def sdk_effect(command: _Command) -> _Command:
    """Add the options that name official SDKs."""
    for option in reversed(_SDK_OPTIONS):
        command = option(command)
    return command


ledger = click.option(
    "--ledger",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="File in which it is noted what runs create on a target, for `sweep`.  "
    "[default: ledger.jsonl in the report folder]",
)

observed = click.option(
    "--observed",
    metavar="FILE",
    help="Compare responses with the observed shapes in this file (see `learn`), `shipped` ones of the "
    "vendor's API, or `none`.  [default: shipped, for the vendor's hosts only]",
)

verbose = click.option(
    "-v", "--verbose", is_flag=True, help="Print every finding and table; without it, the first ten causes."
)
quiet = click.option("-q", "--quiet", is_flag=True, help="Print the verdict only.")

cassettes = click.option(
    "--cassettes",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the golden cassettes.  [default: cassettes if it has some, else the shipped ones]",
)
"""For commands that read cassettes."""
own_cassettes = click.option(
    "--cassettes",
    type=click.Path(file_okay=False, path_type=Path),
    default=OWN_CASSETTES,
    show_default=True,
    help="Folder of the golden cassettes.",
)
"""For commands that write cassettes."""

tls = (
    click.option(
        "--tls-verify/--no-tls-verify",
        default=None,
        help="Whether to verify the certificate of the target, as by default.",
    ),
    *(
        click.option(f"--{name}", metavar="FILE", help=text)
        for name, text in (
            ("ca-file", "Trust these certificates (PEM) instead of those of this machine."),
            ("client-cert", "Client certificate (PEM)."),
            ("client-key", "Key of the client certificate (PEM), if it is in another file."),
        )
    ),
)
"""For commands that call a server: how its certificate is verified, and what it is shown."""

fail_on = click.option(
    "--fail-on",
    type=click.Choice([severity.value for severity in Severity]),
    default=Severity.ADDITIVE.value,
    show_default=True,
    help="Least severity that makes the exit code 1.",
)
