"""The tests of the official SDK have the same results behind the proxy."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from running import HANGS, environment

ROOT = Path(__file__).parents[2]


def test_the_sdk_does_not_notice_the_proxy() -> None:
    pytest.importorskip("cohere", reason="the official SDK is an optional extra")
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"),
            *("-p", "behind_proxy", "tests/sdk/test_errors.py", "tests/sdk/test_methods.py"),
            *("-k", "test_errors or ClientV2 and not Async"),
        ],
        cwd=ROOT, env=environment(PYTHONPATH=str(ROOT / "tests" / "support")),
        capture_output=True, text=True, check=False, timeout=HANGS,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-5000:]
    passed = re.search(r"behind the proxy: (\d+) exchanges, 0 broken", ended.stdout)
    assert passed is not None
    assert int(passed[1]) > 100
