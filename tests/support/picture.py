"""Writes docs/report.svg: the terminal output of a run against a server with an injected fault.

Run it after the output has changed: `python tests/support/picture.py`.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ("cohere-conformance", "run", "--only", "rerank", "--fault", "rerank.unsorted")
WIDTH = 100


def output() -> str:
    """Return what the command prints on a terminal, with its colours."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [str(Path(sys.executable).with_name(COMMAND[0])), *COMMAND[1:]],
            cwd=home,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout.strip("\n")


def main() -> None:
    """Write the picture."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ {' '.join(COMMAND)}", style="bold"), highlight=False)
    console.print(Text.from_ansi(output()), highlight=False)
    svg = console.export_svg(title="cohere-conformance", unique_id="report")
    # No font from another host: whoever looks at the picture downloads nothing.
    svg = re.sub(r"@font-face \{.*?\}\n", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
    (ROOT / "docs" / "report.svg").write_text(
        re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
