"""A Redis server for one test, on a port of its own, with a password."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "not-a-real-password"
LONGEST = 900.0
"""Seconds that the server may take until it answers."""


@contextmanager
def redis_server(home: Path) -> Iterator[str]:
    """Run a server that keeps nothing; yield its host and port.

    Args:
        home: the folder that it runs in.
    """
    command = shutil.which("redis-server")
    if command is None:
        pytest.skip("redis-server is not installed")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    options = {"bind": "127.0.0.1", "port": port, "requirepass": PASSWORD, "dir": home, "save": ""}
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    with subprocess.Popen([command, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            until = time.monotonic() + LONGEST
            while not _answers(port):
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < until, "the Redis server does not answer"
                time.sleep(0.02)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return bool(connection.recv(64))
    except OSError:
        return False
