"""Runs the command in processes that start warm: forked from one that has imported and read everything.

Starting Python, importing the package and reading the contract and the cases takes as long as most of the
runs that the tests look at. What is forked is a process of its own, with arguments, environment, folder and
exit code of its own. `test_wheel.py`, and whatever sends signals to a command, starts real ones.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import select
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
    from collections.abc import Callable, Mapping, Sequence


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        code: its exit code, negative where a signal ended it.
        output: what it printed, standard error last.
        errors: what it printed to standard error.
        memory: the most memory that one of its processes took, in MiB; what it shares with the process that
            it was forked from counts as its own.
    """

    code: int
    output: str
    errors: str
    memory: float


_CALLS = (
    ("run", "--case", "check-api-key.valid"),
    ("fuzz", "--fuzz-profile", "smoke", "--only", "tokenize"),
    ("replay", "--case", "check-api-key.valid"),
    ("verify", "--case", "check-api-key.valid"),
    ("check", "--example", "conforming"),
    ("check", "--example", "deviating"),
)
"""What is called before the first fork."""
_HANGS = 1800
"""Seconds after which a command is killed, as the tests themselves are."""
_UNITS_PER_MIB = 2**20 if sys.platform == "darwin" else 2**10


class Warm:
    """The process that forks; it is started when it is first needed, and ends with this one."""

    def __init__(self) -> None:
        self.cpu = 0.0
        """Seconds of CPU time that the commands have taken."""
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def call(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        device: Path | None = None,
        terminal: Path | None = None,
    ) -> Ended:
        """Run the command to its end; several threads can do so side by side.

        Args:
            arguments: of `cohere-conformance`.
            folder: to run in.
            environment: all variables that it gets.
            device: to print to in place of a file that is read.
            terminal: that is its standard error likewise.
        """
        with tempfile.TemporaryDirectory(prefix="warm-") as scratch:
            output, errors, ended = (Path(scratch, name) for name in ("output", "errors", "ended"))
            os.mkfifo(ended)
            result = os.open(ended, os.O_RDONLY | os.O_NONBLOCK)
            printed = [str(device or output), str(terminal or errors)]
            order = [list(arguments), str(folder), dict(environment), *printed, str(ended)]
            try:
                process = self._order(order)
                while not select.select([result], [], [], 5.0)[0]:
                    assert process.poll() is None, "the process that forks has ended"
                code, cpu, memory = json.loads(os.read(result, select.PIPE_BUF))
            finally:
                os.close(result)
            with self._lock:
                self.cpu += cpu
            shown, failure = (
                path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n") if path.exists() else ""
                for path in (output, errors)
            )
            return Ended(code, shown + failure, failure, memory)

    def _order(self, order: list[object]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
                )
                atexit.register(self._process.communicate)
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            return self._process


WARM = Warm()


def _read_everything() -> None:
    """Run a case and judge an exchange, so that whatever a process reads once has been read."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    here = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="warm-") as folder, redirect_stdout(io.StringIO()):
        os.chdir(folder)
        codes = [run(call) for call in _CALLS]
        os.chdir(here)
    assert codes == [0, 0, 0, 0, 0, 1], codes


def _fork_on_demand() -> None:
    """Fork for each order that comes in; return in the forked process only."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait for commands
    for line in sys.stdin.buffer:
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            arguments, folder, environment, output, errors, ended = json.loads(line)
            command = os.fork()
            if command == 0:
                _become(arguments, folder, environment, output, errors)
                return
            _, status, used = os.wait4(command, 0)
            memory = used.ru_maxrss / _UNITS_PER_MIB
            answer = [os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, memory]
            Path(ended).write_bytes(json.dumps(answer).encode())
            os._exit(0)
    os._exit(0)


def _become(arguments: list[str], folder: str, environment: dict[str, str], output: str, errors: str) -> None:
    """Set up this process as one that was started with the command."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.alarm(_HANGS)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for path, number in ((os.devnull, 0), (output, 1), (errors, 2)):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(path, flags), number)
    # As `python -m` has it: the folder first, in place of the one of this file.
    sys.path[:1] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv = ["cohere-conformance", *arguments]


def _end(command: Callable[[], None]) -> None:
    """Call the command and leave as an interpreter does, but for the objects, which nobody looks at.

    To free what was read before the fork, one by one, takes longer than most commands.
    """
    try:
        command()
        code: object = 0
    except SystemExit as ended:
        code = ended.code
    assert isinstance(code, int), code
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    gc.disable()  # nearly nothing of what is imported and read is garbage
    for module in ("httpx", "hypothesis.stateful", "pytest", "cohere_conformance.pytest_plugin"):
        importlib.import_module(module)
    for entry in COMMANDS.values():
        importlib.import_module(f"cohere_conformance.cli.{entry.location.partition(':')[0]}")
    _read_everything()
    # All of it gets old at once, without being looked through.
    gc.freeze()
    gc.unfreeze()
    gc.enable()
    _fork_on_demand()
    _end(main)
