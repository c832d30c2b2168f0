"""Writes docs/report.svg and docs/report-page.png: the output and the page of a run with an injected fault.

Run it after either has changed: `python tests/support/picture.py`. The page needs Chromium.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ("cohere-conformance", "run", "--only", "rerank", "--fault", "rerank.unsorted")
WIDTH = 100


def output(folder: Path) -> str:
    """Return what the command prints on a terminal, with its colours; the report is below `folder`."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "CONFORMANCE_SDK_EFFECT": "0"}
    done = subprocess.run(
        [str(Path(sys.executable).with_name(COMMAND[0])), *COMMAND[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout.strip("\n")


def draw_page(report: Path, picture: Path) -> None:
    """Write a picture of the first screen of a page."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        page.goto(report.as_uri())
        page.screenshot(path=picture)
        browser.close()


def main() -> None:
    """Write both pictures."""
    with tempfile.TemporaryDirectory() as home:
        shown = output(Path(home))
        draw_page(Path(home) / "conformance-report" / "report.html", ROOT / "docs" / "report-page.png")
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ {' '.join(COMMAND)}", style="bold"), highlight=False)
    console.print(Text.from_ansi(shown), highlight=False)
    svg = console.export_svg(title="cohere-conformance", unique_id="report")
    # No font from another host: whoever looks at the picture downloads nothing.
    svg = re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
    (ROOT / "docs" / "report.svg").write_text(
        re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
