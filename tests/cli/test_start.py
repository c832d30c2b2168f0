"""Commands import what they need, and no more: most of the time of a short one is its imports."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

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
