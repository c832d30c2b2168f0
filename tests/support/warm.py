"""Runs the command in processes that start warm: forked from one that has imported and read everything.

Starting Python, importing the package and reading the contract and the cases takes as long as most of the
runs that the tests look at. What is forked is a process of its own, with arguments, environment, folder and
exit code of its own. `test_wheel.py`, and whatever sends signals to a command, starts real ones.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SOCKET = "PYTEST_WARM_SOCKET"
"""The variable with the path of the socket, for the processes of pytest-xdist."""


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


class Warm:
    """The process that forks; it is started when it is first needed, and ends with this one."""

    def __init__(self) -> None:
        self.cpu = 0.0
        """Seconds of CPU time that the commands have taken."""
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start it, for this process and for those that this one starts.

        It reads nothing before a command is called.
        """
        folder = tempfile.mkdtemp(prefix="warm-")
        os.environ[_SOCKET] = f"{folder}/socket"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.environ[_SOCKET])
            listener.listen()
            process = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("forking.py"), str(listener.fileno())],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=[listener.fileno()],
            )  # fmt: skip
        atexit.register(shutil.rmtree, folder)
        atexit.register(process.communicate)

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
            output, errors = Path(scratch, "output"), Path(scratch, "errors")
            printed = [str(device or output), str(terminal or errors)]
            code, cpu, memory = self._ordered([list(arguments), str(folder), dict(environment), *printed])
            with self._lock:
                self.cpu += cpu
            shown, failure = (
                path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n") if path.exists() else ""
                for path in (output, errors)
            )
            return Ended(code, shown + failure, failure, memory)

    def _ordered(self, order: list[object]) -> tuple[int, float, float]:
        with self._lock:
            if _SOCKET not in os.environ:
                self.start()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.environ[_SOCKET])
            with connection.makefile("rwb") as file:
                file.write(json.dumps(order).encode() + b"\n")
                file.flush()
                ended = file.readline()
        assert ended, "the process that forks has ended"
        code, cpu, memory = json.loads(ended)
        return code, cpu, memory


WARM = Warm()
