"""Runs the command in a process of its own and says how much memory it took at most."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_HELPER = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=-1, stderr=-2, stdin=-3)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(json.dumps([done.returncode, peak, done.stdout.decode(errors="replace")]))
"""
_PATIENCE = 800
"""Seconds after which a command is taken to hang; none needs a tenth of it."""


class Peaked(NamedTuple):
    """How a command ended.

    Attributes:
        code: its exit code.
        peak: megabytes of memory that it took at most.
        output: what it printed.
    """

    code: int
    peak: int
    output: str


def peaked(cwd: Path, *arguments: str) -> Peaked:
    """Run `cohere-conformance` with the arguments in a folder."""
    command = [sys.executable, "-c", _HELPER, sys.executable, "-m", "cohere_conformance", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, timeout=_PATIENCE, check=True)
    return Peaked(*json.loads(done.stdout))
