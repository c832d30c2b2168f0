"""Commands import what they need, and no more: most of the time of a short one is its imports."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

UNNEEDED = ("httpx", "httpcore", "h11", "starlette", "hypothesis", "cohere_conformance.cases.load")
UNNEEDED += ("cohere_conformance.client.sender", "cohere_conformance.drift.sources")
UNNEEDED += ("multiprocessing", "concurrent.futures.process", "rich.progress")


def test_a_check_of_recorded_traffic_imports_neither_client_nor_server_nor_cases(tmp_path: Path) -> None:
    code = (
        "import sys; from cohere_conformance import cli;"
        f"code = cli.run(['check', '--example', 'deviating', '--quiet', '--report-dir', {str(tmp_path)!r}]);"
        f"print(code, sorted(sys.modules.keys() & {set(UNNEEDED)!r}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "1 []"


NO_FINDINGS = ("yaml", "statistics", "concurrent.futures", "importlib.metadata", "email.message")
NO_FINDINGS += ("cohere_conformance.report.causes.find", "cohere_conformance.sdk.parsing")


def test_a_check_without_findings_imports_nothing_that_only_findings_need(tmp_path: Path) -> None:
    """Neither do documents that are stored in their parsed form, nor SDKs, of which the name is enough."""
    pytest.importorskip("cohere")
    given = ["check", "--example", "conforming", "--sdk-effect", "-q", "--report-dir", str(tmp_path)]
    code = (
        "import sys; from cohere_conformance import cli;"
        f"code = cli.run({given!r});"
        f"print(code, sorted(sys.modules.keys() & {set(NO_FINDINGS + UNNEEDED)!r}))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(2):  # the first one may have to store what is not stored yet
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
        )
        if done.stdout.splitlines()[-1] == "0 []":
            break
    assert done.stdout.splitlines()[-1] == "0 []"


def test_the_end_of_a_command_does_not_look_for_garbage() -> None:
    code = (
        "import atexit, gc, sys; from cohere_conformance.cli import main;"
        "atexit.register(lambda: print(gc.get_freeze_count() > 1000, gc.get_count()[0] < 1000));"
        "sys.argv = ['cohere-conformance', '--version']; main()"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "True True"


def test_only_a_run_that_fuzzes_imports_hypothesis() -> None:
    code = "import sys, cohere_conformance.pytest_plugin; print('hypothesis' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "False\n"
