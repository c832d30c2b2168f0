"""The command line: options, output and exit codes."""

from __future__ import annotations

import gc
import io
import sys
import traceback
from typing import TYPE_CHECKING

import click

from cohere_conformance import __version__
from cohere_conformance.cli.lazy import LazyGroup
from cohere_conformance.cli.streams import flushed, forgive_broken_pipes
from cohere_conformance.errors import ConformanceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED, FAILED, USAGE_ERROR = 2, 3, 4
_COLLECTED = 100_000
"""New objects after which garbage is collected, instead of 700."""


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="cohere-conformance")
def commands() -> None:
    """Test whether a server conforms to the Cohere REST API, and report where it deviates.

    \b
    Examples:
      cohere-conformance run
      cohere-conformance run --url http://localhost:4000 --declares rerank,embed
      cohere-conformance check chat.har

    Exit codes: 0 conforms, 1 deviates, 2 interrupted, 3 an input cannot be read or the tool failed, 4 usage
    error, 5 nothing was judged.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: the command line without the program's name; that of the process by default.
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
        _print(shown.getvalue())
        return USAGE_ERROR
    except UsageError as error:
        return _say(error, USAGE_ERROR)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", INTERRUPTED)
    except (ConformanceError, OSError, click.ClickException) as error:
        return _say(error, FAILED)
    except Exception:  # noqa: BLE001 - no error of ours may look like a verdict about the server
        _print(traceback.format_exc())
        return _say("this is a bug in cohere-conformance; please report it with the lines above", FAILED)
    return outcome if isinstance(outcome, int) else 0


def main() -> None:
    """Run the command and leave the process with its exit code."""
    # Modules and the contract have hardly any garbage, and looking for it took a tenth of the start.
    gc.set_threshold(_COLLECTED, *gc.get_threshold()[1:])
    forgive_broken_pipes()
    code = flushed(run())
    # The interpreter looks for garbage once more at its end, which frees what the system frees anyway.
    gc.freeze()
    sys.exit(code)


def _say(message: object, code: int) -> int:
    _print(f"cohere-conformance: {message}\n")
    return code


def _print(text: str) -> None:
    from cohere_conformance.report.render.safe import lines  # slow to import, and most calls print no error

    click.echo(lines(text), err=True, nl=False)
