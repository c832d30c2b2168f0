"""The process that `warm.py` starts: it imports and reads everything once, and forks for each command.

It listens at the socket whose number is its only argument, and ends with the process that has started it.
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
import socket
import sys
import tempfile
import threading
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

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


def _read_everything() -> None:
    """Run a case and judge an exchange, so that whatever a process reads once has been read."""
    from cohere_conformance.cli import run
    from cohere_conformance.cli.lazy import COMMANDS

    gc.disable()  # nearly nothing of what is imported and read is garbage
    for module in ("httpx", "hypothesis.stateful", "pytest", "cohere_conformance.pytest_plugin"):
        importlib.import_module(module)
    for entry in COMMANDS.values():
        importlib.import_module(f"cohere_conformance.cli.{entry.location.partition(':')[0]}")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    here = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="warm-") as folder, redirect_stdout(io.StringIO()):
        os.chdir(folder)
        codes = [run(call) for call in _CALLS]
        os.chdir(here)
    assert codes == [0, 0, 0, 0, 0, 1], codes
    # All of it gets old at once, without being looked through.
    gc.freeze()
    gc.unfreeze()
    gc.enable()


def _called(listener: socket.socket) -> bool:
    """Wait until a command is called, or the process that has started this one ends."""
    return listener in select.select([listener, sys.stdin], [], [])[0]


def _fork_on_demand(listener: socket.socket) -> None:
    """Fork for each command that is called; return in the forked process only."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait for commands
    while _called(listener):
        connection, _ = listener.accept()
        with connection:
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                with connection.makefile("rwb") as file:
                    order = json.loads(file.readline())
                    command = os.fork()
                    if command != 0:
                        _, status, used = os.wait4(command, 0)
                        memory = used.ru_maxrss / _UNITS_PER_MIB
                        ended = os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, memory
                        file.write(json.dumps(ended).encode() + b"\n")
                        file.flush()
                        os._exit(0)
                _become(*order)
                return
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
    listening = socket.socket(fileno=int(sys.argv[1]))
    if _called(listening):
        _read_everything()
        _fork_on_demand(listening)
        from cohere_conformance.cli import main

        _end(main)
