"""`run` as its users meet it: the command in a process of its own, and what lies in the folder afterwards."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from unittest import mock

from warm import WARM

from cohere_conformance.cli import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HANGS = 900.0
"""Seconds after which a process counts as hanging; no test says how long one may take."""
COMMAND = (sys.executable, "-m", "cohere_conformance")


class Done:
    """A finished run.

    Args:
        code: its exit code.
        output: what it has printed.
        home: the folder that it ran in.
    """

    def __init__(self, code: int, output: str, home: Path) -> None:
        self.code = code
        self.output = output
        self.home = home

    @property
    def report(self) -> dict[str, Any]:
        """What report.json says."""
        path = self.home / "conformance-report" / "report.json"
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return report

    @property
    def kinds(self) -> set[str]:
        """The kinds of findings that no amendment explains."""
        return {row["kind"] for row in self.report["findings"] if row["amendment"] is None}


def environment(**further: str) -> dict[str, str]:
    """Return the environment of this process without variables that would change a run, and with others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CO_", "CONFORMANCE_"))}
    # Variables of pytest-xdist for this process would disturb the inner run.
    kept = {name: value for name, value in kept.items() if not name.startswith("PYTEST")}
    # No output depends on whether the official SDK is installed here; tests about it ask for it.
    return kept | {"CONFORMANCE_SDK_EFFECT": "0"} | further


def ran(home: Path, *arguments: str, key: str = "") -> Done:
    """Run to the end.

    Args:
        home: the folder to run in.
        arguments: of `run`.
        key: the API key.
    """
    return called(home, "run", *arguments, key=key)


def fuzzed(home: Path, *arguments: str, key: str = "") -> Done:
    """Fuzz to the end.

    Args:
        home: the folder to run in.
        arguments: of `fuzz`.
        key: the API key.
    """
    return called(home, "fuzz", *arguments, key=key)


def called(home: Path, *arguments: str, key: str = "", **further: str) -> Done:
    """Call any command to the end.

    Args:
        home: the folder to call it in.
        arguments: the command with its arguments.
        key: the API key.
        further: variables of its environment.
    """
    variables = environment(**further, **({"CO_API_KEY": key} if key else {}))
    if "PYTHONPATH" in further:  # is read at the start of an interpreter only
        cold = subprocess.run(
            [*COMMAND, *arguments],
            cwd=home, env=variables, capture_output=True, text=True, check=False, timeout=HANGS,
        )  # fmt: skip
        return Done(cold.returncode, cold.stdout + cold.stderr, home)
    ended = WARM.call(arguments, home, variables)
    return Done(ended.code, ended.output, home)


def called_here(home: Path, *arguments: str) -> Done:
    """Call any command in this process, so that it reaches what is only in here.

    Args:
        home: the folder to call it in.
        arguments: the command with its arguments.
    """
    output = io.StringIO()
    with (
        contextlib.chdir(home),
        mock.patch.dict(os.environ, environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"), clear=True),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
    ):
        code = run(arguments)
    return Done(code, output.getvalue(), home)


def measured(home: Path, *arguments: str) -> tuple[Done, float]:
    """Run to the end, and return with it the most memory that one of its processes took, in MiB.

    Args:
        home: the folder to run in.
        arguments: of `run`.
    """
    ended = WARM.call(("run", *arguments), home, environment())
    return Done(ended.code, ended.output, home), ended.memory


@contextlib.contextmanager
def running(home: Path, *arguments: str, command: str = "run") -> Iterator[subprocess.Popen[str]]:
    """Run for as long as the context lasts, unless it ends by itself."""
    process = subprocess.Popen(
        [*COMMAND, command, *arguments],
        cwd=home, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        # Whoever starts the tests in the background has them ignore Ctrl-C, and their children with them.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
