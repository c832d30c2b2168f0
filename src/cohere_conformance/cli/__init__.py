"""The command: options, printing and exit codes, and nothing that judges."""

from __future__ import annotations

import io
import sys
import traceback
from typing import TYPE_CHECKING

import click

from cohere_conformance import __version__
from cohere_conformance.cli.cassettes import cassettes
from cohere_conformance.cli.catalogue import explain, list_
from cohere_conformance.cli.check import check
from cohere_conformance.cli.contract import contract
from cohere_conformance.cli.golden import record, replay, verify
from cohere_conformance.cli.output import flushed, forgive_broken_pipes
from cohere_conformance.cli.report import report
from cohere_conformance.cli.run import fuzz
from cohere_conformance.cli.run import run as run_
from cohere_conformance.cli.selftest import selftest
from cohere_conformance.cli.serve import serve
from cohere_conformance.errors import ConformanceError, UsageError
from cohere_conformance.report.render.safe import lines

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED, FAILED, WRONG_CALL = 2, 3, 4


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="cohere-conformance")
def commands() -> None:
    """Ask any server that speaks the Cohere REST API whether it does, and where it does not.

    Exit codes: 0 conforms, 1 deviates, 2 interrupted, 3 an input cannot be read or the tool failed, 4 wrong
    call, 5 nothing was judged.
    """


_JUDGING = (run_, fuzz, check, record, replay, verify, cassettes)
_TELLING = (report, selftest, contract, serve, list_, explain)
for _command in (*_JUDGING, *_TELLING):
    commands.add_command(_command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Carry out one call and return its exit code.

    Args:
        arguments: what follows the program's name; the process's own if not given.
    """
    try:
        outcome = commands.main(
            args=None if arguments is None else list(arguments),
            prog_name="cohere-conformance",
            standalone_mode=False,
        )
    except click.UsageError as error:
        shown = io.StringIO()
        error.show(shown)
        click.echo(lines(shown.getvalue()), err=True, nl=False)
        return WRONG_CALL
    except UsageError as error:
        return _say(error, WRONG_CALL)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", INTERRUPTED)
    except (ConformanceError, OSError, click.ClickException) as error:
        return _say(error, FAILED)
    except Exception:  # noqa: BLE001 - whatever it is, it must not look like a verdict about the server
        click.echo(lines(traceback.format_exc()), err=True, nl=False)
        return _say("this is a defect of cohere-conformance; please report it with the lines above", FAILED)
    return outcome if isinstance(outcome, int) else 0


def main() -> None:
    """Run the command and leave the process with its exit code."""
    forgive_broken_pipes()
    sys.exit(flushed(run()))


def _say(message: object, code: int) -> int:
    click.echo(lines(f"cohere-conformance: {message}"), err=True)
    return code
