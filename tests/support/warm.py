"""Runs the command in processes that start warm: forked from one that has imported and read everything.

Starting Python, importing the package and reading the contract and the cases takes as long as most of the
runs that the tests look at. What is forked is a process of its own, with arguments, environment, folder and
exit code of its own. `test_wheel.py`, and whatever looks at signals, starts real ones.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cohere_conformance.cli import main, run
from cohere_conformance.cli.lazy import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        code: its exit code, negative where a signal ended it.
        output: what it printed, standard error last.
    """

    code: int
    output: str


class Warm:
    """The process that forks; it is started when it is first needed, and ends with this one."""

    def __init__(self) -> None:
        self.cpu = 0.0
        """Seconds of CPU time that the commands have taken."""
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def call(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Ended:
        """Run the command to its end.

        Args:
            arguments: of `cohere-conformance`.
            folder: to run in.
            environment: all variables that it gets.
        """
        with self._lock, tempfile.TemporaryDirectory(prefix="warm-") as scratch:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
            output, errors = Path(scratch, "output"), Path(scratch, "errors")
            order = [list(arguments), str(folder), dict(environment), str(output), str(errors)]
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            code, cpu = json.loads(self._process.stdout.readline())
            self.cpu += cpu
            text = "".join(path.read_bytes().decode("utf-8", "replace") for path in (output, errors))
            return Ended(code, text.replace("\r\n", "\n"))


WARM = Warm()


def _read_everything() -> None:
    """Run a case and judge an exchange, so that whatever a process reads once has been read."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    here = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="warm-") as folder, redirect_stdout(io.StringIO()):
        os.chdir(folder)
        codes = [run(("run", "--case", "check-api-key.valid")), run(("check", "--example", "deviating"))]
        os.chdir(here)
    assert codes == [0, 1], codes


def _fork_on_demand() -> None:
    """Fork for each order that comes in; return in the forked process only."""
    for line in sys.stdin.buffer:
        arguments, folder, environment, output, errors = json.loads(line)
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            for path, number in ((os.devnull, 0), (output, 1), (errors, 2)):
                flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
                os.dup2(os.open(path, flags), number)
            # As `python -m` has it: the folder first, in place of the one of this file.
            sys.path[:1] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
            sys.argv = ["cohere-conformance", *arguments]
            return
        _, status, used = os.wait4(child, 0)
        answer = [os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime]
        os.write(1, json.dumps(answer).encode() + b"\n")
    sys.exit()


if __name__ == "__main__":
    for module in ("httpx", "hypothesis.stateful", "pytest", "cohere_conformance.pytest_plugin"):
        importlib.import_module(module)
    for entry in COMMANDS.values():
        importlib.import_module(f"cohere_conformance.cli.{entry.location.partition(':')[0]}")
    _read_everything()
    gc.freeze()
    _fork_on_demand()
    main()
